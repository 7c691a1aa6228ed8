/** Where time comes from. Everything that waits takes one, so that a test can turn the hands. Durations are seconds. */
export interface Clock {
  /** Seconds on a clock that never jumps, from an arbitrary start. */
  now(): number
  /** Calls `fn` once after so many seconds; the function it gives cancels that. */
  after(seconds: number, fn: () => void): () => void
  /** Calls `fn` once this turn of the event loop is over. */
  soon(fn: () => void): void
}

/** Numbers from 0 up to but not including 1. */
export type Random = () => number

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now() / 1000,
  after(seconds, fn) {
    // A longer delay than this would fire at once.
    const timer = setTimeout(fn, Math.min(Math.max(0, seconds) * 1000, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
  soon: fn => void setImmediate(fn),
}
