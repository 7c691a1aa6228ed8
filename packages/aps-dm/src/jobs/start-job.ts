import type { WorkflowProcApi } from "../client/index.ts"
import { ObjectNotFound } from "../errors.ts"
import type { DmJob } from "../wire/index.ts"
import { type PolicyOptions, underPolicy } from "./job-policy.ts"
import { checkAgainstWorkflow } from "./required-arguments.ts"
import { eachJob, type JobService, type Submission, submitJob } from "./submit-job.ts"

/** What starting a job with all checks needs of the processing service. */
export type StartService = JobService & Pick<WorkflowProcApi, "getWorkflowByName">

export interface StartJobOptions
  extends Submission,
    Omit<PolicyOptions, "signal" | "clock" | "workflow" | "workflowOwner" | "jobOwner"> {
  readonly signal: AbortSignal
  /** Hold the arguments to the workflow's stages before anything is sent. */
  readonly checkWorkflow: boolean
}

/**
 * Starts one job, after its arguments were held to the workflow and its turn has come.
 * @throws InvalidArgument, InvalidRequest, ObjectNotFound (workflow), and as `submitJob` does.
 */
export async function startJob(
  proc: StartService,
  options: StartJobOptions,
): Promise<DmJob & { id: string }> {
  const { workflow, workflowOwner, args, signal, checkWorkflow } = options
  if (checkWorkflow) {
    checkAgainstWorkflow(await proc.getWorkflowByName(workflowOwner, workflow, { signal }), args)
  }
  return await underPolicy(proc, options, () => submitJob(proc, options))
}

/** A job by an argument that it was started with. */
export interface JobByArgument {
  /** Value of the argument; usually a file's path. */
  readonly file: string
  /** Name of the argument; default `filePath`. */
  readonly argument?: string | undefined
}

/** The job that was started last with this argument. @throws ObjectNotFound */
export async function newestJob(
  proc: Pick<JobService, "listProcessingJobs">,
  owner: string,
  { file, argument = "filePath" }: JobByArgument,
  signal?: AbortSignal,
): Promise<string> {
  let newest: DmJob | null = null
  for await (const job of eachJob(proc, owner, ["id", "owner", "submissionTime", argument], signal)) {
    if (job[argument] !== file || job.id === undefined) continue
    // Lists are newest first as far as is known; the time of submission says so for certain.
    if (newest === null || (job.submissionTime ?? 0) > (newest.submissionTime ?? 0)) newest = job
  }
  if (newest?.id !== undefined) return newest.id
  throw new ObjectNotFound(`no job of ${owner} was started with ${argument} = ${file}`)
}
