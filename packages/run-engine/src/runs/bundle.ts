import type { Named, Readable, Readings } from "@ophyd-ts/core"
import { BundleError } from "../errors.ts"
import type { MaybePromise } from "../messages.ts"
import { isThenable, nameOf } from "../util.ts"
import { duplicate, type Stream } from "./stream.ts"

/** What is read between `create` and `save`. */
export class Bundle {
  readonly name: string
  readonly objs: Named[] = []
  readonly readings: Readings[] = []
  readonly #begun = new Map<Named, MaybePromise<Readings>>()

  /** Begins the reads of all `together` at once; their `read` messages collect the results in order. */
  constructor(name: string, together: readonly Readable[] = []) {
    this.name = name
    for (const obj of together) {
      if (typeof obj.read !== "function" || this.#begun.has(obj)) continue
      const readings = begin(obj)
      // Its `read` message hears of the failure; a bundle that is dropped before need not.
      if (isThenable(readings)) (readings as Promise<Readings>).then(undefined, () => {})
      this.#begun.set(obj, readings)
    }
  }

  /** Readings of the object: those begun with the bundle if there are any. */
  read(obj: Readable): MaybePromise<Readings> {
    const begun = this.#begun.get(obj)
    if (begun === undefined) return obj.read()
    this.#begun.delete(obj)
    return begun
  }

  add(obj: Named, readings: Readings, stream: Stream | undefined): void {
    // Objects that the stream already has were checked when its descriptor was made.
    if (stream?.objs[this.objs.length] !== obj) this.#check(obj, readings)
    this.objs.push(obj)
    this.readings.push(readings)
  }

  #check(obj: Named, readings: Readings): void {
    this.objs.forEach((other, i) => {
      if (other === obj)
        throw new BundleError(`stream "${this.name}": "${nameOf(obj)}" is read twice in one bundle`)
      for (const key of Object.keys(readings)) {
        if (key in this.readings[i]!) {
          throw new BundleError(duplicate(this.name, key, nameOf(other), nameOf(obj)))
        }
      }
    })
  }
}

function begin(obj: Readable): MaybePromise<Readings> {
  try {
    return obj.read()
  } catch (error) {
    return Promise.reject(error)
  }
}
