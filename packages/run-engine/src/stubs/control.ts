import type { ConfigurationChange, Settable } from "@ophyd-ts/core"
import type { SubscribeOptions } from "../documents/dispatcher.ts"
import type { Subscriber } from "../documents/types.ts"
import { PlanArgumentError } from "../errors.ts"
import { type Group, type MaybePromise, msg, type Plan, type PlanFactory } from "../messages.ts"
import type { Suspender } from "../suspenders/suspender.ts"

/** Does nothing. */
function* nothing(): Plan<void> {
  yield msg("null")
}

export { nothing as null }

/** Waits so many seconds; a pause or an end cuts it short. */
export function* sleep(seconds: number): Plan<void> {
  if (!(seconds >= 0)) throw new PlanArgumentError(`sleep: ${seconds} is not a number of seconds`)
  yield msg("sleep", null, [seconds])
}

export interface WaitStubOptions {
  /** Seconds; null (default) waits for ever. */
  timeout?: number | null
  /** False: gives false instead of throwing when the time is over. */
  errorOnTimeout?: boolean
  /** Other groups: a failure there ends the wait. */
  watch?: readonly Group[]
}

/** Waits for everything of the group. Gives whether all of it is done. */
export function* wait(group: Group, options: WaitStubOptions = {}): Plan<boolean> {
  return (yield msg("wait", null, [], { group, ...options })) as boolean
}

/** Waits for what the factories make; gives their values. */
export function* waitFor<const T extends readonly (() => PromiseLike<unknown>)[]>(
  factories: T,
  options: { timeout?: number | null } = {},
): Plan<{ -readonly [I in keyof T]: Awaited<ReturnType<T[I]>> }> {
  return (yield msg("wait_for", null, [factories], options)) as {
    -readonly [I in keyof T]: Awaited<ReturnType<T[I]>>
  }
}

/**
 * The way out of a plan: runs the function and gives what it returns, or what its promise resolves to. It is called
 * once, a pause lets it finish, and a rewind does not call it again.
 */
export function* call<T>(fn: () => MaybePromise<T>): Plan<T> {
  return (yield msg("call", null, [fn])) as T
}

/** From here a resume replays. A deferred pause happens here. */
export function* checkpoint(): Plan<void> {
  yield msg("checkpoint")
}

/** From here a pause cannot be resumed and aborts, until the next checkpoint. */
export function* clearCheckpoint(): Plan<void> {
  yield msg("clear_checkpoint")
}

/** Pauses at once. */
export function* pause(): Plan<void> {
  yield msg("pause", null, [], { defer: false })
}

/** Pauses at the next checkpoint. */
export function* deferredPause(): Plan<void> {
  yield msg("pause", null, [], { defer: true })
}

/** Sets (true, false) or only asks (null) whether a resume replays. Gives the setting. */
export function* rewindable(allowed: boolean | null = null): Plan<boolean> {
  return (yield msg("rewindable", null, [allowed])) as boolean
}

/** Sets config members; the next event has a new descriptor. */
export function* configure(obj: Settable, values: Record<string, unknown>): Plan<ConfigurationChange> {
  return (yield msg("configure", obj, [values])) as ConfigurationChange
}

/** Subscribes for the rest of the plan; gives the token. */
export function* subscribe(fn: Subscriber, options: SubscribeOptions = {}): Plan<number> {
  return (yield msg("subscribe", null, [fn], { name: "all", ...options })) as number
}

export function* unsubscribe(token: number): Plan<void> {
  yield msg("unsubscribe", null, [token])
}

export function* installSuspender(suspender: Suspender): Plan<void> {
  yield msg("install_suspender", null, [suspender])
}

export function* removeSuspender(suspender: Suspender): Plan<void> {
  yield msg("remove_suspender", null, [suspender])
}

/**
 * Runs the plan `num` times (null: until interrupted), each shot after a checkpoint. The delay counts from the start
 * of a shot: only the rest is slept. A list of delays has an entry for each gap.
 */
export function* repeat(
  plan: PlanFactory<unknown>,
  num: number | null = 1,
  delay: number | Iterable<number> = 0,
  now: () => number = () => performance.now() / 1000,
): Plan<void> {
  if (num !== null && !(Number.isInteger(num) && num >= 0)) {
    throw new PlanArgumentError(`repeat: ${num} is not a number of shots`)
  }
  const delays = typeof delay === "number" ? null : delay[Symbol.iterator]()
  for (let shot = 0; num === null || shot < num; shot++) {
    const began = now()
    yield msg("checkpoint")
    yield* plan()
    if (num !== null && shot === num - 1) return
    const next = delays === null ? (delay as number) : nextDelay(delays, num, shot)
    if (next === null) return
    const rest = next - (now() - began)
    if (rest > 0) yield msg("sleep", null, [rest])
  }
}

/** Null: an endless repetition ends with its list of delays. */
function nextDelay(delays: Iterator<number>, num: number | null, shot: number): number | null {
  const step = delays.next()
  if (!step.done) return step.value
  if (num === null) return null
  throw new PlanArgumentError(`repeat: ${num} shots need ${num - 1} delays, there are only ${shot}`)
}
