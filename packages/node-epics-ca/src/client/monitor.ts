import type { CaError } from "../errors.ts"
import type { DbrReading } from "../wire/dbr-value.ts"
import type { Channel } from "./channel.ts"
import { type CaEvent, type CaPresentation, control, eventMask, presentation } from "./options.ts"
import { UpdateQueue } from "./queue.ts"
import type { Subscription, SubscriptionConsumer } from "./subscription.ts"

/** Updates kept for a slow reader that asked for all of them without a number. */
const DEFAULT_ALL = 10_000

/** Hears of a monitor. */
export interface CaMonitorListener {
  /** Called with every update, in order, at once. When it is given, the monitor is not to be iterated. */
  onUpdate?(reading: DbrReading): void
  /** Called when the server says that it can not send an update (access withdrawn, too large, refused). Updates may follow. */
  onError?(error: CaError): void
  /** Called once when the monitor has ended: it was closed, or its client was. */
  onClose?(): void
}

export interface CaMonitorOptions extends CaPresentation, CaMonitorListener {
  /** What to be told about. Default value and alarm. */
  events?: readonly CaEvent[]
  /** Updates carry limits, units and labels in place of the time stamp. Sensible with `events: ["property"]`. Default false. */
  metadata?: boolean
  /** Hears in place of the callbacks. Programs with many monitors save a function for each. */
  listener?: CaMonitorListener
  /**
   * For iteration: keep all updates a slow reader has not taken, at most this many (true: 10 000), instead of only the newest.
   * Beyond that the oldest give way.
   */
  all?: boolean | number
}

/**
 * A subscription to one channel. It survives disconnects: each reconnect brings at least one update. Iterate it for the newest
 * values (leaving the loop closes it), or give `onUpdate`.
 *
 * @example
 * for await (const { value, timestamp } of client.monitor("S1:m1.RBV")) console.log(value, timestamp)
 */
export class CaMonitor implements AsyncIterable<DbrReading>, AsyncDisposable, SubscriptionConsumer {
  /** Name of the channel. */
  readonly name: string
  /** The newest update that was received; undefined before the first. */
  latest: DbrReading | undefined = undefined
  /** The last failure that the server reported; cleared by the next update. */
  error: CaError | undefined = undefined
  readonly #channel: Channel
  readonly #subscription: Subscription
  readonly #listener: CaMonitorListener
  readonly #queue: UpdateQueue<DbrReading> | undefined
  #closed = false

  /** @internal */
  constructor(channel: Channel, options: CaMonitorOptions = {}) {
    const { all = false, events, metadata, listener = options } = options
    const plain = presentation(channel.name, options)
    const how = metadata === true ? control(plain) : plain
    const mask = eventMask(channel.name, events)
    this.name = channel.name
    this.#channel = channel
    this.#listener = listener
    const limit = all === true ? DEFAULT_ALL : all === false ? 1 : Math.max(1, Math.trunc(all))
    this.#queue = listener.onUpdate === undefined ? new UpdateQueue(limit) : undefined
    channel.acquire()
    this.#subscription = channel.subscribe(how, mask)
    this.#subscription.add(this)
    if (this.#subscription.latest !== undefined) queueMicrotask(() => this.#first())
  }

  /** Updates that a slow reader did not get because newer ones, or the bound of `all`, took their place. */
  get dropped(): number {
    return this.#queue?.dropped ?? 0
  }

  get closed(): boolean {
    return this.#closed
  }

  [Symbol.asyncIterator](): AsyncIterator<DbrReading, undefined> {
    const queue = this.#queue
    if (queue === undefined)
      throw new TypeError(`monitor of ${this.name}: iterate it or give onUpdate, not both`)
    return {
      next: () => queue.next(),
      return: () => {
        this.close()
        return Promise.resolve({ value: undefined, done: true })
      },
    }
  }

  /** Ends the subscription, and a loop over it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#subscription.remove(this)
    this.#channel.release()
    this.#queue?.end()
    this.#guard(() => this.#listener.onClose?.())
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** @internal */
  deliver(reading: DbrReading): void {
    if (this.#closed) return
    this.latest = reading
    this.error = undefined
    if (this.#queue !== undefined) {
      this.#queue.push(reading)
      return
    }
    try {
      this.#listener.onUpdate?.(reading)
    } catch (error) {
      this.#channel.context.settings.onCallbackError(error)
    }
  }

  /** @internal */
  fail(error: CaError): void {
    if (this.#closed) return
    this.error = error
    this.#guard(() => this.#listener.onError?.(error))
  }

  /** @internal */
  end(): void {
    this.close()
  }

  #guard(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#channel.context.settings.onCallbackError(error)
    }
  }

  /** An equal subscription exists already: its newest update is our first. */
  #first(): void {
    const reading = this.#subscription.latest
    if (this.latest === undefined && reading !== undefined) this.deliver(reading)
  }
}
