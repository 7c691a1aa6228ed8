import type { Clock } from "@ophyd-ts/core"

/** Seconds on a clock; rejects with the signal's reason when it is aborted. */
export function sleep(clock: Clock, seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(seconds, () => {
      signal?.removeEventListener("abort", abort)
      resolve()
    })
    signal?.addEventListener("abort", abort, { once: true })
  })
}

/** The promise, or the signal's reason if that comes first; what the promise does later is ignored. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener("abort", abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort))
  })
}
