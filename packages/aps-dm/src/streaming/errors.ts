import { DmError } from "../errors.ts"
import type { StreamReport } from "./protocol.ts"

/**
 * What went wrong with a streaming collection. `never-ready`: the workflow did not report ready in time; `silent`: its
 * reports stopped; `reported`: it says so itself; `job`: its DM job ended without it; `early`: it finished before the
 * plan did; `unfinished`: it did not finish in time after the plan's stop; `missed`: it missed more frames than
 * allowed; `plan-gone`: the plan's side could not be reached any more, or has given up; `refused`: the plan's side
 * refused what it was told; `no-data`: there is no frame PV.
 */
export type StreamFault =
  | "never-ready"
  | "silent"
  | "reported"
  | "job"
  | "early"
  | "unfinished"
  | "missed"
  | "plan-gone"
  | "refused"
  | "no-data"

/** A streaming collection did not go as it should. */
export class DmStreamError extends DmError {
  override readonly name = "DmStreamError"
  readonly fault: StreamFault
  /** What the workflow's side said last; null where there is none. */
  readonly report: StreamReport | null

  constructor(
    fault: StreamFault,
    message: string,
    details: { report?: StreamReport | null; cause?: unknown; elapsed?: number } = {},
  ) {
    const { report = null, ...rest } = details
    super("StreamEnded", message, rest)
    this.fault = fault
    this.report = report
  }
}
