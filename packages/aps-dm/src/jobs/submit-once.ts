import type { Clock } from "@ophyd-ts/core"
import { CommunicationError, type DmError, UnexpectedAnswer } from "../errors.ts"
import { sleep } from "../time.ts"

export interface OnceOptions<T> {
  /** Sends the request that must not be carried out twice. */
  readonly submit: () => Promise<T>
  /** What came of the request, if DM has it. */
  readonly find: () => Promise<T | null>
  /** Hears that an answer was lost, before what came of the request is looked for. */
  readonly onLost?: ((error: DmError) => void) | undefined
  /** What to say when it stays unknown whether the request was carried out, and how a person finds out. */
  readonly unknown: string
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Seconds to go on looking; default 60. */
  readonly patience?: number | undefined
}

/**
 * Carries a request out once and never twice. When its answer is lost, what came of it is looked for; only when DM,
 * asked twice or more over as long a time as the request was under way, does not have it, the request is sent once
 * more: a slow service works on a request, too, whose sender has given up.
 * @throws the service's refusal; CommunicationError when the service is away before the request was sent, and with
 * `outcomeUnknown` when it could not be found out whether it was carried out.
 */
export async function submitOnce<T>(options: OnceOptions<T>): Promise<T> {
  const { submit, clock, onLost, patience = 60 } = options
  const deadline = clock.now() + patience
  for (let attempt = 1; ; attempt += 1) {
    const sent = clock.now()
    try {
      return await submit()
    } catch (error) {
      if (!isLost(error)) throw error
      onLost?.(error)
      const found = await findLost(options, { error, deadline, span: clock.now() - sent })
      if (found !== null) return found
      if (attempt >= 2) throw error
    }
  }
}

/** The request may have been carried out although nobody said so. */
export const isLost = (error: unknown): error is CommunicationError | UnexpectedAnswer =>
  (error instanceof CommunicationError && error.outcomeUnknown) || error instanceof UnexpectedAnswer

/** A request whose answer was lost, after `span` seconds. */
interface Lost {
  readonly error: Error
  readonly span: number
  /** When the search is given up. */
  readonly deadline: number
}

/** What was submitted, or null when DM certainly does not have it. */
async function findLost<T>(options: OnceOptions<T>, lost: Lost): Promise<T | null> {
  const { find, clock, signal, unknown } = options
  const began = clock.now()
  let clean = 0
  for (let pause = 0.5; ; pause = Math.min(pause * 2, 8)) {
    try {
      const found = await find()
      if (found !== null) return found
      clean += 1
      if (clean >= 2 && clock.now() - began >= lost.span) return null
    } catch (error) {
      if (signal?.aborted) throw error
      if (clock.now() + pause > lost.deadline || error instanceof CannotTell) {
        throw new CommunicationError(unknown, {
          cause: new AggregateError([lost.error, error]),
          outcomeUnknown: true,
        })
      }
    }
    await sleep(clock, pause, signal)
  }
}

/** Thrown by `find`: no look, however often, can tell what came of the request. */
export class CannotTell extends Error {}
