import { type PvaError, PvaInputError, PvaProtocolError, PvaRefusedError } from "../errors.ts"
import { nameOf } from "../values/create.ts"
import type { FieldType } from "../values/field-type.ts"
import { type Layout, layoutOf } from "../values/layout.ts"
import { Command, Sub } from "../wire/codes.ts"
import { readTypeRequired } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import { isSuccess, readStatus } from "../wire/status.ts"
import type { Writer } from "../wire/writer.ts"
import { type ChannelCore, type ChannelUser, patience } from "./channel-core.ts"
import type { Connection } from "./connection.ts"
import type { RequestJob } from "./request-job.ts"

export type RequestCommand = typeof Command.get | typeof Command.put | typeof Command.rpc

/**
 * A GET, PUT or RPC on the server: one INIT, then any number of executions, one at a time. It belongs to one
 * connection of its channel; after a loss it starts with INIT again.
 */
export class Request implements ChannelUser {
  readonly core: ChannelCore
  readonly command: RequestCommand
  readonly key: string
  status: "waiting" | "init" | "ready" | "gone" = "waiting"
  #job: RequestJob<unknown> | null = null
  #connection: Connection | null = null
  #sid = 0
  #ioid = 0
  #layout: Layout | null = null
  /** Echo periods since INIT was sent. */
  #ticks = 0

  constructor(core: ChannelCore, command: RequestCommand, key: string) {
    this.core = core
    this.command = command
    this.key = key
  }

  /** The type of the channel, known once INIT was answered; an RPC has none. */
  get layout(): Layout {
    return this.#layout!
  }

  /** Executes a job as soon as the channel is connected and INIT answered. */
  run(job: RequestJob<unknown>): void {
    this.#job = job
    this.core.join(this)
    if (this.status === "ready") this.#execute()
  }

  /** The job is over, one way or another. `reusable` when nothing of it can still arrive. */
  finished(reusable: boolean): void {
    this.#job = null
    this.core.leave(this)
    if (reusable) this.core.retire(this)
    else this.destroy()
  }

  /** Sends one execution. */
  exec(sub: number, body?: (writer: Writer) => void): void {
    this.#connection?.send(w =>
      w.message(this.command, () => {
        w.u32(this.#sid)
        w.u32(this.#ioid)
        w.u8(sub)
        body?.(w)
      }),
    )
  }

  destroy(tellServer = true): void {
    this.status = "gone"
    this.#letGo(tellServer)
  }

  /** What may still arrive for it is ignored: the connection may well live on after the channel. */
  #letGo(tellServer: boolean): void {
    this.#connection?.release(this.#ioid, this.#sid, tellServer)
    this.#connection = null
  }

  begin(connection: Connection, sid: number): void {
    if (this.status !== "waiting") return
    this.#connection = connection
    this.#sid = sid
    this.#ioid = connection.register(this)
    this.status = "init"
    this.#ticks = 0
    this.exec(Sub.init, w => this.core.client.writeRequest(w, this.key))
  }

  /** INIT has no effect, so one that is not answered is sent again. */
  onTick(): void {
    const connection = this.#connection
    if (this.status !== "init" || connection === null || ++this.#ticks < patience) return
    connection.release(this.#ioid, this.#sid, true)
    this.status = "waiting"
    this.begin(connection, this.#sid)
  }

  lost(reason: PvaError): void {
    this.#letGo(false)
    this.status = "waiting"
    this.#job?.disconnected(reason)
  }

  closed(reason: PvaError): void {
    this.#letGo(false)
    this.status = "gone"
    this.#job?.fail(reason)
  }

  onReply(reader: Reader): void {
    const sub = reader.u8()
    const status = readStatus(reader)
    if ((sub & Sub.init) !== 0) {
      if (this.status !== "init") return
      if (!isSuccess(status)) {
        this.#letGo(false)
        this.#job?.fail(new PvaRefusedError(`${this.#job.what} ${this.core.name}`, status))
        return
      }
      if (this.command !== Command.rpc) this.#layout = layoutOf(structureOf(readTypeRequired(reader)))
      this.status = "ready"
      this.#execute()
      return
    }
    if (this.status !== "ready" || this.#job === null) return
    if (isSuccess(status)) this.#job.onReply(this, sub, reader)
    else this.#job.refused(new PvaRefusedError(`${this.#job.what} ${this.core.name}`, status))
  }

  #execute(): void {
    const job = this.#job
    if (job === null) return
    try {
      job.execute(this)
    } catch (error) {
      // The caller's value does not fit the type: nothing was sent.
      const isInput = error instanceof PvaInputError
      const message = isInput ? `${job.what} ${this.core.name}: ${error.message}` : ""
      job.refused(isInput ? new PvaInputError(message, error.code) : error)
    }
  }
}

/** The root of every channel is a structure. */
export function structureOf(type: FieldType): Extract<FieldType, { kind: "structure" }> {
  if (type.kind === "structure") return type
  throw new PvaProtocolError(`a channel is of type ${nameOf(type)}, where only a structure can be`)
}
