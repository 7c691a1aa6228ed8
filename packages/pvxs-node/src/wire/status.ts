import { PvaProtocolError } from "../errors.ts"
import type { Reader } from "./reader.ts"
import type { Writer } from "./writer.ts"

const names = ["OK", "WARNING", "ERROR", "FATAL"] as const
export type StatusType = (typeof names)[number]

/** The outcome a server states. OK and WARNING are success. */
export interface Status {
  readonly type: StatusType
  readonly message: string
  /** Call tree of the server, for its developers; usually empty. */
  readonly trace: string
}

export const ok: Status = { type: "OK", message: "", trace: "" }

export const error = (message: string): Status => ({ type: "ERROR", message, trace: "" })

export const isSuccess = (status: Status): boolean => status.type === "OK" || status.type === "WARNING"

/** Status (specification, "Status"): 0xff alone is OK without text. */
export function readStatus(reader: Reader): Status {
  const code = reader.u8()
  if (code === 0xff) return ok
  const type = names[code]
  if (type === undefined) throw new PvaProtocolError(`status of unknown type ${code}`)
  return { type, message: reader.string(), trace: reader.string() }
}

export function writeStatus(writer: Writer, status: Status): void {
  if (status.type === "OK" && status.message === "" && status.trace === "") {
    writer.u8(0xff)
    return
  }
  writer.u8(names.indexOf(status.type))
  writer.string(status.message)
  writer.string(status.trace)
}
