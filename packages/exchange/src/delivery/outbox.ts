import { type Clock, toError } from "@ophyd-ts/core"
import { ExchangeError } from "../errors.ts"

export interface OutboxOptions<T> {
  /** Carries one item over. It tries again by itself as long as that makes sense; a rejection is final for the item. */
  deliver: (item: T, signal: AbortSignal) => Promise<void>
  /** The most items that may wait. */
  capacity: number
  /** The most bytes that may wait; one item may always. */
  bytes: number
  /** About how many bytes an item keeps. */
  sizeOf: (item: T) => number
  /** Hears of items that could not be delivered and for which nobody waits. */
  failed: (error: Error, item: T) => void
  clock: Clock
}

interface Entry<T> {
  item: T
  size: number
  settle: ((error: Error | null) => void) | null
}

/** Delivers items one after another, in order, without making the sender wait. */
export class Outbox<T> {
  readonly #options: OutboxOptions<T>
  readonly #abort = new AbortController()
  #queue: Entry<T>[] = []
  #head = 0
  #bytes = 0
  #working = false
  #delivered = 0
  #idle: (() => void)[] = []

  constructor(options: OutboxOptions<T>) {
    if (!(options.capacity >= 1)) throw new ExchangeError("ARGUMENT", "the bound of a queue is at least 1")
    this.#options = options
  }

  /** Items that wait, the one being delivered included. */
  get pending(): number {
    return this.#queue.length - this.#head + (this.#working ? 1 : 0)
  }

  get delivered(): number {
    return this.#delivered
  }

  get closed(): boolean {
    return this.#abort.signal.aborted
  }

  /** Takes the item along and returns at once; false when the queue is full or closed. */
  push(item: T): boolean {
    return this.#add(item, null)
  }

  /** Settles when the item has been delivered, or could not be. */
  send(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null) => (error === null ? resolve() : reject(error))
      if (this.#add(item, settle)) return
      reject(
        this.closed
          ? new ExchangeError("CLOSED", "nothing can be sent any more: it was closed")
          : new ExchangeError("OVERFLOW", `${this.pending} items wait already`),
      )
    })
  }

  /** Resolves when nothing waits any more. Rejects with `TIMEOUT` after so many seconds. */
  idle(timeout: number): Promise<void> {
    if (this.pending === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const forget = this.#options.clock.after(timeout, () => {
        this.#idle = this.#idle.filter(fn => fn !== done)
        reject(new ExchangeError("TIMEOUT", `${this.pending} items still wait after ${timeout} s`))
      })
      const done = () => {
        forget()
        resolve()
      }
      this.#idle.push(done)
    })
  }

  /** Ends at once: what is being delivered is given up, what waits is left. @returns the items that were left. */
  close(): T[] {
    const left = this.#queue.slice(this.#head)
    this.#queue = []
    this.#head = 0
    this.#bytes = 0
    this.#abort.abort(new ExchangeError("CLOSED", "closed while documents were being delivered"))
    for (const { settle } of left) settle?.(new ExchangeError("CLOSED", "closed before it was delivered"))
    return left.map(entry => entry.item)
  }

  #add(item: T, settle: Entry<T>["settle"]): boolean {
    const waiting = this.#queue.length - this.#head
    if (this.closed || waiting >= this.#options.capacity) return false
    const size = this.#options.sizeOf(item)
    if (waiting > 0 && this.#bytes + size > this.#options.bytes) return false
    this.#queue.push({ item, size, settle })
    this.#bytes += size
    if (!this.#working) void this.#work()
    return true
  }

  async #work(): Promise<void> {
    this.#working = true
    // A plan must not pay for what a delivery does before its first await.
    await Promise.resolve()
    for (let entry = this.#take(); entry !== null; entry = this.#take()) {
      try {
        await this.#options.deliver(entry.item, this.#abort.signal)
        this.#delivered++
        entry.settle?.(null)
      } catch (thrown) {
        const error = toError(thrown)
        if (entry.settle === null) this.#options.failed(error, entry.item)
        else entry.settle(error)
      }
    }
    this.#working = false
    const idle = this.#idle
    this.#idle = []
    for (const done of idle) done()
  }

  #take(): Entry<T> | null {
    const entry = this.#queue[this.#head]
    if (entry === undefined) {
      this.#queue = []
      this.#head = 0
      return null
    }
    this.#head++
    this.#bytes -= entry.size
    // Shifting each item off a long array would cost more than carrying it.
    if (this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return entry
  }
}
