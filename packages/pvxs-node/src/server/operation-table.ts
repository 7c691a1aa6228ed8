import type { FieldSet } from "../values/field-set.ts"
import { Command, Sub } from "../wire/codes.ts"
import { writeType } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import { error, ok, type Status, writeStatus } from "../wire/status.ts"
import type { Writer } from "../wire/writer.ts"
import { ServerGet, type ServerOperation, ServerPut, ServerRpc } from "./operation.ts"
import { type Requested, readRequested, selectFields } from "./requested.ts"
import type { ServerChannel } from "./server-channel.ts"
import { queueDepth, ServerMonitor } from "./server-monitor.ts"
import type { ServerSession } from "./session.ts"

/** The operations of one client, by the number the client gave them. */
export class OperationTable {
  readonly #session: ServerSession
  readonly #limit: number
  readonly #operations = new Map<number, ServerOperation>()

  constructor(session: ServerSession, limit: number) {
    this.#session = session
    this.#limit = limit
  }

  /** A message of one of the operation commands: INIT, or something for an operation that has had its INIT. */
  onMessage(command: number, reader: Reader, channel: (sid: number) => ServerChannel | undefined): void {
    const sid = reader.u32()
    const ioid = reader.u32()
    const sub = reader.u8()
    if ((sub & Sub.init) !== 0) {
      const refusal = this.#init(command, channel(sid), ioid, sub, reader)
      if (refusal !== null) this.#reply(command, ioid, sub, error(refusal))
      return
    }
    const operation = this.#operations.get(ioid)
    // Executions may still arrive for an operation that is gone.
    if (operation === undefined || operation.command !== command) return
    if (command !== Command.monitor || (sub & Sub.destroy) === 0) operation.exec(sub, reader)
    if ((sub & Sub.destroy) !== 0) this.#end(operation)
  }

  /** DESTROY_REQUEST or CANCEL_REQUEST; neither has an answer, and late ones mean nothing. */
  onControl(command: number, ioid: number): void {
    const operation = this.#operations.get(ioid)
    if (operation === undefined) return
    if (command === Command.cancelRequest) operation.cancel()
    else this.#end(operation)
  }

  /** Its channel is gone, and ends it. */
  forget(operation: ServerOperation): void {
    this.#operations.delete(operation.ioid)
    if (operation instanceof ServerMonitor) this.#session.forgetMonitor(operation)
  }

  #end(operation: ServerOperation): void {
    this.forget(operation)
    operation.channel.operations.delete(operation)
    operation.destroy()
  }

  /** Starts an operation, or says why not. Every INIT gets exactly one answer. */
  #init(
    command: number,
    channel: ServerChannel | undefined,
    ioid: number,
    sub: number,
    reader: Reader,
  ): string | null {
    if (channel === undefined) return "no such channel on this connection"
    if (this.#operations.has(ioid)) return `request id ${ioid} is in use`
    if (this.#operations.size >= this.#limit) return "too many operations"
    const requested = readRequested(reader)
    const { layout } = channel.pv
    const fields = selectFields(layout, requested)
    if (fields === null) return "none of the requested fields exists"
    const window = command === Command.monitor && (sub & Sub.pipeline) !== 0 ? reader.u32() : null
    const operation = this.#make(command, channel, ioid, requested, fields, window)
    if (operation === null) return "not implemented by this server"
    this.#operations.set(ioid, operation)
    channel.operations.add(operation)
    this.#reply(command, ioid, sub, ok, command === Command.rpc ? undefined : w => writeType(w, layout.type))
    return null
  }

  #make(
    command: number,
    channel: ServerChannel,
    ioid: number,
    requested: Requested,
    fields: FieldSet,
    window: number | null,
  ): ServerOperation | null {
    if (command === Command.get) return new ServerGet(channel, ioid, fields)
    if (command === Command.put) return new ServerPut(channel, ioid, requested)
    if (command === Command.rpc) return new ServerRpc(channel, ioid, requested)
    if (command !== Command.monitor) return null
    const depth = queueDepth(requested.options["queueSize"] ?? (window === null ? undefined : String(window)))
    return new ServerMonitor(channel, ioid, fields, depth, window)
  }

  #reply(command: number, ioid: number, sub: number, status: Status, body?: (writer: Writer) => void): void {
    this.#session.send(w =>
      w.message(command, () => {
        w.u32(ioid)
        w.u8(sub)
        writeStatus(w, status)
        body?.(w)
      }),
    )
  }
}
