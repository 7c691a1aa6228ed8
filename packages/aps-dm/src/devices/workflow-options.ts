import type { Clock, DeviceOptions } from "@ophyd-ts/core"
import type { WorkflowProcApi } from "../client/index.ts"
import type { WorkflowArguments } from "../jobs/arguments.ts"
import type { JobPolicy } from "../jobs/job-policy.ts"
import type { DmJob } from "../wire/index.ts"

/** What a connector needs of DM; `DmClient` has it. */
export interface WorkflowService {
  /** Account that owns workflows and jobs. */
  readonly username: string
  readonly proc: Pick<
    WorkflowProcApi,
    | "startProcessingJob"
    | "getProcessingJobById"
    | "listProcessingJobs"
    | "listWorkflows"
    | "getWorkflowByName"
  >
}

export interface WorkflowConnectorOptions extends DeviceOptions {
  client: WorkflowService
  /** Initial value of the signal `workflow`. */
  workflow?: string
  /** Arguments of every job, unless the call says otherwise. Belongs to this connector. */
  workflowArgs?: WorkflowArguments
  /** Gets the text of each report. */
  write?: (text: string) => void
  /** Arguments whose values may hold blanks and shell characters. */
  trustedArgs?: readonly string[]
  /**
   * Name of the argument by which a job is found again when the answer to its submission was lost; each submission
   * gets a unique value, unless the call gives one itself (`run_uid`, for example). Default `submission_tag`. False:
   * no argument is added, and a lost answer leaves it unknown whether the job was started.
   */
  tagArgument?: string | false
  /** What a job does when another one of its workflow is active, whoever started it. Default `parallel`. */
  policy?: JobPolicy
  /**
   * Ask for the workflow before each start, and refuse a job whose arguments lack what the stages' commands use.
   * Default true.
   */
  checkWorkflow?: boolean
  /** Longest pause between polls while DM does not answer; default 30 s. */
  longestPause?: number
  /** Seconds without an answer of DM after which a job counts as lost; default one hour. */
  lostAfter?: number
  clock?: Clock
}

export interface WatchCall {
  /** Seconds to watch, default 180; `Infinity` for no limit. The job goes on in DM in any case. */
  timeout?: number
  /** When they are over: `raise` (default) fails with DmWatchTimeout and ends the watch; `detach` lets it go on. */
  onTimeout?: "raise" | "detach"
}

export interface StartCall extends WatchCall {
  /** Default the signal `workflow`. */
  workflow?: string
  /** Laid over the connector's `workflowArgs`. */
  args?: WorkflowArguments
  /** Default the connector's. */
  policy?: JobPolicy
}

export interface RunCall extends StartCall {
  /** Wait for the end of the job (default), or only start it and watch it in the background. */
  wait?: boolean
}

/** A job to be started, as DM gets it. */
export interface JobSubmission {
  readonly workflowOwner: string
  readonly workflow: string
  /** Account that will own the job. */
  readonly jobOwner: string
  readonly args: Readonly<Record<string, string | number>>
  /** Name of the argument whose value is unique; null when there is none. */
  readonly tag: string | null
}

/** News of a job, for people. */
export interface WorkflowReport {
  readonly kind: "change" | "periodic" | "connection" | "end"
  readonly text: string
  readonly job: DmJob | null
}
