import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Plan } from "../messages.ts"
import type { ScanMotor } from "../stubs/steps.ts"
import { nameOf } from "../util.ts"
import {
  checkCount,
  checkDetectors,
  checkMotors,
  checkNumber,
  dimensionPerMotor,
  hookName,
  names,
  oneDimension,
  patternModule,
  type ScanOptions,
  withHints,
} from "./metadata.ts"
import { logspace, outerProduct } from "./patterns.ts"
import { relative, withOptions } from "./scan.ts"
import { scanNd, stepsOf } from "./scan-nd.ts"

/** motor, positions [, motor, positions, …] [, options] */
export type ListScanArgs<O = ScanOptions> = readonly (ScanMotor | Iterable<number> | O)[]

interface Axis {
  motor: ScanMotor
  positions: number[]
}

const isList = (x: unknown): x is Iterable<number> =>
  typeof x === "object" &&
  x !== null &&
  typeof (x as Partial<Iterable<number>>)[Symbol.iterator] === "function"

function parse<O extends ScanOptions>(plan: string, args: ListScanArgs<O>): { axes: Axis[]; options: O } {
  const [given, options] = args.length % 2 === 1 ? withOptions(args) : [args, {}]
  if (given.length === 0 || given.length % 2 !== 0) {
    throw new PlanArgumentError(`${plan}: takes a motor and its list of positions, for each motor`)
  }
  const axes: Axis[] = []
  for (let i = 0; i < given.length; i += 2) {
    const [motor, positions] = [given[i], given[i + 1]]
    checkMotors(plan, [motor])
    if (!isList(positions))
      throw new PlanArgumentError(`${plan}: "${nameOf(motor)}" needs a list of positions`)
    const list = [...positions]
    if (list.length === 0) throw new PlanArgumentError(`${plan}: the list of "${nameOf(motor)}" is empty`)
    for (const p of list) checkNumber(plan, `each position of "${nameOf(motor)}"`, p)
    axes.push({ motor: motor as ScanMotor, positions: list })
  }
  checkMotors(
    plan,
    axes.map(a => a.motor),
  )
  return { axes, options: options as O }
}

const printed = (axes: readonly Axis[]) => axes.flatMap(a => [nameOf(a.motor), a.positions])

/** Moves the motors together through their lists of positions, all of the same length. Gives the run's uid. */
export const listScan = (detectors: readonly Readable[], ...args: ListScanArgs): Plan<string> =>
  inner("list_scan", detectors, args)

function inner(plan: string, detectors: readonly Readable[], args: ListScanArgs): Plan<string> {
  checkDetectors(plan, detectors)
  const { axes, options } = parse(plan, args)
  const lengths = axes.map(a => a.positions.length)
  if (lengths.some(n => n !== lengths[0])) {
    throw new PlanArgumentError(
      `${plan}: all lists must have the same length; they have ${lengths.join(", ")}`,
    )
  }
  const motors = axes.map(a => a.motor)
  const md = withHints(
    {
      motors: names(motors),
      num_points: lengths[0],
      num_intervals: lengths[0]! - 1,
      plan_args: { detectors: names(detectors), args: printed(axes), per_step: hookName(options.perStep) },
      plan_name: plan,
      plan_pattern: "inner_list_product",
      plan_pattern_module: patternModule,
      plan_pattern_args: { args: printed(axes) },
    },
    oneDimension(motors),
    options.md,
  )
  const points = axes[0]!.positions.map((_, i) => axes.map(a => a.positions[i]!))
  return scanNd(detectors, stepsOf(motors, points), { ...options, md })
}

/** `listScan` around where the motors are, which they return to. */
export const relListScan = (detectors: readonly Readable[], ...args: ListScanArgs): Plan<string> =>
  relative(
    parse("rel_list_scan", args).axes.map(a => a.motor),
    inner("rel_list_scan", detectors, args),
  )

export interface GridOptions extends ScanOptions {
  /** Axes that turn round instead of jumping back: false (default), true for all but the slowest, or a list. */
  snakeAxes?: boolean | readonly ScanMotor[]
}

