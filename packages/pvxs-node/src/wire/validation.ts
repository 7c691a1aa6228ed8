import { PvAny } from "../values/any.ts"
import { codecOf } from "../values/codec.ts"
import { create } from "../values/create.ts"
import { structure, t } from "../values/field-type.ts"
import { Command, registrySize } from "./codes.ts"
import type { Reader } from "./reader.ts"
import { type Status, writeStatus } from "./status.ts"
import type { Writer } from "./writer.ts"

/** CONNECTION_VALIDATION (1) from the server: the authentication methods it offers, the last being preferred. */
export interface ServerHello {
  readonly receiveBuffer: number
  readonly methods: readonly string[]
}

/**     u32 receive buffer · u16 type registry size · Size n · n × String method */
export function writeServerHello(writer: Writer, hello: ServerHello): void {
  writer.message(Command.connectionValidation, () => {
    writer.u32(hello.receiveBuffer)
    writer.u16(registrySize)
    writer.size(hello.methods.length)
    for (const method of hello.methods) writer.string(method)
  })
}

export function readServerHello(reader: Reader): ServerHello {
  const receiveBuffer = reader.u32()
  reader.u16()
  const methods: string[] = []
  for (let n = reader.items(); n > 0; n--) methods.push(reader.string())
  return { receiveBuffer, methods }
}

/** Who the client says it is. A claim, not a proof: the same trust as Channel Access has. */
export interface Account {
  readonly user: string
  readonly host: string
}

/** CONNECTION_VALIDATION (1) from the client. */
export interface ClientHello {
  readonly receiveBuffer: number
  readonly method: string
  /** For method `ca`. */
  readonly account: Account | null
}

const accountType = structure("", { user: t.string, host: t.string })

/**     u32 receive buffer · u16 type registry size · u16 quality of service · String method · FieldDesc + value */
export function writeClientHello(writer: Writer, hello: ClientHello): void {
  const { account } = hello
  writer.message(Command.connectionValidation, () => {
    writer.u32(hello.receiveBuffer)
    writer.u16(registrySize)
    writer.u16(0)
    writer.string(hello.method)
    codecOf(t.any).encode(
      writer,
      account === null ? null : new PvAny(accountType, create(accountType, { ...account })),
    )
  })
}

export function readClientHello(reader: Reader): ClientHello {
  const receiveBuffer = reader.u32()
  reader.u16()
  reader.u16()
  const method = reader.string()
  const data = reader.remaining > 0 ? (codecOf(t.any).decode(reader) as PvAny | null) : null
  const value = (data?.value ?? {}) as Record<string, unknown>
  const text = (name: string): string => (typeof value[name] === "string" ? (value[name] as string) : "")
  const account = data === null ? null : { user: text("user"), host: text("host") }
  return { receiveBuffer, method, account }
}

/** CONNECTION_VALIDATED (9):     Status */
export function writeValidated(writer: Writer, status: Status): void {
  writer.message(Command.connectionValidated, () => writeStatus(writer, status))
}
