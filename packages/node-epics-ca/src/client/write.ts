import type { CaError } from "../errors.ts"
import { ecaSuccess } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { writePut } from "../wire/messages/write.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { asCaError, backlog, channelError, refused } from "./failures.ts"
import { Call } from "./operation.ts"
import { type CaPutValue, preparePut } from "./put-value.ts"

/** WRITE: done when the server confirmed, by an echo, that it read the request and did not complain. */
export class WriteOperation extends Call<void> {
  readonly action: string = "writing to"
  readonly write = true
  protected readonly value: CaPutValue

  constructor(channel: Channel, value: CaPutValue, limit: number, signal: AbortSignal | undefined) {
    super(channel, limit, signal)
    this.value = value
  }

  override issue(circuit: Circuit): void {
    this.send(circuit, false)
    if (!this.settled) circuit.confirm(this)
  }

  protected send(circuit: Circuit, notify: boolean): void {
    const { channel } = this
    try {
      const put = preparePut(channel.name, channel.nativeType, channel.maxCount, this.value)
      if (circuit.backlog > channel.context.settings.maxBacklogBytes)
        throw backlog(channel, this.action, circuit.backlog)
      circuit.track(this)
      writePut(circuit.out(), notify, put.type, put.count, channel.sid, this.id, put.value)
    } catch (error) {
      this.reject(asCaError(error))
    }
  }

  /** The echo behind it came back. */
  confirmed(): void {
    this.forget()
    this.resolve()
  }

  override onReply(message: Message): void {
    this.forget()
    if (ecaSuccess(message.p1)) this.resolve()
    else this.reject(refused(this.channel, this.action, message.p1))
  }
}

/**
 * WRITE_NOTIFY: done when everything that the write started has finished. A channel has at most one of these
 * outstanding; one that was given up here stays outstanding until the server answers.
 */
export class CompletionOperation extends WriteOperation {
  override readonly action = "writing with completion to"
  readonly #queue: boolean
  readonly #replyLimit: number
  #sentAt = 0

  constructor(
    channel: Channel,
    value: CaPutValue,
    limits: { connect: number; reply: number; queue: boolean },
    signal: AbortSignal | undefined,
  ) {
    super(channel, value, limits.connect, signal)
    this.#replyLimit = limits.reply
    this.#queue = limits.queue
  }

  override issue(circuit: Circuit): void {
    const { channel } = this
    const other = channel.completion
    if (other !== undefined) {
      if (this.#queue) channel.completionQueue.push(this)
      else this.reject(pending(channel, other))
      return
    }
    this.send(circuit, true)
    if (this.settled) {
      channel.completionOver()
      return
    }
    channel.completion = this
    this.#sentAt = channel.context.clock.now()
    // The time to find the channel is over; from here the caller's own limit counts.
    if (this.#replyLimit !== this.limit) channel.context.wheel.start(this, this.#replyLimit)
  }

  override giveUp(error: CaError): void {
    const queued = this.channel.completionQueue.indexOf(this)
    if (queued >= 0) this.channel.completionQueue.splice(queued, 1)
    // Stays on the circuit's table: the channel is busy until the server answers.
    this.reject(error)
  }

  override onReply(message: Message): void {
    super.onReply(message)
    this.channel.completionOver()
  }

  /** Seconds since it was sent. */
  get age(): number {
    return this.channel.context.clock.now() - this.#sentAt
  }
}

function pending(channel: Channel, other: CompletionOperation): CaError {
  const age = `${other.age.toFixed(1)} s ago`
  const state = other.settled ? "was given up here but still runs in the server" : "is not finished"
  return channelError(
    "PUT_PENDING",
    channel,
    `writing with completion to ${channel.name}: the write sent ${age} ${state}; wait for it, or put with whenBusy: "queue"`,
  )
}
