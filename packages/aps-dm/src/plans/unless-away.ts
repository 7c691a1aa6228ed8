import { bps, type Plan } from "@ophyd-ts/run-engine"
import { isAway, type WhenAway } from "../away.ts"
import { type DmError, InvalidRequest } from "../errors.ts"
import { dmErrorBehind } from "../jobs/job-errors.ts"
import type { DmSpool, SpoolItem } from "../spool/index.ts"

export interface AwayOptions {
  /** What becomes of the work when DM is away; default `fail`. */
  whenAway?: WhenAway | undefined
  /** Where work is kept; needed for `spool`. */
  spool?: DmSpool | undefined
  /** Hears of every error that the plan does not get; and at once of DM being away, while a plan waits for it. */
  onProblem?: ((error: DmError) => void) | undefined
}

export interface UnlessAwayOptions extends AwayOptions {
  /** What to keep in the spool; without it, `spool` does as `warn`. */
  item?: (() => SpoolItem) | undefined
}

/**
 * Plan: does DM's part of a plan, and when DM is away, what was decided for that case: the error goes into the plan,
 * or the plan goes on with null. Errors of the request itself go into the plan in any case.
 *
 * ```ts
 * yield* unlessAway(daq.startAsPlan(), { whenAway: "warn", onProblem: error => console.warn(error.message) })
 * ```
 * @throws InvalidRequest when `spool` is wanted and there is none, before anything is done.
 */
export function* unlessAway<T>(plan: Plan<T>, options: UnlessAwayOptions = {}): Plan<T | null> {
  checkAwayOptions(options)
  const { whenAway = "fail", spool, item, onProblem } = options
  try {
    return yield* plan
  } catch (error) {
    if (whenAway === "fail" || !isAway(error)) throw error
    const known = dmErrorBehind(error)
    if (whenAway === "spool" && spool !== undefined && item !== undefined)
      yield* bps.call(() => spool.add(item()))
    if (known !== null) onProblem?.(known)
    return null
  }
}

/** @throws InvalidRequest */
export function checkAwayOptions({ whenAway, spool }: AwayOptions): void {
  if (whenAway === "spool" && spool === undefined) {
    throw new InvalidRequest("whenAway is spool, but no spool was given")
  }
}