/** Which axes are snaked; the slowest never is. */
export function snaking(
  plan: string,
  motors: readonly ScanMotor[],
  axes: GridOptions["snakeAxes"] = false,
): boolean[] {
  if (typeof axes === "boolean") return motors.map((_, i) => axes && i > 0)
  checkMotors(plan, axes)
  for (const axis of axes) {
    if (!motors.includes(axis))
      throw new PlanArgumentError(`${plan}: snaked "${nameOf(axis)}" is not scanned`)
  }
  if (motors[0] !== undefined && axes.includes(motors[0])) {
    throw new PlanArgumentError(`${plan}: the slowest axis "${nameOf(motors[0])}" cannot be snaked`)
  }
  return motors.map(m => axes.includes(m))
}

/** Every combination of the motors' positions, the last motor fastest. Gives the run's uid. */
export const listGridScan = (
  detectors: readonly Readable[],
  ...args: ListScanArgs<GridOptions>
): Plan<string> => grid("list_grid_scan", detectors, args)

function grid(plan: string, detectors: readonly Readable[], args: ListScanArgs<GridOptions>): Plan<string> {
  checkDetectors(plan, detectors)
  const { axes, options } = parse<GridOptions>(plan, args)
  const motors = axes.map(a => a.motor)
  const { snakeAxes = false } = options
  const snaked = snaking(plan, motors, snakeAxes)
  const snake_axes = typeof snakeAxes === "boolean" ? snakeAxes : names(snakeAxes)
  const md = withHints(
    {
      shape: axes.map(a => a.positions.length),
      extents: axes.map(a => [Math.min(...a.positions), Math.max(...a.positions)]),
      snake_axes,
      plan_args: { detectors: names(detectors), args: printed(axes), per_step: hookName(options.perStep) },
      plan_name: plan,
      plan_pattern: "outer_list_product",
      plan_pattern_args: { args: printed(axes), snake_axes },
      plan_pattern_module: patternModule,
      motors: names(motors),
    },
    dimensionPerMotor(motors),
    options.md,
  )
  const points = outerProduct(
    axes.map(a => a.positions),
    snaked,
  )
  return scanNd(detectors, stepsOf(motors, points), { ...options, md })
}

/** `listGridScan` around where the motors are, which they return to. */
export const relListGridScan = (
  detectors: readonly Readable[],
  ...args: ListScanArgs<GridOptions>
): Plan<string> =>
  relative(
    parse("rel_list_grid_scan", args).axes.map(a => a.motor),
    grid("rel_list_grid_scan", detectors, args),
  )

/** Through `num` powers of ten with exponents from `start` to `stop`. Gives the run's uid. */
export const logScan = (
  detectors: readonly Readable[],
  motor: ScanMotor,
  start: number,
  stop: number,
  num: number,
  options: ScanOptions = {},
): Plan<string> => log("log_scan", detectors, motor, start, stop, num, options)

function log(
  plan: string,
  detectors: readonly Readable[],
  motor: ScanMotor,
  start: number,
  stop: number,
  num: number,
  options: ScanOptions,
): Plan<string> {
  checkDetectors(plan, detectors)
  checkMotors(plan, [motor])
  checkNumber(plan, "the exponent at the start", start)
  checkNumber(plan, "the exponent at the end", stop)
  checkCount(plan, num)
  const md = withHints(
    {
      plan_args: {
        detectors: names(detectors),
        num,
        start,
        stop,
        motor: nameOf(motor),
        per_step: hookName(options.perStep),
      },
      plan_name: plan,
      plan_pattern: "logspace",
      plan_pattern_module: "numpy",
      plan_pattern_args: { start, stop, num },
    },
    oneDimension([motor]),
    options.md,
  )
  const points = logspace(start, stop, num).map(x => [x])
  return scanNd(detectors, stepsOf([motor], points), { ...options, md })
}

/** `logScan` around where the motor is, which it returns to. */
export const relLogScan = (
  detectors: readonly Readable[],
  motor: ScanMotor,
  start: number,
  stop: number,
  num: number,
  options: ScanOptions = {},
): Plan<string> => relative([motor], log("rel_log_scan", detectors, motor, start, stop, num, options))
