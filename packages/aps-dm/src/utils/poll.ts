import { type Clock, systemClock } from "@ophyd-ts/core"
import { CommunicationError, DmWaitTimeout } from "../errors.ts"
import { abortable, sleep } from "../time.ts"

export interface PollOptions {
  /** Seconds between questions; the first ones follow sooner, so that what is quick is found quickly. */
  period?: number | undefined
  /** Seconds until DmWaitTimeout; `Infinity` for no limit. */
  timeout?: number | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
}

/**
 * Asks until there is an answer other than undefined. A service that is away is asked again, until the time is over.
 * @throws DmWaitTimeout, whatever else the question throws, the signal's reason.
 */
export async function poll<T>(
  what: () => string,
  ask: (signal: AbortSignal | undefined) => Promise<T | undefined>,
  options: PollOptions & { period: number; timeout: number },
): Promise<T> {
  const { clock = systemClock, signal, period, timeout } = options
  const started = clock.now()
  let away: CommunicationError | null = null
  for (let pause = 0.25; ; pause *= 2) {
    try {
      const answer = await abortable(ask(signal), signal)
      if (answer !== undefined) return answer
      away = null
    } catch (error) {
      if (!(error instanceof CommunicationError)) throw error
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
