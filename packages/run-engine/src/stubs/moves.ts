import type { Location, Movable, Named, Preparable, Status, Triggerable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import { type Group, type Grouped, msg, type Plan, uniqueGroup } from "../messages.ts"
import { nameOf } from "../util.ts"
import { positionOf } from "./position.ts"

export interface SetStubOptions extends Grouped {
  /** Wait until it is done; default false. */
  wait?: boolean
}

/** The values an object takes. */
export type ValueOf<M> = M extends { set(value: infer V, ...rest: never[]): unknown } ? V : never

/** Device, value, device, value, …: each value of its device's type. */
export type Moves<T extends readonly unknown[]> = number extends T["length"]
  ? T
  : T extends readonly [infer M, unknown, ...infer Rest]
    ? readonly [M & Movable<never>, ValueOf<M>, ...Moves<Rest>]
    : T extends readonly []
      ? readonly []
      : readonly [Movable<never>, unknown]

function* begin(
  message: (group: Group | undefined) => ReturnType<typeof msg<"set" | "trigger" | "prepare">>,
  prefix: string,
  { group, wait: waits = false }: SetStubOptions,
): Plan<Status<unknown>> {
  const filed = waits ? (group ?? uniqueGroup(prefix)) : group
  const status = (yield message(filed)) as Status<unknown>
  if (waits) yield msg("wait", null, [], { group: filed! })
  return status
}

/** Begins a move; `wait: true` also waits for it. Gives its status. */
export const absSet = <T>(obj: Movable<T>, value: T, options: SetStubOptions = {}): Plan<Status<unknown>> =>
  begin(group => msg("set", obj as Movable, [value], { group }), "set", options)

/** Begins a move by `delta` from where the object is. */
export function* relSet(
  obj: Movable<number>,
  delta: number,
  options: SetStubOptions = {},
): Plan<Status<unknown>> {
  return yield* absSet(obj, (yield* positionOf(obj)) + delta, options)
}

/** Moves all of them at once and waits for all: `mv(x, 1, y, 2)`. Gives their statuses. */
export function* mv<const T extends readonly unknown[]>(...args: T & Moves<T>): Plan<Status<unknown>[]> {
  return yield* moveAll(pairs("mv", args))
}

/** Moves all of them at once by the given distances and waits: `mvr(x, 0.1, y, -0.1)`. */
export function* mvr(...args: readonly (Movable<number> | number)[]): Plan<Status<unknown>[]> {
  const targets: [Movable, unknown][] = []
  for (const [obj, delta] of pairs("mvr", args)) {
    targets.push([obj, (yield* positionOf(obj)) + (delta as number)])
  }
  return yield* moveAll(targets)
}

export interface MoveAllOptions extends Grouped {
  /** Seconds to wait for the moves. */
  timeout?: number | null
}

/** `mv` for pairs that are made while the plan runs. */
export function* moveAll(
  targets: readonly (readonly [Movable, unknown])[],
  { group = uniqueGroup("mv"), timeout = null }: MoveAllOptions = {},
): Plan<Status<unknown>[]> {
  const statuses: Status<unknown>[] = []
  for (const [obj, value] of targets)
    statuses.push((yield msg("set", obj, [value], { group })) as Status<unknown>)
  if (targets.length > 0) yield msg("wait", null, [], timeout === null ? { group } : { group, timeout })
  return statuses
}

function pairs(verb: string, args: readonly unknown[]): [Movable, unknown][] {
  if (args.length % 2 !== 0) {
    throw new PlanArgumentError(
      `${verb}: takes device, value, device, value, …; got ${args.length} arguments`,
    )
  }
  const result: [Movable, unknown][] = []
  for (let i = 0; i < args.length; i += 2) {
    const obj = args[i] as Partial<Movable> | null
    if (typeof obj?.set !== "function") {
      throw new PlanArgumentError(
        `${verb}: argument ${i + 1} (${nameOf(obj)}) cannot be moved, it has no set()`,
      )
    }
    result.push([obj as Movable, args[i + 1]])
  }
  return result
}

/** Begins an acquisition; `wait: true` also waits for it. */
export const trigger = (obj: Triggerable, options: SetStubOptions = {}): Plan<Status<unknown>> =>
  begin(group => msg("trigger", obj, [], { group }), "trigger", options)

/** Prepares an object for what comes, e.g. a detector for a number of frames. */
export const prepare = <T>(
  obj: Preparable<T>,
  value: T,
  options: SetStubOptions = {},
): Plan<Status<unknown>> =>
  begin(group => msg("prepare", obj as Preparable, [value], { group }), "prepare", options)

export function* stop(obj: Named): Plan<void> {
  yield msg("stop", obj)
}

/** Where the objects are: one location for one object, else a list. */
export function* locate<T>(obj: Named & { locate(): unknown }): Plan<Location<T>> {
  return (yield msg("locate", obj, [], { squeeze: true })) as Location<T>
}

export function* locateAll(objs: readonly Named[]): Plan<Location<unknown>[]> {
  const [first, ...others] = objs
  if (first === undefined) return []
  return (yield msg("locate", first, others, { squeeze: false })) as Location<unknown>[]
}

export { mv as mov, mvr as movr }
