import type { Clock } from "@ophyd-ts/core"

interface Due {
  readonly at: number
  readonly wake: () => void
}

/**
 * A clock that stands still until `advance`. Everything due is woken in order, and each wake-up is worked off (files
 * copied, stage functions returned) before the next one, so that a test sees exactly what has happened by then.
 */
export class ManualClock implements Clock {
  #time: number
  readonly #start: number
  readonly #due = new Set<Due>()
  readonly #settlers = new Set<() => Promise<void>>()

  /** @param start seconds since 1970. */
  constructor(start = 1_780_000_000) {
    this.#start = start
    this.#time = start
  }

  time(): number {
    return this.#time
  }

  now(): number {
    return this.#time - this.#start
  }

  after(seconds: number, wake: () => void): () => void {
    const due = { at: this.#time + Math.max(0, seconds), wake }
    this.#due.add(due)
    return () => this.#due.delete(due)
  }

  /** Registers what `advance` waits for after each wake-up; the result unregisters. */
  onSettle(settled: () => Promise<void>): () => void {
    this.#settlers.add(settled)
    return () => this.#settlers.delete(settled)
  }

  /** Moves time on and resolves when all that was due is done. */
  async advance(seconds: number): Promise<void> {
    const end = this.#time + seconds
    await this.#settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next)
      this.#time = Math.max(this.#time, next.at)
      next.wake()
      await this.#settle()
    }
    this.#time = end
  }

  #next(end: number): Due | undefined {
    let first: Due | undefined
    for (const due of this.#due) if (due.at <= end && (first === undefined || due.at < first.at)) first = due
    return first
  }

  async #settle(): Promise<void> {
    for (const settled of this.#settlers) await settled()
  }
}
