/** The time of the simulated service, so that a test need not wait for a job. */
export interface DmClock {
  /** Seconds since 1970. */
  now(): number
  /** Calls once after that many seconds; the result cancels. */
  after(seconds: number, wake: () => void): () => void
}

/** Real time. Its timers never keep a process alive; the service's sockets do. */
export const systemClock: DmClock = {
  now: () => Date.now() / 1000,
  after(seconds, wake) {
    // Longer timers than Node knows would fire at once.
    const timer = setTimeout(wake, Math.min(seconds * 1000, 2 ** 31 - 1))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

interface Due {
  readonly at: number
  readonly wake: () => void
}

/**
 * Time that stands still until `advance`. Everything due is woken in order, and each wake-up is worked off (files
 * copied, stage functions returned) before the next one.
 */
export class ManualClock implements DmClock {
  #now: number
  readonly #due = new Set<Due>()
  readonly #settlers = new Set<() => Promise<void>>()

  /** @param start seconds since 1970. */
  constructor(start = 1_780_000_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  after(seconds: number, wake: () => void): () => void {
    const due = { at: this.#now + Math.max(0, seconds), wake }
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
    const end = this.#now + seconds
    await this.#settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.wake()
      await this.#settle()
    }
    this.#now = end
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
