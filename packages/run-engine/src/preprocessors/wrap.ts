/** Wrappers that do something before and after a plan. Each takes a plan, or the function that makes it. */
import type { Named } from "@ophyd-ts/core"
import type { SubscribeOptions } from "../documents/dispatcher.ts"
import type { Subscriber } from "../documents/types.ts"
import { cleanedUp } from "../engine/region.ts"
import { errorOf, PlanEnded } from "../errors.ts"
import {
  type ExitStatus,
  type Metadata,
  type Msg,
  msg,
  type Plan,
  type PlanFactory,
  planOf,
} from "../messages.ts"
import { stageAll, unstageAll } from "../stubs/staging.ts"
import type { Suspender } from "../suspenders/suspender.ts"
import { single } from "./mutate.ts"

/** A plan, or the function that makes it when it is needed. */
export type PlanSource<T> = Plan<T> | PlanFactory<T>

/**
 * Opens a run around the plan and closes it: with `success`, with `fail` and the error's text, or, when the plan is
 * ended from outside, as the engine says. A plan function is given the run's uid.
 */
export function* run<T>(metadata: Metadata, plan: Plan<T> | ((uid: string) => Plan<T>)): Plan<T> {
  const uid = (yield msg("open_run", null, [], metadata)) as string
  let exitStatus: ExitStatus | null = null
  let reason: string | null = null
  function* watched(): Plan<T> {
    try {
      return yield* typeof plan === "function" ? plan(uid) : plan
    } catch (error) {
      // A plan that is ended from outside has not failed; the engine knows how it ends, which may change until then.
      if (!(error instanceof PlanEnded)) {
        exitStatus = "fail"
        reason = errorOf(error).message
      }
      throw error
    }
  }
  return yield* cleanedUp(watched(), () => single(msg("close_run", null, [], { exitStatus, reason })))
}

/**
 * Stages the devices in order, runs the plan, unstages them in the opposite order, also after an error; see `stageAll` for
 * those that take time.
 */
export function* stage<T>(devices: readonly Named[], plan: PlanSource<T>): Plan<T> {
  const objs = [...new Set(devices.map(rootOf))]
  function* staged(): Plan<T> {
    yield* stageAll(objs)
    return yield* planOf(plan)
  }
  return yield* cleanedUp(staged(), () => unstageAll(objs))
}

/** Children are staged with their device. */
export function rootOf(obj: Named): Named {
  let root = obj
  while (root.parent !== undefined && root.parent !== null) root = root.parent
  return root
}

/**
 * Runs `final` after the plan, whatever happens to it; only `halt` skips it. When both fail, the plan's error is thrown and
 * that of `final` is a problem of the result.
 */
export function* finalize<T>(plan: PlanSource<T>, final: PlanFactory<unknown>): Plan<T> {
  function* made(): Plan<T> {
    return yield* planOf(plan)
  }
  return yield* cleanedUp(made(), final)
}

export interface Contingency<T> {
  /** After an error; not when the plan is ended from outside. */
  except?: (error: unknown) => Plan<T | undefined>
  /** After a plan that came to its end. */
  else?: PlanFactory<unknown>
  /** After either, and when the plan is ended from outside. */
  final?: PlanFactory<unknown>
  /** False: the value of `except` stands for the plan's instead of the error; default true. */
  autoRaise?: boolean
}

/** try, catch, else, finally as plans. Within one generator, JavaScript's own words do the same. */
export function* contingency<T>(
  plan: PlanSource<T>,
  { except, else: otherwise, final, autoRaise = true }: Contingency<T>,
): Plan<T | undefined> {
  function* tried(): Plan<T | undefined> {
    let value: T
    try {
      value = yield* planOf(plan)
    } catch (error) {
      if (except === undefined || error instanceof PlanEnded) throw error
      const answer = yield* except(error)
      if (autoRaise) throw error
      return answer as T | undefined
    }
    if (otherwise !== undefined) yield* otherwise()
    return value
  }
  return yield* final === undefined ? tried() : cleanedUp(tried(), final)
}

/** Subscribes for the duration of the plan. */
export function* subs<T>(
  subscribers: Subscriber | readonly Subscriber[],
  plan: PlanSource<T>,
  options: SubscribeOptions = {},
): Plan<T> {
  const tokens: number[] = []
  function* subscribed(): Plan<T> {
    for (const fn of Array.isArray(subscribers)
      ? (subscribers as Subscriber[])
      : [subscribers as Subscriber]) {
      tokens.push((yield msg("subscribe", null, [fn], { name: "all", ...options })) as number)
    }
    return yield* planOf(plan)
  }
  return yield* cleanedUp(subscribed(), () => each(tokens.map(token => msg("unsubscribe", null, [token]))))
}

/** Installs the suspenders for the duration of the plan. */
export function* suspend<T>(suspenders: readonly Suspender[], plan: PlanSource<T>): Plan<T> {
  function* suspended(): Plan<T> {
    for (const suspender of suspenders) yield msg("install_suspender", null, [suspender])
    return yield* planOf(plan)
  }
  const remove = () => each(suspenders.map(suspender => msg("remove_suspender", null, [suspender])))
  return yield* cleanedUp(suspended(), remove)
}

/** Forbids (or allows) rewinding for the duration of the plan. */
export function* rewindable<T>(allowed: boolean, plan: PlanSource<T>): Plan<T> {
  const before = (yield msg("rewindable", null, [null])) as boolean | undefined
  function* changed(): Plan<T> {
    yield msg("rewindable", null, [allowed])
    return yield* planOf(plan)
  }
  return yield* cleanedUp(changed(), () => single(msg("rewindable", null, [before ?? true])))
}

function* each(messages: readonly Msg[]): Plan<void> {
  for (const message of messages) yield message
}
