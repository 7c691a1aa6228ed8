import { PvaInputError } from "../errors.ts"
import { codecOf } from "../values/codec.ts"
import { createAny } from "../values/create.ts"
import type { FieldSet } from "../values/field-set.ts"
import type { StructureType } from "../values/field-type.ts"
import { layoutOf } from "../values/layout.ts"
import { isStructure, nodeOf, slotsOf } from "../values/structure.ts"
import type { PvStructureValue, ValueOf } from "../values/value-of.ts"
import { Command, Sub } from "../wire/codes.ts"
import { readType, writeType } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import { error, ok, type Status, writeStatus } from "../wire/status.ts"
import type { Writer } from "../wire/writer.ts"
import type { Requested } from "./requested.ts"
import type { ServerChannel } from "./server-channel.ts"
import type { PutRequest, RequestContext } from "./shared-pv.ts"

/** An operation of a client on one channel, after its INIT. */
export abstract class ServerOperation {
  readonly channel: ServerChannel
  readonly ioid: number
  abstract readonly command: number

  constructor(channel: ServerChannel, ioid: number) {
    this.channel = channel
    this.ioid = ioid
  }

  /** A message after INIT. `reader` stands behind the sub-command. */
  abstract exec(sub: number, reader: Reader): void

  /** The client does not want the running execution any more, but keeps the operation. */
  cancel(): void {}

  /** The operation is over. */
  destroy(): void {
    this.cancel()
  }

  /** Answers one message. */
  reply(sub: number, status: Status, body?: (writer: Writer) => void): void {
    this.channel.session.send(w =>
      w.message(this.command, () => {
        w.u32(this.ioid)
        w.u8(sub)
        writeStatus(w, status)
        body?.(w)
      }),
    )
  }
}

export class ServerGet extends ServerOperation {
  readonly command = Command.get
  readonly #fields: FieldSet

  constructor(channel: ServerChannel, ioid: number, fields: FieldSet) {
    super(channel, ioid)
    this.#fields = fields
  }

  exec(sub: number): void {
    const { slots } = this.channel.pv
    this.reply(sub, ok, w => this.#fields.toBegin(slots).encode(w, slots))
  }
}

const isPromise = <R>(result: R | PromiseLike<R>): result is PromiseLike<R> =>
  typeof (result as { then?: unknown } | null | undefined)?.then === "function"

/** Runs one handler of the user at a time for a client, and answers when it is done. */
abstract class HandlerOperation extends ServerOperation {
  readonly #requested: Requested
  #running: AbortController | null = null

  constructor(channel: ServerChannel, ioid: number, requested: Requested) {
    super(channel, ioid)
    this.#requested = requested
  }

  protected get isRunning(): boolean {
    return this.#running !== null
  }

  protected run<R>(
    sub: number,
    handler: (context: RequestContext) => R | Promise<R>,
    answer: (result: R) => void,
  ): void {
    const controller = new AbortController()
    this.#running = controller
    const { session, name } = this.channel
    const context = {
      name,
      peer: session.peer,
      user: session.user,
      options: this.#requested.options,
      signal: controller.signal,
    }
    const finish = (reply: () => void): void => {
      if (this.#running !== controller) return
      // An answer that cannot be sent leaves it running, so that the refusal is sent instead.
      reply()
      this.#running = null
    }
    const refuse = (reason: unknown): void => {
      const message = reason instanceof Error ? reason.message : String(reason)
      finish(() => this.reply(sub, error(message)))
    }
    try {
      const result = handler(context)
      // A handler that is done already is answered in the same turn of the event loop.
      if (isPromise(result))
        Promise.resolve(result)
          .then(value => finish(() => answer(value)))
          .catch(refuse)
      else finish(() => answer(result))
    } catch (reason) {
      refuse(reason)
    }
  }

  override cancel(): void {
    const running = this.#running
    this.#running = null
    running?.abort()
  }
}

export class ServerPut extends HandlerOperation {
  readonly command = Command.put

  exec(sub: number, reader: Reader): void {
    const { pv } = this.channel
    const { layout } = pv
    if ((sub & Sub.get) !== 0) {
      this.reply(sub, ok, w => layout.all.toBegin(pv.slots).encode(w, pv.slots))
      return
    }
    const slots = layout.empty.slice()
    const changed = layout.readFields(reader)
    changed.decode(reader, slots)
    const { onPut } = pv.handlers
    if (onPut === undefined) this.reply(sub, error(`${this.channel.name} is read-only`))
    else if (this.isRunning) this.reply(sub, error(`the put before to ${this.channel.name} is still running`))
    else {
      const value = layout.view(slots) as ValueOf<StructureType>
      const put = { value, changed, apply: () => pv.postFields(slots, changed) }
      this.run(
        sub,
        context => onPut({ ...context, ...put } as PutRequest),
        () => this.reply(sub, ok),
      )
    }
  }
}

export class ServerRpc extends HandlerOperation {
  readonly command = Command.rpc

  exec(sub: number, reader: Reader): void {
    const type = readType(reader)
    const argument = type === null ? null : (codecOf(type).decode(reader) as PvStructureValue)
    const { onRpc } = this.channel.pv.handlers
    if (onRpc === undefined) this.reply(sub, error(`${this.channel.name} takes no calls`))
    else if (this.isRunning)
      this.reply(sub, error(`the call before of ${this.channel.name} is still running`))
    else
      this.run(
        sub,
        context => onRpc(argument, context),
        result => this.reply(sub, ok, w => writeResult(w, result)),
      )
  }
}

function writeResult(writer: Writer, result: object | null): void {
  if (result === null || result === undefined) {
    writeType(writer, null)
    return
  }
  if (!isStructure(result)) throw new PvaInputError("the procedure returned no structure made by `create`")
  const node = nodeOf(result)
  const type = node.type as StructureType
  writeType(writer, type)
  layoutOf(type).encodeWhole(writer, slotsOf(node.bit === 0 ? result : createAny(type, result)))
}
