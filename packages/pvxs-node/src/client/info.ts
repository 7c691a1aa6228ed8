import type { PvaError } from "../errors.ts"
import { PvaRefusedError } from "../errors.ts"
import type { FieldType } from "../values/field-type.ts"
import { Command } from "../wire/codes.ts"
import { readTypeRequired } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import { isSuccess, readStatus } from "../wire/status.ts"
import { type ChannelCore, type ChannelUser, patience } from "./channel-core.ts"
import type { Connection, ReplyHandler } from "./connection.ts"
import { type CallOptions, Job } from "./job.ts"

export type InfoOptions = CallOptions

/** Asks for the type of a channel (GET_FIELD); one question, one answer, no INIT. */
class InfoJob extends Job<FieldType> implements ChannelUser, ReplyHandler {
  readonly what = "info of"
  #connection: Connection | null = null
  #ioid = 0
  #sid = 0
  #ticks = 0

  begin(connection: Connection, sid: number): void {
    this.#connection = connection
    this.#sid = sid
    this.#ticks = 0
    this.#ioid = connection.register(this)
    connection.send(w =>
      w.message(Command.getField, () => {
        w.u32(sid)
        w.u32(this.#ioid)
        // Servers ignore the name of a sub-field.
        w.string("")
      }),
    )
  }

  onReply(reader: Reader): void {
    const status = readStatus(reader)
    if (isSuccess(status)) this.succeed(readTypeRequired(reader))
    else this.refused(new PvaRefusedError(`${this.what} ${this.core.name}`, status))
  }

  lost(): void {
    this.#letGo()
  }

  /** Asking has no effect, so a question that was not answered is asked again. */
  onTick(): void {
    const connection = this.#connection
    if (connection === null || ++this.#ticks < patience) return
    connection.release(this.#ioid, this.#sid, false)
    this.begin(connection, this.#sid)
  }

  closed(reason: PvaError): void {
    this.fail(reason)
  }

  protected override over(): void {
    this.#letGo()
    this.core.leave(this)
  }

  /** An answer that still comes is ignored. */
  #letGo(): void {
    this.#connection?.release(this.#ioid, this.#sid, false)
    this.#connection = null
  }
}

/** The type of a channel. */
export function info(core: ChannelCore, options: InfoOptions = {}): Promise<FieldType> {
  const job = new InfoJob(core, options)
  core.join(job)
  if (options.signal?.aborted === true) job.abort()
  return job.promise
}
