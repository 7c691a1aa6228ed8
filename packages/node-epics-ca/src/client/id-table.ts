/** Things by a 32-bit id that this side chooses: ids count up, come round, and skip those in use. */
export class IdTable<T> {
  readonly #things = new Map<number, T>()
  readonly #last: number
  #next: number

  /** `last` is the largest id; the default keeps ids in the range that engines hold without a box. */
  constructor(first = 1, last = 0x3fffffff) {
    this.#next = first
    this.#last = last
  }

  add(thing: T): number {
    while (this.#things.has(this.#next)) this.#advance()
    const id = this.#next
    this.#things.set(id, thing)
    this.#advance()
    return id
  }

  get(id: number): T | undefined {
    return this.#things.get(id)
  }

  delete(id: number): void {
    this.#things.delete(id)
  }

  get size(): number {
    return this.#things.size
  }

  values(): IterableIterator<T> {
    return this.#things.values()
  }

  clear(): void {
    this.#things.clear()
  }

  #advance(): void {
    this.#next = this.#next === this.#last ? 0 : this.#next + 1
  }
}
