import type { HasHints, Locatable, Location, Named, Readable, Readings } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import { msg, type Plan } from "../messages.ts"
import { nameOf } from "../util.ts"

const isLocatable = (obj: Named): obj is Locatable => typeof (obj as Partial<Locatable>).locate === "function"

/**
 * One value of an object: the read-back if it can be located, else its single hinted or its only field.
 * `fallback` is what a simulator that answers nothing gives.
 *
 * @throws PlanArgumentError when several fields could be meant
 */
export function* rd<T = number>(obj: Readable | Locatable<T>, fallback?: T): Plan<T> {
  if (isLocatable(obj)) {
    const location = (yield msg("locate", obj)) as Location<T> | undefined
    return location === undefined ? defaultOf(fallback) : location.readback
  }
  const readings = (yield msg("read", obj as Readable)) as Readings | undefined
  if (readings === undefined) return defaultOf(fallback)
  return readings[singleField(obj as Readable, readings)]!.value as T
}

/** Where a movable is told to be: the set point if it can be located, else its value. */
export function* positionOf(obj: Named): Plan<number> {
  if (isLocatable(obj)) {
    const location = (yield msg("locate", obj)) as Location<number> | undefined
    return location?.setpoint ?? 0
  }
  return yield* rd<number>(obj as Readable)
}

const defaultOf = <T>(fallback: T | undefined): T => (fallback === undefined ? (0 as T) : fallback)

function singleField(obj: Readable, readings: Readings): string {
  const hinted = ((obj as Partial<HasHints>).hints?.fields ?? []).filter(f => f in readings)
  const fields = hinted.length > 0 ? hinted : Object.keys(readings)
  if (fields.length === 1) return fields[0]!
  const found = fields.length === 0 ? "it has none" : `it has ${fields.join(", ")}`
  throw new PlanArgumentError(`rd: "${nameOf(obj)}" has no single field to read: ${found}`)
}
