import type { Named } from "@ophyd-ts/core"
import { type Group, type Grouped, msg, type Plan, uniqueGroup } from "../messages.ts"
import { isStatus } from "../util.ts"

export interface StageOptions extends Grouped {
  /** Wait until it is done, where staging takes time; default true without a group, else false. */
  wait?: boolean
}

function* each(command: "stage" | "unstage", objs: readonly Named[], options: StageOptions): Plan<unknown[]> {
  const group: Group = options.group ?? uniqueGroup(command)
  const results: unknown[] = []
  for (const obj of objs) results.push(yield msg(command, obj, [], { group }))
  const waits = options.wait ?? options.group === undefined
  if (waits && results.some(isStatus)) yield msg("wait", null, [], { group })
  return results.map(result => (isStatus(result) ? (result.value ?? result) : result))
}

/** Prepares the object for a scan; gives the devices concerned, or the status when it is not waited for. */
export function* stage(obj: Named, options: StageOptions = {}): Plan<unknown> {
  return (yield* each("stage", [obj], options))[0]
}

/** Undoes what `stage` did. */
export function* unstage(obj: Named, options: StageOptions = {}): Plan<unknown> {
  return (yield* each("unstage", [obj], options))[0]
}

/**
 * Stages in order, at the same time where staging takes time, and waits for all. When some fail, the rest comes to its end before
 * the plan hears of it. Objects of which one has to be staged before the other are staged by a message each.
 */
export const stageAll = (objs: readonly Named[], options: StageOptions = {}): Plan<unknown[]> =>
  each("stage", objs, options)

/** Unstages in the opposite order of `objs`, at the same time where it takes time, and waits for all. */
export const unstageAll = (objs: readonly Named[], options: StageOptions = {}): Plan<unknown[]> =>
  each("unstage", [...objs].reverse(), options)
