import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Plan } from "../messages.ts"
import { run, stage } from "../preprocessors/wrap.ts"
import { oneNdStep, type ScanMotor, type Step } from "../stubs/steps.ts"
import {
  checkDetectors,
  checkMotors,
  dimensionPerMotor,
  hookName,
  names,
  type ScanOptions,
  withHints,
} from "./metadata.ts"

/** The steps through these points; each point has one position per motor. */
export const stepsOf = (motors: readonly ScanMotor[], points: readonly (readonly number[])[]): Step[] =>
  points.map(point => new Map(motors.map((motor, i) => [motor, point[i]!])))

/**
 * Measures at every step of any path: a list of maps from motor to position, all with the same motors. The base of
 * all step scans. Gives the run's uid.
 */
export function scanNd(
  detectors: readonly Readable[],
  path: Iterable<Step>,
  options: ScanOptions = {},
): Plan<string> {
  checkDetectors("scanNd", detectors)
  const steps = [...path]
  if (steps.length === 0) throw new PlanArgumentError("scanNd: the path has no points")
  const motors = [...steps[0]!.keys()]
  checkMotors("scanNd", motors)
  for (const step of steps) {
    if (step.size !== motors.length || !motors.every(m => step.has(m))) {
      throw new PlanArgumentError(`scanNd: every step needs a position of ${names(motors).join(", ")}`)
    }
  }
  const { perStep = oneNdStep, md } = options
  const metadata = withHints(
    {
      detectors: names(detectors),
      motors: names(motors),
      num_points: steps.length,
      num_intervals: steps.length - 1,
      plan_args: { detectors: names(detectors), motors: names(motors), per_step: hookName(options.perStep) },
      plan_name: "scan_nd",
    },
    dimensionPerMotor(motors),
    md,
  )
  return stage([...detectors, ...motors], () =>
    run(metadata, function* (uid) {
      const positions = new Map<ScanMotor, number>()
      for (const step of steps) yield* perStep(detectors, step, positions)
      return uid
    }),
  )
}
