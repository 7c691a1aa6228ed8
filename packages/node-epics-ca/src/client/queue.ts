/** Updates that a slow reader has not taken yet. Bounded: the oldest gives way, and is counted. */
export class UpdateQueue<T> {
  /** Updates that gave way to newer ones. */
  dropped = 0
  readonly #limit: number
  readonly #items: (T | undefined)[] = []
  /** Index of the oldest; the array is a ring once it is full. */
  #first = 0
  #size = 0
  #waiting: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (error: unknown) => void }[] =
    []
  #end: { error?: unknown } | undefined

  /** With limit 1 a reader gets the newest value only. */
  constructor(limit: number) {
    this.#limit = limit
  }

  push(item: T): void {
    const reader = this.#waiting.shift()
    if (reader !== undefined) {
      reader.resolve({ value: item, done: false })
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

  /** The oldest update, now or when there is one. After the end: what is left, then `done` or the error. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#size > 0) {
      const value = this.#items[this.#first] as T
      this.#items[this.#first] = undefined
      this.#first = (this.#first + 1) % this.#limit
      this.#size -= 1
      return Promise.resolve({ value, done: false })
    }
    if (this.#end !== undefined) {
      const { error } = this.#end
      this.#end = {}
      return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error)
    }
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /** No more updates. A reader that waits gets the error, if there is one, else `done`. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return
    this.#end = {}
    const [first, ...rest] = this.#waiting.splice(0)
    if (first === undefined) this.#end = { error }
    else if (error === undefined) first.resolve({ value: undefined, done: true })
    else first.reject(error)
    for (const { resolve } of rest) resolve({ value: undefined, done: true })
  }
}
