import { WheelTimer } from "@ophyd-ts/epics-net"
import type { CaError } from "../errors.ts"
import type { Message } from "../wire/message.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { aborted, noReply, notConnected } from "./failures.ts"

/** How long an operation may take and what may end it early. */
export interface CaCallOptions {
  /** Seconds, including the time to find and connect the channel. `Infinity` waits for ever. */
  timeout?: number
  /** Ends the call with an `ABORTED` error. A write that was sent before may still be carried out. */
  signal?: AbortSignal
}

/** One request from the call to its end: first it waits for its channel, then for the reply on a circuit. */
export abstract class Operation extends WheelTimer {
  readonly channel: Channel
  /** Id on the circuit while the reply is awaited. */
  id = -1
  circuit: Circuit | undefined = undefined
  settled = false
  /** Seconds allowed in all, for the message when they are over. */
  readonly limit: number
  readonly #signal: AbortSignal | undefined
  #onAbort: (() => void) | undefined

  constructor(channel: Channel, limit: number, signal: AbortSignal | undefined) {
    super()
    this.channel = channel
    this.limit = limit
    this.#signal = signal
    if (signal !== undefined) this.#listen(signal)
  }

  /** `reading from`, `writing to`: the first words of its errors. */
  abstract readonly action: string
  abstract readonly write: boolean
  /** Sends the request. Called once, when the channel is connected. */
  abstract issue(circuit: Circuit): void
  /** The reply. May throw a protocol error, which closes the circuit and fails the operation. */
  abstract onReply(message: Message): void
  /** Ends it with a failure, unless it has ended. */
  abstract reject(error: CaError): void

  override onTimeout(): void {
    const error =
      this.id < 0
        ? notConnected(this.channel, this.action, this.limit)
        : noReply(this.channel, this.action, this.limit, this.write)
    this.giveUp(error)
  }

  /** Ends it from this side, while a reply may still come. */
  giveUp(error: CaError): void {
    this.forget()
    this.reject(error)
  }

  /** Takes it off the circuit's table, so that a late reply is ignored. */
  forget(): void {
    if (this.id >= 0) this.circuit?.requests.delete(this.id)
    this.circuit = undefined
  }

  /** True the first time: then the caller settles the promise. */
  protected settle(): boolean {
    if (this.settled) return false
    this.settled = true
    const { channel } = this
    if (this.id < 0) channel.endedEarly()
    channel.context.wheel.stop(this)
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort)
    channel.release()
    return true
  }

  #listen(signal: AbortSignal): void {
    this.#onAbort = () => this.giveUp(aborted(this.channel, this.action, signal.reason))
    signal.addEventListener("abort", this.#onAbort)
  }
}

/**
 * An operation with a result. It settles its promise exactly once. Being its own timer and table entry, it is the only
 * object that a call costs besides the promise.
 */
export abstract class Call<T> extends Operation {
  readonly promise: Promise<T>
  #resolve!: (value: T) => void
  #reject!: (error: CaError) => void

  constructor(channel: Channel, limit: number, signal: AbortSignal | undefined) {
    super(channel, limit, signal)
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(value: T): void {
    if (this.settle()) this.#resolve(value)
  }

  override reject(error: CaError): void {
    if (this.settle()) this.#reject(error)
  }
}
