import type { Clock } from "@ophyd-ts/core"
import { ObjectNotFound } from "../errors.ts"
import { sleep } from "../time.ts"
import { isTerminal } from "../wire/index.ts"

/** A job, or something else of DM that has a status: a DAQ. */
export interface Watched {
  readonly status?: string | undefined
}

export interface WatchOptions<T extends Watched> {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Seconds between polls; asked for before each, since it may change. */
  readonly period: () => number
  /** Seconds until the poll after a good one, where that is not the period. */
  readonly pause?: () => number
  /** Longest pause between polls while DM does not answer, seconds. */
  readonly longestPause: number
  /** Seconds without a good answer after which the job counts as lost. */
  readonly lostAfter: number
  readonly onPoll: (job: T) => void
  /** A poll failed; `pause` is how long until the next. The job itself is not touched by that. */
  readonly onTrouble: (error: Error, pause: number) => void
}

/** DM does not know what is watched, or has not answered for too long. */
export class JobLost extends Error {}

/** A service that has just restarted may need a moment until it knows its jobs again. */
const notFoundLimit = 3

/**
 * Polls a job until DM says that it has ended, whatever way. A failed poll is not a failed job: polling goes on, with
 * growing pauses. `first` is the answer to the submission.
 * @throws JobLost, or the signal's reason.
 */
export async function watchJob<T extends Watched>(
  fetch: (signal: AbortSignal) => Promise<T>,
  first: T,
  options: WatchOptions<T>,
): Promise<T> {
  const { clock, signal, lostAfter } = options
  let lastGood = clock.now()
  let failures = 0
  let notFound = 0
  if (isTerminal(first.status ?? "")) return first
  await sleep(clock, options.period(), signal)
  for (;;) {
    let pause: number
    try {
      const job = await fetch(signal)
      lastGood = clock.now()
      failures = 0
      notFound = 0
      options.onPoll(job)
      if (isTerminal(job.status ?? "")) return job
      pause = options.pause?.() ?? options.period()
    } catch (error) {
      if (signal.aborted) throw error
      if (!(error instanceof Error)) throw error
      notFound = error instanceof ObjectNotFound ? notFound + 1 : 0
      if (notFound >= notFoundLimit) throw new JobLost("DM does not know it any more", { cause: error })
      failures += 1
      const period = options.period()
      pause = Math.min(period * 2 ** Math.min(failures, 20), Math.max(options.longestPause, period))
      const silent = clock.now() - lastGood
      if (silent + pause > lostAfter) {
        throw new JobLost(`DM has not answered for ${silent.toFixed(0)} s`, { cause: error })
      }
      options.onTrouble(error, pause)
    }
    await sleep(clock, pause, signal)
  }
}
