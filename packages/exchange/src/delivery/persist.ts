import { type Clock, toError } from "@ophyd-ts/core"
import { ExchangeError } from "../errors.ts"

/** How long to wait before the next attempt: from `first` doubling up to `longest`, in seconds. */
export interface BackOff {
  /** Default 0.2. */
  first?: number
  /** Default 15. */
  longest?: number
}

export interface PersistOptions {
  backOff: BackOff
  clock: Clock
  signal: AbortSignal
  /** Seconds after which the last error is final; `Infinity` tries until the signal. */
  patience: number
  /** Each failure that is followed by another attempt. */
  retrying: (error: ExchangeError, attempt: number) => void
}

/** Attempts until it works. Only errors with the code `UNREACHABLE` are followed by another attempt. */
export async function persist<T>(
  attempt: (n: number) => Promise<T>,
  { backOff, clock, signal, patience, retrying }: PersistOptions,
): Promise<T> {
  const { first = 0.2, longest = 15 } = backOff
  const deadline = clock.now() + patience
  for (let n = 1; ; n++) {
    signal.throwIfAborted()
    try {
      return await attempt(n)
    } catch (thrown) {
      const error = toError(thrown)
      signal.throwIfAborted()
      if (!(error instanceof ExchangeError) || error.code !== "UNREACHABLE") throw error
      const delay = Math.min(longest, first * 2 ** (n - 1))
      if (clock.now() + delay > deadline) throw error
      retrying(error, n)
      signal.throwIfAborted()
      await pause(delay, clock, signal)
    }
  }
}

function pause(seconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      forget()
      reject(toError(signal.reason))
    }
    const forget = clock.after(seconds, () => {
      signal.removeEventListener("abort", onAbort)
      resolve()
    })
    signal.addEventListener("abort", onAbort, { once: true })
  })
}
