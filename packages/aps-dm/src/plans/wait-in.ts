import type { Status } from "@ophyd-ts/core"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { dmErrorBehind } from "../jobs/job-errors.ts"

/**
 * Waits in a plan for asynchronous work. A pause lets it go on, a resume waits for the same work; when the plan ends
 * before the work, the work's signal is aborted.
 */
export function* waitIn<T>(work: (signal: AbortSignal) => Promise<T>): Plan<T> {
  const stop = new AbortController()
  let started: Promise<T> | null = null
  const start = () => {
    started ??= work(stop.signal)
    // Whoever waits gets the rejection; after an interruption nobody does.
    started.catch(() => {})
    return started
  }
  try {
    return (yield* bps.waitFor([start]))[0]
  } finally {
    stop.abort(new Error("the plan was interrupted"))
  }
}

/** Waits in a plan for a status, and throws DM's error instead of the status' one. An interruption leaves it alone. */
export function* waitForStatus<T>(status: Status<T>): Plan<T> {
  try {
    return yield* waitIn(() => Promise.resolve(status))
  } catch (error) {
    throw dmErrorBehind(error) ?? error
  }
}
