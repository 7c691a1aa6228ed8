import type { Readable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import type { Metadata, Plan } from "../messages.ts"
import { run, stage } from "../preprocessors/wrap.ts"
import { repeat } from "../stubs/control.ts"
import { oneShot, type PerShot } from "../stubs/steps.ts"
import { checkDetectors, names, withHints } from "./metadata.ts"

export interface CountOptions {
  /** Seconds between the starts of two readings, or one value for each gap; default 0. */
  delay?: number | Iterable<number>
  /** What is done at each reading instead of one event. */
  perShot?: PerShot
  md?: Metadata
}

/** Takes `num` readings of the detectors (null: until interrupted). Gives the run's uid. */
export function count(
  detectors: readonly Readable[],
  num: number | null = 1,
  options: CountOptions = {},
): Plan<string> {
  checkDetectors("count", detectors)
  if (num !== null && !(Number.isInteger(num) && num >= 0)) {
    throw new PlanArgumentError(`count: ${num} is not a number of readings`)
  }
  const { delay = 0, perShot = oneShot, md } = options
  const delays = typeof delay === "number" ? delay : [...delay]
  const metadata = withHints(
    {
      detectors: names(detectors),
      num_points: num,
      num_intervals: num === null ? null : Math.max(0, num - 1),
      plan_args: { detectors: names(detectors), num, delay: delays },
      plan_name: "count",
    },
    { dimensions: [[["time"], "primary"]] },
    md,
  )
  return stage(detectors, () =>
    run(metadata, function* (uid) {
      yield* repeat(() => perShot(detectors), num, delays)
      return uid
    }),
  )
}
