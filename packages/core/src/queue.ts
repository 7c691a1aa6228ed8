/** How a consumer that is slower than its source is served. */
export type Delivery =
  /** Only the newest value waits; older ones are dropped and counted. */
  | "latest"
  /** Every value waits, up to a limit; beyond it the oldest are dropped and counted. */
  | "all"

export interface QueueOptions {
  /** Default `latest`. */
  deliver?: Delivery | undefined
  /** How many values may wait with `all`; default 10,000. */
  limit?: number | undefined
}

/** A stream of values for `for await`; leaving the loop ends it. */
export interface Updates<T> extends AsyncIterableIterator<T, void, void> {
  /** Values that came and were never handed out. */
  readonly dropped: number
}

/** Values pushed on one side, taken with `for await` on the other, by one consumer. */
export class UpdateQueue<T> implements Updates<T> {
  readonly #limit: number
  readonly #onClose: () => void
  #waiting: T[] = []
  #takers: PromiseWithResolversOf<IteratorResult<T, void>>[] = []
  #error: Error | null = null
  #ended = false
  #dropped = 0

  constructor(options: QueueOptions, onClose: () => void) {
    this.#limit = options.deliver === "all" ? Math.max(1, options.limit ?? 10_000) : 1
    this.#onClose = onClose
  }

  get dropped(): number {
    return this.#dropped
  }

  push(value: T): void {
    if (this.#ended) return
    const taker = this.#takers.shift()
    if (taker !== undefined) {
      taker.resolve({ value, done: false })
      return
    }
    this.#waiting.push(value)
    if (this.#waiting.length > this.#limit) {
      this.#waiting.shift()
      this.#dropped++
    }
  }

  /** No more values. What waits is still handed out; then the loop ends, or throws `error`. */
  end(error: Error | null = null): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#onClose()
    for (const taker of this.#takers.splice(0)) this.#endOne(taker)
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#waiting.length > 0) return Promise.resolve({ value: this.#waiting.shift() as T, done: false })
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#endOne({ resolve, reject })
      else this.#takers.push({ resolve, reject })
    })
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#waiting = []
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #endOne(taker: PromiseWithResolversOf<IteratorResult<T, void>>): void {
    const error = this.#error
    this.#error = null
    if (error !== null) taker.reject(error)
    else taker.resolve({ value: undefined, done: true })
  }
}

interface PromiseWithResolversOf<T> {
  resolve: (value: T) => void
  reject: (error: Error) => void
}
