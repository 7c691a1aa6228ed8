import type { HasHints, Named, Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Metadata } from "../messages.ts"
import type { PerShot, PerStep, ScanMotor } from "../stubs/steps.ts"
import { nameOf } from "../util.ts"

/** Name under which start documents point to the patterns; readers know these functions from bluesky. */
export const patternModule = "bluesky.plan_patterns"

export interface ScanOptions {
  /** What is done at each point instead of moving and measuring. */
  perStep?: PerStep
  md?: Metadata
}

export const names = (objs: readonly Named[]): string[] => objs.map(nameOf)

/** Printable form of a hook for `plan_args`. */
export const hookName = (hook: PerStep | PerShot | undefined): string | null =>
  hook === undefined ? null : hook.name === "" ? "anonymous" : hook.name

export const hintedFields = (obj: Named): string[] => (obj as Partial<HasHints>).hints?.fields ?? []

/** The plan's hints; those of the caller's metadata win, one by one. */
export function withHints(md: Metadata, defaults: Metadata, caller: Metadata = {}): Metadata {
  return { ...md, ...caller, hints: { ...defaults, ...((caller["hints"] as Metadata | undefined) ?? {}) } }
}

/** One dimension per motor, unless one of them has no hinted field. */
export function dimensionPerMotor(motors: readonly Named[]): Metadata {
  const fields = motors.map(hintedFields)
  return fields.some(f => f.length === 0) ? {} : { dimensions: fields.map(f => [f, "primary"]) }
}

/** All motors along one dimension. */
export function oneDimension(motors: readonly Named[]): Metadata {
  const fields = motors.flatMap(hintedFields)
  return fields.length === 0 ? {} : { dimensions: [[fields, "primary"]] }
}

export function checkDetectors(plan: string, detectors: readonly Readable[]): void {
  if (!Array.isArray(detectors))
    throw new PlanArgumentError(`${plan}: the detectors must be a list: [${nameOf(detectors)}]`)
  for (const d of detectors) {
    if (typeof (d as Partial<Readable> | null)?.read !== "function") {
      throw new PlanArgumentError(`${plan}: ${nameOf(d)} cannot be read, so it is no detector`)
    }
  }
}

export function checkMotors(
  plan: string,
  motors: readonly unknown[],
): asserts motors is readonly ScanMotor[] {
  for (const m of motors) {
    if (typeof (m as Partial<ScanMotor> | null)?.set !== "function") {
      throw new PlanArgumentError(`${plan}: a motor was expected where ${nameOf(m)} stands; it has no set()`)
    }
  }
  const twice = motors.find((m, i) => motors.indexOf(m) !== i)
  if (twice !== undefined) throw new PlanArgumentError(`${plan}: "${nameOf(twice)}" is listed twice`)
}

export function checkNumber(plan: string, what: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new PlanArgumentError(`${plan}: ${what} must be a number, not ${nameOf(value)}`)
  }
}

export function checkCount(plan: string, num: unknown): asserts num is number {
  if (!Number.isInteger(num) || (num as number) < 1) {
    throw new PlanArgumentError(
      `${plan}: the number of points must be a positive whole number, not ${String(num)}`,
    )
  }
}
