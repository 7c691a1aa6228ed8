import type { Component } from "./component.ts"
import { Device, type DeviceOptions } from "./device.ts"

/** Children by number: `new DeviceVector([1, 2, 3], i => new Channel(`${prefix}${i}`))`, named `channels_1` and so on. */
export class DeviceVector<C extends Component> extends Device implements Iterable<[number, C]> {
  readonly #members = new Map<number, C>()

  constructor(numbers: Iterable<number>, make: (n: number) => C, options: DeviceOptions = {}) {
    super(options)
    for (const n of numbers) {
      const member = make(n)
      this.adopt(member)
      this.#members.set(n, member)
    }
  }

  get size(): number {
    return this.#members.size
  }

  /** The child with this number; throws `RangeError` when there is none. */
  at(n: number): C {
    const member = this.#members.get(n)
    if (member === undefined) throw new RangeError(`${this.name} has no member ${n}`)
    return member
  }

  [Symbol.iterator](): IterableIterator<[number, C]> {
    return this.#members.entries()
  }

  values(): IterableIterator<C> {
    return this.#members.values()
  }

  protected override fields(): Iterable<[string, unknown]> {
    return [...this.#members].map(([n, member]) => [String(n), member])
  }

  protected override fieldCount(): number {
    // Fields of the base class are initialised before those of this one.
    return this.#members.size
  }
}
