import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Metadata, Plan } from "../messages.ts"
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
  patternModule,
  type ScanOptions,
  withHints,
} from "./metadata.ts"
import { fermat, spiral as rings, type SpiralArea, squareSpiral } from "./patterns.ts"
import { relative } from "./scan.ts"
import { scanNd, stepsOf } from "./scan-nd.ts"

/** The two motors and the area around a centre. */
export interface SpiralOptions extends SpiralArea, ScanOptions {
  x: ScanMotor
  y: ScanMotor
  /** Centre; default 0, 0. */
  xCenter?: number
  yCenter?: number
}

export interface RingSpiralOptions extends SpiralOptions {
  /** Points of the first ring; ring i has i times as many. */
  nth: number
}

export interface FermatSpiralOptions extends SpiralOptions {
  /** Divides the radius: larger is denser. */
  factor: number
}

interface Shape {
  plan: string
  pattern: string
  points: readonly (readonly [number, number])[]
  /** Arguments as documents have them. */
  args: Metadata
  extra: Metadata
  hints: Metadata
}

function along(
  detectors: readonly Readable[],
  options: Omit<SpiralOptions, keyof SpiralArea>,
  shape: Shape,
): Plan<string> {
  checkDetectors(shape.plan, detectors)
  const { x, y, xCenter = 0, yCenter = 0, perStep } = options
  if (shape.points.length === 0)
    throw new PlanArgumentError(`${shape.plan}: no point of the spiral lies in the area`)
  const pattern = { x_motor: nameOf(x), y_motor: nameOf(y), ...shape.args }
  const md = withHints(
    {
      plan_args: { detectors: names(detectors), ...pattern, per_step: hookName(perStep) },
      ...shape.extra,
      plan_name: shape.plan,
      plan_pattern: shape.pattern,
      plan_pattern_args: pattern,
      plan_pattern_module: patternModule,
    },
    shape.hints,
    options.md,
  )
  const points = shape.points.map(([dx, dy]) => [xCenter + dx, yCenter + dy])
  return scanNd(detectors, stepsOf([x, y], points), { ...(perStep && { perStep }), md })
}

function check(
  plan: string,
  { x, y, xRange, yRange, dr }: SpiralOptions,
  numbers: Record<string, unknown>,
): void {
  checkMotors(plan, [x, y])
  for (const [what, value] of Object.entries({ xRange, yRange, dr, ...numbers })) {
    checkNumber(plan, what, value)
    if (value <= 0) throw new PlanArgumentError(`${plan}: ${what} must be greater than 0, not ${value}`)
  }
}

function area({ xCenter = 0, yCenter = 0, xRange, yRange, dr, drY = null, tilt = 0 }: SpiralOptions) {
  return {
    args: { x_start: xCenter, y_start: yCenter, x_range: xRange, y_range: yRange, dr, dr_y: drY, tilt },
    extents: [
      [xCenter - xRange, xCenter + xRange],
      [yCenter - yRange, yCenter + yRange],
    ],
  }
}

function ringSpiral(plan: string, detectors: readonly Readable[], options: RingSpiralOptions): Plan<string> {
  check(plan, options, { nth: options.nth })
  const { args, extents } = area(options)
  return along(detectors, options, {
    plan,
    pattern: "spiral",
    points: rings(options, options.nth),
    args: { ...args, nth: options.nth },
    extra: { extents },
    hints: dimensionPerMotor([options.x, options.y]),
  })
}

function fermatSpiral(
  plan: string,
  detectors: readonly Readable[],
  options: FermatSpiralOptions,
): Plan<string> {
  check(plan, options, { factor: options.factor })
  const { args, extents } = area(options)
  return along(detectors, options, {
    plan,
    pattern: "spiral_fermat",
    points: fermat(options, options.factor),
    args: { ...args, factor: options.factor },
    extra: { extents },
    hints: dimensionPerMotor([options.x, options.y]),
  })
}

export interface SquareSpiralOptions extends ScanOptions {
  x: ScanMotor
  y: ScanMotor
  xCenter?: number
  yCenter?: number
  xRange: number
  yRange: number
  /** Columns and rows, at least 2 each. */
  xNum: number
  yNum: number
}

function square(plan: string, detectors: readonly Readable[], options: SquareSpiralOptions): Plan<string> {
  const { x, y, xCenter = 0, yCenter = 0, xRange, yRange, xNum, yNum } = options
  checkMotors(plan, [x, y])
  for (const num of [xNum, yNum]) {
    checkCount(plan, num)
    if (num < 2) throw new PlanArgumentError(`${plan}: needs at least 2 columns and 2 rows`)
  }
  return along(detectors, options, {
    plan,
    pattern: "spiral_square",
    points: squareSpiral(xRange, yRange, xNum, yNum),
    args: {
      x_center: xCenter,
      y_center: yCenter,
      x_range: xRange,
      y_range: yRange,
      x_num: xNum,
      y_num: yNum,
    },
    extra: {
      shape: [yNum, xNum],
      extents: [
        [yCenter - yRange / 2, yCenter + yRange / 2],
        [xCenter - xRange / 2, xCenter + xRange / 2],
      ],
    },
    hints: { gridding: "rectilinear_nonsequential", ...dimensionPerMotor([y, x]) },
  })
}

/** On growing rings around the centre. Gives the run's uid. */
export const spiral = (detectors: readonly Readable[], options: RingSpiralOptions): Plan<string> =>
  ringSpiral("spiral", detectors, options)

/** `spiral` around where the motors are, which they return to. */
export const relSpiral = (detectors: readonly Readable[], options: RingSpiralOptions): Plan<string> =>
  relative([options.x, options.y], ringSpiral("rel_spiral", detectors, options))

/** On a Fermat spiral, evenly dense. Gives the run's uid. */
export const spiralFermat = (detectors: readonly Readable[], options: FermatSpiralOptions): Plan<string> =>
  fermatSpiral("spiral_fermat", detectors, options)

/** `spiralFermat` around where the motors are, which they return to. */
export const relSpiralFermat = (detectors: readonly Readable[], options: FermatSpiralOptions): Plan<string> =>
  relative([options.x, options.y], fermatSpiral("rel_spiral_fermat", detectors, options))

/** All nodes of a grid, from the middle outwards in a square spiral. Gives the run's uid. */
export const spiralSquare = (detectors: readonly Readable[], options: SquareSpiralOptions): Plan<string> =>
  square("spiral_square", detectors, options)

/** `spiralSquare` around where the motors are, which they return to. */
export const relSpiralSquare = (detectors: readonly Readable[], options: SquareSpiralOptions): Plan<string> =>
  relative([options.x, options.y], square("rel_spiral_square", detectors, options))
