import type { Clock } from "../clock.ts"

interface Alarm {
  at: number
  fn: () => void
}

/** A clock whose hands the test turns: `advance` runs what falls due, in order. */
export class TestClock implements Clock {
  #now = 0
  readonly #start: number
  readonly #alarms = new Set<Alarm>()

  /** `start`: seconds since 1970 that `time()` begins with. */
  constructor(start = 1_700_000_000) {
    this.#start = start
  }

  time(): number {
    return this.#start + this.#now
  }

  now(): number {
    return this.#now
  }

  after(seconds: number, fn: () => void): () => void {
    const alarm = { at: this.#now + Math.max(0, seconds), fn }
    this.#alarms.add(alarm)
    return () => void this.#alarms.delete(alarm)
  }

  /** How many alarms are set: zero means that nothing was left behind. */
  get pending(): number {
    return [...this.#alarms].filter(a => a.at !== Number.POSITIVE_INFINITY).length
  }

  advance(seconds: number): void {
    const end = this.#now + seconds
    for (;;) {
      let next: Alarm | undefined
      for (const alarm of this.#alarms)
        if (alarm.at <= end && (next === undefined || alarm.at < next.at)) next = alarm
      if (next === undefined) break
      this.#alarms.delete(next)
      this.#now = next.at
      next.fn()
    }
    this.#now = end
  }
}
