import type { Clock } from "@ophyd-ts/core"
import type { WorkflowProcApi } from "../client/index.ts"
import { CommunicationError, UnexpectedAnswer } from "../errors.ts"
import { sleep } from "../time.ts"
import type { DmJob } from "../wire/index.ts"

/** What submitting and watching need of the processing service. */
export type JobService = Pick<
  WorkflowProcApi,
  "startProcessingJob" | "getProcessingJobById" | "listProcessingJobs"
>

export interface Submission {
  readonly workflowOwner: string
  readonly workflow: string
  /** Account whose jobs are searched; the one in use. */
  readonly jobOwner: string
  /** One of them must be unique to this submission. */
  readonly args: Readonly<Record<string, unknown>>
  /** Name of that argument. */
  readonly tag: string
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Seconds to go on looking for a job whose submission was not answered; default 60. */
  readonly patience?: number | undefined
}

const page = 5000

/**
 * Starts one job and never two. When the answer to the submission is lost, the job is looked for by its unique
 * argument; only when the list, read twice with a pause between, does not have it, it is submitted once more.
 * @throws the service's refusal; CommunicationError when the service is away before the job was sent, and with
 * `outcomeUnknown` when it could not be found out whether the job exists.
 */
export async function submitJob(proc: JobService, submission: Submission): Promise<DmJob & { id: string }> {
  const { clock, signal, patience = 60 } = submission
  const deadline = clock.now() + patience
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await proc.startProcessingJob(submission.workflowOwner, submission.workflow, submission.args, {
        signal,
      })
    } catch (error) {
      if (!isLost(error)) throw error
      const found = await findLost(proc, submission, deadline, error)
      if (found !== null) return found
      if (attempt >= 2) throw error
    }
  }
}

/** The job may have been taken although nobody said so. */
const isLost = (error: unknown): error is CommunicationError | UnexpectedAnswer =>
  (error instanceof CommunicationError && error.outcomeUnknown) || error instanceof UnexpectedAnswer

/** The job, or null when DM certainly does not have it. */
async function findLost(
  proc: JobService,
  submission: Submission,
  deadline: number,
  lost: Error,
): Promise<(DmJob & { id: string }) | null> {
  const { clock, signal } = submission
  let clean = 0
  for (let pause = 0.5; ; pause = Math.min(pause * 2, 8)) {
    try {
      const job = await findByTag(proc, submission)
      if (job !== null) return job
      clean += 1
      if (clean >= 2) return null
    } catch (error) {
      if (signal?.aborted) throw error
      if (clock.now() + pause > deadline) {
        throw new CommunicationError(
          `workflow ${submission.workflow}: it is unknown whether the job was started; look for a job with ${submission.tag} = ${String(submission.args[submission.tag])} before starting it again`,
          { cause: new AggregateError([lost, error]), outcomeUnknown: true },
        )
      }
    }
    await sleep(clock, pause, signal)
  }
}

/** All pages: the order of the list is not known for certain, nor which query the service understands. */
async function findByTag(
  proc: JobService,
  { jobOwner, tag, args, signal }: Submission,
): Promise<(DmJob & { id: string }) | null> {
  for (let skip = 0; ; skip += page) {
    const keyList = ["id", "owner", tag]
    const jobs = await proc.listProcessingJobs(jobOwner, { keyList, skip, limit: page, signal })
    const job = jobs.find(candidate => candidate[tag] === args[tag])
    if (job?.id !== undefined) return { id: job.id, owner: job.owner }
    if (jobs.length < page) return null
  }
}
