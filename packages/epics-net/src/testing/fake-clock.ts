import type { Clock, Random } from "../clock.ts"

interface Alarm {
  at: number
  order: number
  fn: () => void
}

/** A clock that a test turns. Starts at 0; nothing happens until {@link advance}. */
export class FakeClock implements Clock {
  #now = 0
  #order = 0
  readonly #alarms = new Set<Alarm>()
  #turn: (() => void)[] = []

  now(): number {
    return this.#now
  }

  after(seconds: number, fn: () => void): () => void {
    const alarm = { at: this.#now + Math.max(0, seconds), order: this.#order++, fn }
    this.#alarms.add(alarm)
    return () => void this.#alarms.delete(alarm)
  }

  soon(fn: () => void): void {
    this.#turn.push(fn)
  }

  /** Ends the present turn of the event loop and goes on by so many seconds; all that falls due happens in order. */
  advance(seconds = 0): void {
    const end = this.#now + seconds
    this.#endTurn()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#alarms.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      this.#endTurn()
    }
    this.#now = end
  }

  /** The process stands still for so many seconds, as when the machine sleeps; then all that fell due happens late. */
  sleep(seconds: number): void {
    this.#now += seconds
    this.advance()
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#alarms.size
  }

  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue
      if (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order))
        first = alarm
    }
    return first
  }

  #endTurn(): void {
    while (this.#turn.length > 0) {
      const turn = this.#turn
      this.#turn = []
      for (const fn of turn) fn()
    }
  }
}

/** The same sequence of numbers from 0 to 1 for the same seed. */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
