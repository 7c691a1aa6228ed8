import { type Clock, systemClock } from "@ophyd-ts/core"
import { isAway } from "../away.ts"
import { CommunicationError, DmError, DmWaitTimeout } from "../errors.ts"
import { abortable, sleep } from "../time.ts"

export interface PollOptions {
  /** Seconds between questions; the first ones follow sooner, so that what is quick is found quickly. */
  period?: number | undefined
  /** Seconds until DmWaitTimeout; `Infinity` for no limit. */
  timeout?: number | undefined
  /** Hears at once that DM is away while it is asked again, and once more when it is away again after an answer. */
  onAway?: ((error: DmError) => void) | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
}

/** Times in a row that a service may say that it cannot work; then it is believed. */
const patience = 5

/**
 * Asks until there is an answer other than undefined. A service that is away is asked again, until the time is over;
 * one that answers, but cannot work, a few times.
 * @throws DmWaitTimeout, whatever else the question throws, the signal's reason.
 */
export async function poll<T>(
  what: () => string,
  ask: (signal: AbortSignal | undefined) => Promise<T | undefined>,
  options: PollOptions & { period: number; timeout: number },
): Promise<T> {
  const { clock = systemClock, signal, period, timeout, onAway } = options
  const started = clock.now()
  let away: DmError | null = null
  let refusals = 0
  for (let pause = 0.25; ; pause *= 2) {
    try {
      const answer = await abortable(ask(signal), signal)
      if (answer !== undefined) return answer
      away = null
      refusals = 0
    } catch (error) {
      if (!(error instanceof DmError && isAway(error))) throw error
      refusals = error instanceof CommunicationError ? 0 : refusals + 1
      if (refusals >= patience) throw error
      if (away === null) onAway?.(stillAsked(what(), error, timeout))
      away = error
    }
    const left = timeout - (clock.now() - started)
    if (left <= 0) {
      const why = away === null ? "" : `, and at the end there was no answer: ${away.message}`
      throw new DmWaitTimeout(`${what()}: not within ${timeout} s${why}`, {
        elapsed: clock.now() - started,
        ...(away === null ? {} : { cause: away }),
      })
    }
    await sleep(clock, Math.min(pause, period, left), signal)
  }
}

function stillAsked(what: string, cause: DmError, timeout: number): DmError {
  const limit = timeout === Number.POSITIVE_INFINITY ? "until it answers" : `for ${timeout} s in all`
  return new DmError(cause.code, `${what}: DM is away and is asked again ${limit}: ${cause.message}`, {
    cause,
  })
}
