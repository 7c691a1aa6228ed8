/** Updates that a slow reader has not taken yet. Bounded: the oldest gives way, and is counted. */
export class UpdateQueue<T> {
  /** Updates that gave way to newer ones. */
  dropped = 0
  readonly #limit: number
  readonly #items: (T | undefined)[] = []
  /** Index of the oldest; the array is a ring once it is full. */
  #first = 0
  #size = 0
  #waiting: ((result: IteratorResult<T, undefined>) => void)[] = []
  #ended = false

  /** With limit 1 a reader gets the newest value only. */
  constructor(limit: number) {
    this.#limit = limit
  }

  push(item: T): void {
    const reader = this.#waiting.shift()
    if (reader !== undefined) {
      reader({ value: item, done: false })
      return
    }
    if (this.#size < this.#limit) {
      this.#items[(this.#first + this.#size) % this.#limit] = item
      this.#size += 1
      return
    }
    this.#items[this.#first] = item
    this.#first = (this.#first + 1) % this.#limit
    this.dropped += 1
  }

  /** The oldest update, now or when there is one. After the end: what is left, then `done`. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#size > 0) {
      const value = this.#items[this.#first] as T
      this.#items[this.#first] = undefined
      this.#first = (this.#first + 1) % this.#limit
      this.#size -= 1
      return Promise.resolve({ value, done: false })
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise(resolve => void this.#waiting.push(resolve))
  }

  /** No more updates. */
  end(): void {
    this.#ended = true
    for (const resolve of this.#waiting.splice(0)) resolve({ value: undefined, done: true })
  }
}
