import type { Stageable } from "@ophyd-ts/core"
import { isThenable } from "../util.ts"

/**
 * The objects that a plan has staged. What is under way with one comes to its end before it is unstaged: an object that
 * is still being staged would go on setting itself up behind its clean-up.
 */
export class Staged {
  /** What is under way with each; null when nothing is. */
  readonly #objs = new Map<Stageable, PromiseLike<unknown> | null>()

  /** In the order of staging. */
  get objs(): Stageable[] {
    return [...this.#objs.keys()]
  }

  /** Gives what the object gives. */
  stage(obj: Stageable): unknown {
    const rests = () => void this.#objs.set(obj, null)
    // Before it is done: what fails half-way is unstaged too.
    if (!this.#objs.has(obj)) rests()
    return this.#watch(obj, obj.stage(), rests)
  }

  /** Gives what the object gives, later when something is under way with it. */
  unstage(obj: Stageable): unknown {
    const before = this.#objs.get(obj) ?? null
    const begin = () => obj.unstage()
    const unstaging = before === null ? begin() : Promise.resolve(before).then(begin, begin)
    return this.#watch(obj, unstaging, () => void this.#objs.delete(obj))
  }

  #watch(obj: Stageable, action: unknown, ended: () => void): unknown {
    if (!isThenable(action)) {
      ended()
      return action
    }
    this.#objs.set(obj, action)
    const over = () => {
      if (this.#objs.get(obj) === action) ended()
    }
    action.then(over, over)
    return action
  }
}
