import { childrenOf, type DmChildProcess, type DmJob, localStates, stageOrder } from "../wire/index.ts"

/** A job at a glance. */
export interface JobState {
  /** DM's own word, `-n/a-` when it gives none. */
  readonly status: string
  /** Stage at work, or the one that failed; `-n/a-` when there is none. */
  readonly stage: string
  /** Position of the stage from 1; 0 before the first. */
  readonly stageIndex: number
  readonly stageCount: number
  /** Seconds; -1 while DM gives none. */
  readonly runTime: number
  /** Empty unless the job failed. */
  readonly failedStage: string
  /** Of the command that failed; null when none did. */
  readonly exitStatus: number | null
  /** What the job says, else the end of what the failed command wrote to stderr; empty when nothing failed. */
  readonly errorMessage: string
}

/** How much of a command's stderr is kept: its end tells why it stopped. */
const keptError = 2000

export function jobState(job: DmJob): JobState {
  const status = job.status ?? localStates.notAvailable
  const stages = stageOrder(job.workflow)
  const failed = status === "failed" ? failedChild(job, stages) : null
  const stage = job.stage ?? localStates.notAvailable
  return {
    status,
    stage,
    stageIndex: stages.indexOf(stage) + 1,
    stageCount: stages.length,
    runTime: job.runTime ?? -1,
    failedStage: status === "failed" ? (failed?.stage ?? job.stage ?? "") : "",
    exitStatus: failed?.child.exitStatus ?? null,
    errorMessage: job.errorMessage ?? (failed === null ? "" : tail(failed.child.stdErr ?? "", keptError)),
  }
}

function failedChild(job: DmJob, stages: readonly string[]): { stage: string; child: DmChildProcess } | null {
  for (const stage of stages) {
    const child = childrenOf(job.workflow?.stages?.[stage]).find(
      c => c.status === "failed" || (c.exitStatus !== undefined && c.exitStatus !== 0),
    )
    if (child !== undefined) return { stage, child }
  }
  return null
}

/** The end of a text, cut at a line where that is possible. */
export function tail(text: string, length: number): string {
  const trimmed = text.trim()
  if (trimmed.length <= length) return trimmed
  const end = trimmed.slice(-length)
  const line = end.indexOf("\n")
  return line >= 0 && line < end.length - 1 ? end.slice(line + 1) : end
}
