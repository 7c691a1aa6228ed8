import { DmError } from "../errors.ts"
import type { DmJob } from "../wire/index.ts"
import { jobState } from "./job-state.ts"

/** How a job ended badly. `refused`: DM did not take it; `lost`: nobody can tell any more. The rest are DM's words. */
export type BadOutcome = "failed" | "aborted" | "skipped" | "refused" | "lost"

export interface JobErrorDetails {
  readonly workflow: string
  readonly job: DmJob | null
  readonly elapsed: number
  readonly cause?: unknown
  /** In place of what the job itself says. */
  readonly reason?: string
}

/** A processing job did not end as `done`. */
export class DmJobError extends DmError {
  override readonly name = "DmJobError"
  readonly outcome: BadOutcome
  readonly workflow: string
  /** As last seen; null when the job was refused. */
  readonly job: DmJob | null
  readonly jobId: string | null
  /** The stage that failed; empty when none did. */
  readonly stage: string
  /** Of the command that failed, where DM tells. */
  readonly exitStatus: number | null
  /** End of what the failed command wrote to stderr, or the job's own message. */
  readonly stderr: string

  constructor(outcome: BadOutcome, details: JobErrorDetails) {
    const { job, workflow, elapsed, reason, cause } = details
    const state = job === null ? null : jobState(job)
    const stage = state === null ? "" : state.failedStage
    const stderr = reason ?? state?.errorMessage ?? ""
    const id = job?.id === undefined ? "" : `, job ${job.id.slice(0, 8)}`
    const where = stage === "" ? "" : ` in stage ${stage}`
    const exit = state?.exitStatus == null ? "" : ` with exit status ${state.exitStatus}`
    const why = stderr === "" ? "" : `: ${stderr}`
    super(
      "JobEnded",
      `workflow ${workflow}${id}: ${outcome}${where}${exit} after ${elapsed.toFixed(1)} s${why}`,
      {
        elapsed,
        ...(cause === undefined ? {} : { cause }),
      },
    )
    this.outcome = outcome
    this.workflow = workflow
    this.job = job
    this.jobId = job?.id ?? null
    this.stage = stage
    this.exitStatus = state?.exitStatus ?? null
    this.stderr = stderr
  }
}

/** The watch ended before the job: the job goes on in DM, and its status is what DM said last. */
export class DmWatchTimeout extends DmError {
  override readonly name = "DmWatchTimeout"
  /** As last seen; null when its submission had not been answered yet. */
  readonly job: DmJob | null

  constructor(workflow: string, job: DmJob | null, seconds: number) {
    const state = job === null ? null : jobState(job)
    const what =
      state === null
        ? "no answer to its submission, so it may have been started"
        : `job ${job?.id?.slice(0, 8)} still ${state.status} in stage ${state.stage}, it goes on in DM`
    super("WatchTimeout", `workflow ${workflow}: after ${seconds} s of watching ${what}`, {
      elapsed: seconds,
    })
    this.job = job
  }
}

/** The error of this package behind another one, for example behind a status that failed because a job did. */
export function dmErrorBehind(error: unknown): DmError | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at instanceof DmError) return at
  }
  return null
}
