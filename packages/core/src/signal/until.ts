import { OphydError } from "../errors.ts"
import { formatValue } from "../format.ts"
import type { Subscription } from "../protocols.ts"
import type { Action } from "../status/action.ts"
import { Status, type StatusOptions } from "../status/status.ts"
import { DisconnectedError, type SignalR } from "./readable.ts"
import type { SignalRW, WriteCall } from "./writable.ts"

export interface UntilOptions extends StatusOptions {
  /** Seconds for which it must hold without a break; default 0: once is enough. */
  stableFor?: number | undefined
}

/** A value to compare with, or what must hold. */
export type Match<T> = T | ((value: T) => boolean)

const matcher = <T>(signal: SignalR<T>, match: Match<T>): ((value: T) => boolean) =>
  typeof match === "function"
    ? (match as (value: T) => boolean)
    : value => signal.datatype.equal(value, match as T)

/**
 * Done when an update of the signal has this value or satisfies this predicate, with that value; with `stableFor`, when it has
 * held that long. Fails on its time-out, when the predicate throws, and when the connection is lost and the signal's
 * `onDisconnect` is `fail`.
 */
export function until<T>(signal: SignalR<T>, match: Match<T>, options: UntilOptions = {}): Status<T> {
  const { stableFor = 0, ...rest } = options
  const matches = matcher(signal, match)
  const target = typeof match === "function" ? {} : { target: match }
  const status: StatusOptions = { name: signal.name, action: "wait until it is", ...target, ...rest }
  if (typeof match === "function" && rest.action === undefined) status.action = "wait for a condition"
  return new Status<T>(status, action => watch(signal, matches, stableFor, rest, action))
}

function watch<T>(
  signal: SignalR<T>,
  matches: (value: T) => boolean,
  stableFor: number,
  { clock }: StatusOptions,
  action: Action<T>,
): void {
  let over = false
  let stopTimer: (() => void) | null = null
  const ends: (() => void)[] = []
  const end = () => {
    over = true
    stopTimer?.()
    for (const one of ends) one()
  }
  const finish = (value: T) => {
    end()
    action.finish(value)
  }
  const fail = (error: unknown) => {
    end()
    action.fail(error)
  }
  action.onCancel(end)
  const time = clock ?? signal.clock
  let latest: T
  const subscription: Subscription = signal.subscribe(({ value }) => {
    if (over) return
    latest = value
    let holds: boolean
    try {
      holds = matches(value)
    } catch (thrown) {
      fail(thrown)
      return
    }
    if (!holds) {
      stopTimer?.()
      stopTimer = null
    } else if (stableFor <= 0) finish(value)
    else stopTimer ??= time.after(stableFor, () => finish(latest))
  })
  ends.push(() => subscription.unsubscribe())
  if (signal.onDisconnect === "fail") {
    ends.push(
      signal.onConnection(up => up || over || fail(new DisconnectedError(signal.name, signal.source))),
    )
  }
  if (over) end()
}

/** `until` as a promise: rejects with its error. */
export function waitFor<T>(signal: SignalR<T>, match: Match<T>, options: UntilOptions = {}): Promise<T> {
  return until(signal, match, options).wait()
}

/** Writes, and is done when the write is and the read-back shows the value. */
export function setAndWaitForValue<T>(
  signal: SignalRW<T>,
  value: T,
  options: WriteCall & { match?: Match<T> } = {},
): Status<T> {
  const { match = (now: T) => signal.near(now, value), ...call } = options
  const { timeout, signal: abort } = call
  return Status.run(
    { name: signal.name, action: "set and wait for", target: value, timeout, signal: abort },
    async work => {
      const setting = signal.set(value, call)
      work.onCancel(reason => setting.cancel(reason))
      await setting
      const arriving = until(signal, match)
      work.onCancel(reason => arriving.cancel(reason))
      return await arriving
    },
  )
}

/** What is left to wait for once the other signal matched. */
export interface Started {
  /** The write itself, which may take until the end of what it started. */
  readonly completion: Status<void>
}

/** The write ended before the other signal matched, or it failed. */
export class StartError extends OphydError {
  constructor(message: string, options?: ErrorOptions) {
    super("START_FAILED", message, options)
  }
}

/**
 * Writes with completion and is done when *another* signal matches, without waiting for the completion: the way to start a busy
 * record (`Acquire`, `Capture`) and see that it runs. The result carries the write's status, to wait for its end.
 * Fails at once when the write is refused.
 */
export function setAndWaitForOtherValue<T, U>(
  signal: SignalRW<T>,
  value: T,
  other: SignalR<U>,
  match: Match<U>,
  options: WriteCall = {},
): Status<Started> {
  const { timeout, signal: abort, ...call } = options
  const what = {
    name: signal.name,
    action: `set and wait for ${other.name} after`,
    target: value,
    timeout,
    signal: abort,
  }
  return new Status<Started>(what, action => {
    const completion = signal.set(value, call)
    const matching = until(other, match)
    let over = false
    action.onCancel(reason => {
      over = true
      completion.cancel(reason)
      matching.cancel(reason)
    })
    matching.onDone(() => {
      if (over) return
      over = true
      if (matching.error === null) action.finish({ completion })
      else action.fail(matching.error)
    })
    completion.onDone(() => {
      if (over || completion.error === null) return
      over = true
      matching.cancel(completion.error)
      const why = `${signal.name}: set ${formatValue(value)} failed while waiting for ${other.name}`
      action.fail(new StartError(why, { cause: completion.error }))
    })
  })
}
