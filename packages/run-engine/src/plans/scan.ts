import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Plan } from "../messages.ts"
import { relativeSet, resetPositions } from "../preprocessors/insert.ts"
import type { ScanMotor } from "../stubs/steps.ts"
import { nameOf } from "../util.ts"
import {
  checkCount,
  checkDetectors,
  checkMotors,
  checkNumber,
  names,
  oneDimension,
  patternModule,
  type ScanOptions,
  withHints,
} from "./metadata.ts"
import { linspace } from "./patterns.ts"
import { scanNd, stepsOf } from "./scan-nd.ts"

/** motor, start, stop [, motor, start, stop, …], num [, options] */
export type ScanArgs = readonly (ScanMotor | number | ScanOptions)[]

interface Axis {
  motor: ScanMotor
  start: number
  stop: number
}

const isOptions = (x: unknown): x is ScanOptions =>
  typeof x === "object" && x !== null && typeof (x as Partial<ScanMotor>).set !== "function"

/** Splits trailing options off. */
export function withOptions(args: readonly unknown[]): [readonly unknown[], ScanOptions] {
  const last = args.at(-1)
  return isOptions(last) ? [args.slice(0, -1), last] : [args, {}]
}

function parse(plan: string, args: ScanArgs): { axes: Axis[]; num: number; options: ScanOptions } {
  const [given, options] = withOptions(args)
  if (given.length % 3 !== 1 || given.length < 4) {
    throw new PlanArgumentError(`${plan}: takes motor, start, stop for each motor, then the number of points`)
  }
  const num = given.at(-1)
  checkCount(plan, num)
  const axes: Axis[] = []
  for (let i = 0; i + 2 < given.length; i += 3) {
    const [motor, start, stop] = given.slice(i, i + 3)
    checkMotors(plan, [motor])
    checkNumber(plan, `start of "${nameOf(motor)}"`, start)
    checkNumber(plan, `stop of "${nameOf(motor)}"`, stop)
    axes.push({ motor: motor as ScanMotor, start, stop })
  }
  checkMotors(
    plan,
    axes.map(a => a.motor),
  )
  return { axes, num, options }
}

/**
 * Moves one or more motors together from start to stop in `num` evenly spaced points and measures at each:
 * `scan([detector], x, 0, 10, 11)`, `scan([detector], x, 0, 10, y, 5, -5, 11)`. Gives the run's uid.
 */
export function scan(
  detectors: readonly Readable[],
  motor: ScanMotor,
  start: number,
  stop: number,
  num: number,
  options?: ScanOptions,
): Plan<string>
export function scan(detectors: readonly Readable[], ...args: ScanArgs): Plan<string>
export function scan(detectors: readonly Readable[], ...all: readonly unknown[]): Plan<string> {
  const args = all.filter(a => a !== undefined) as ScanArgs
  return inner("scan", detectors, args)
}

function inner(plan: string, detectors: readonly Readable[], args: ScanArgs): Plan<string> {
  checkDetectors(plan, detectors)
  const { axes, num, options } = parse(plan, args)
  const motors = axes.map(a => a.motor)
  const printed = axes.flatMap(a => [nameOf(a.motor), a.start, a.stop])
  const md = withHints(
    {
      plan_args: { detectors: names(detectors), num, args: printed, per_step: options.perStep?.name ?? null },
      plan_name: plan,
      plan_pattern: "inner_product",
      plan_pattern_module: patternModule,
      plan_pattern_args: { num, args: printed },
    },
    oneDimension(motors),
    options.md,
  )
  const columns = axes.map(a => linspace(a.start, a.stop, num))
  const points = Array.from({ length: num }, (_, i) => columns.map(c => c[i]!))
  return scanNd(detectors, stepsOf(motors, points), { ...options, md })
}

/** `scan` around where the motors are, which they return to. */
export function relScan(
  detectors: readonly Readable[],
  motor: ScanMotor,
  start: number,
  stop: number,
  num: number,
  options?: ScanOptions,
): Plan<string>
export function relScan(detectors: readonly Readable[], ...args: ScanArgs): Plan<string>
export function relScan(detectors: readonly Readable[], ...all: readonly unknown[]): Plan<string> {
  const args = all.filter(a => a !== undefined) as ScanArgs
  const { axes } = parse("rel_scan", args)
  return relative(
    axes.map(a => a.motor),
    inner("rel_scan", detectors, args),
  )
}

/** Positions become relative to where the motors are, and they come back at the end. */
export const relative = (motors: readonly ScanMotor[], plan: Plan<string>): Plan<string> =>
  resetPositions(motors, relativeSet(motors, plan))
