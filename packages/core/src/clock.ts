/** Where time comes from. Everything that waits or stamps takes one, so that tests can turn the hands. */
export interface Clock {
  /** Seconds since 1970-01-01 UTC. */
  time(): number
  /** Seconds on a clock that never jumps, from an arbitrary start. */
  now(): number
  /** Calls `fn` once after so many seconds; the function it gives cancels that. */
  after(seconds: number, fn: () => void): () => void
}

/** The longest delay that `setTimeout` can hold; a longer one would fire at once. */
const longestDelay = 2 ** 31 - 1

/** The clock of the machine. */
export const systemClock: Clock = {
  time: () => Date.now() / 1000,
  now: () => performance.now() / 1000,
  after(seconds, fn) {
    const milliseconds = seconds * 1000
    let timer: ReturnType<typeof setTimeout>
    const wait = (left: number) => {
      timer =
        left > longestDelay
          ? setTimeout(() => wait(left - longestDelay), longestDelay)
          : setTimeout(fn, Math.max(0, left))
    }
    if (milliseconds !== Number.POSITIVE_INFINITY) wait(milliseconds)
    return () => clearTimeout(timer)
  },
}
