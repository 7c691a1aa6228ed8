import { reportCallbackError } from "./error-hook.ts"

/** A callback. Written as a method type so that TypeScript compares its parameter in both directions. */
type Listener<T> = { hear(told: T): void }["hear"]

/**
 * Those who want to be told. One that throws is reported to the error hook and disturbs nobody; one that leaves while the others are
 * told hears nothing more. Costs next to nothing while nobody listens.
 */
export class Listeners<T> {
  /** Replaced, never changed, so that a round of telling is not disturbed. */
  #all: readonly Listener<T>[] = none

  get size(): number {
    return this.#all.length
  }

  /** Adds a listener; the function that it gives removes it. The same function may be added more than once. */
  add(listener: Listener<T>): () => void {
    const own: Listener<T> = told => listener(told)
    // Unlike a spread, it leaves no room for more: there are thousands of these lists, most of them short.
    this.#all = this.#all.concat(own)
    return () => {
      this.#all = this.#all.filter(one => one !== own)
    }
  }

  /** Tells all of them. `where` is for the error hook. */
  tell(told: T, where: string): void {
    const round = this.#all
    for (let i = 0; i < round.length; i++) {
      const listener = round[i] as Listener<T>
      if (round !== this.#all && !this.#all.includes(listener)) continue
      callSafely(listener, told, where)
    }
  }
}

const none: readonly never[] = []

/** Calls back; what the callback throws goes to the error hook. */
export function callSafely<T>(callback: (told: T) => void, told: T, where: string): void {
  try {
    callback(told)
  } catch (thrown) {
    reportCallbackError(thrown, where)
  }
}
