import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Plan } from "../messages.ts"
import type { ScanMotor } from "../stubs/steps.ts"
import { nameOf } from "../util.ts"
import { type GridOptions, snaking } from "./list-scan.ts"
import {
  checkCount,
  checkDetectors,
  checkMotors,
  checkNumber,
  dimensionPerMotor,
  hookName,
  names,
  patternModule,
  withHints,
} from "./metadata.ts"
import { linspace, outerProduct } from "./patterns.ts"
import { relative, withOptions } from "./scan.ts"
import { scanNd, stepsOf } from "./scan-nd.ts"

/** motor, start, stop, num [, motor, start, stop, num, …] [, options] */
export type GridScanArgs = readonly (ScanMotor | number | GridOptions)[]

interface Axis {
  motor: ScanMotor
  start: number
  stop: number
  num: number
}

function parse(plan: string, args: GridScanArgs): { axes: Axis[]; options: GridOptions } {
  const [given, options] = withOptions(args)
  if (given.length === 0 || given.length % 4 !== 0) {
    throw new PlanArgumentError(`${plan}: takes motor, start, stop and number of points, for each motor`)
  }
  const axes: Axis[] = []
  for (let i = 0; i < given.length; i += 4) {
    const [motor, start, stop, num] = given.slice(i, i + 4)
    checkMotors(plan, [motor])
    checkNumber(plan, `start of "${nameOf(motor)}"`, start)
    checkNumber(plan, `stop of "${nameOf(motor)}"`, stop)
    checkCount(plan, num)
    axes.push({ motor: motor as ScanMotor, start, stop, num })
  }
  checkMotors(
    plan,
    axes.map(a => a.motor),
  )
  return { axes, options }
}

/**
 * Scans a mesh, the last motor fastest: `gridScan([detector], y, 0, 1, 3, x, 0, 10, 11, { snakeAxes: true })`. Only
 * motors whose position changes are set. Gives the run's uid.
 */
export const gridScan = (detectors: readonly Readable[], ...args: GridScanArgs): Plan<string> =>
  grid("grid_scan", detectors, args)

function grid(plan: string, detectors: readonly Readable[], args: GridScanArgs): Plan<string> {
  checkDetectors(plan, detectors)
  const { axes, options } = parse(plan, args)
  const motors = axes.map(a => a.motor)
  const snaked = snaking(plan, motors, options.snakeAxes)
  const printed = axes.flatMap((a, i) => [
    nameOf(a.motor),
    a.start,
    a.stop,
    a.num,
    ...(i > 0 ? [snaked[i]!] : []),
  ])
  const md = withHints(
    {
      shape: axes.map(a => a.num),
      extents: axes.map(a => [a.start, a.stop]),
      snaking: snaked,
      plan_args: { detectors: names(detectors), args: printed, per_step: hookName(options.perStep) },
      plan_name: plan,
      plan_pattern: "outer_product",
      plan_pattern_args: { args: printed },
      plan_pattern_module: patternModule,
      motors: names(motors),
    },
    { gridding: "rectilinear", ...dimensionPerMotor(motors) },
    options.md,
  )
  const points = outerProduct(
    axes.map(a => linspace(a.start, a.stop, a.num)),
    snaked,
  )
  return scanNd(detectors, stepsOf(motors, points), { ...options, md })
}

/** `gridScan` around where the motors are, which they return to. */
export const relGridScan = (detectors: readonly Readable[], ...args: GridScanArgs): Plan<string> =>
  relative(
    parse("rel_grid_scan", args).axes.map(a => a.motor),
    grid("rel_grid_scan", detectors, args),
  )
