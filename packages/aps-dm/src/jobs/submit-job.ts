import type { Clock } from "@ophyd-ts/core"
import type { WorkflowProcApi } from "../client/index.ts"
import type { DmJob } from "../wire/index.ts"
import { CannotTell, submitOnce } from "./submit-once.ts"

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
  /** One of them should be unique to this submission. */
  readonly args: Readonly<Record<string, unknown>>
  /** Name of that argument; null when there is none, and a lost answer then stays lost. */
  readonly tag: string | null
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Seconds to go on looking for a job whose submission was not answered; default 60. */
  readonly patience?: number | undefined
}

/** Jobs in one answer. Reading one takes the event loop some µs per job: more would hold up a plan. */
export const jobPage = 500

/**
 * Starts one job and never two. When the answer to the submission is lost, the job is looked for by its unique
 * argument; only when the list, read twice with a pause between, does not have it, it is submitted once more.
 * @throws the service's refusal; CommunicationError when the service is away before the job was sent, and with
 * `outcomeUnknown` when it could not be found out whether the job exists.
 */
export function submitJob(proc: JobService, submission: Submission): Promise<DmJob & { id: string }> {
  const { workflow, workflowOwner, jobOwner, args, tag, clock, signal, patience } = submission
  const where = tag === null ? "of this workflow" : `with ${tag} = ${String(args[tag])}`
  return submitOnce({
    submit: () => proc.startProcessingJob(workflowOwner, workflow, args, { signal }),
    find: async () => {
      if (tag === null) throw new CannotTell("the submission has no unique argument")
      return await findJob(proc, jobOwner, { key: tag, value: args[tag] }, signal)
    },
    unknown: `workflow ${workflow}: it is unknown whether the job was started; look for a job ${where} before starting it again`,
    clock,
    signal,
    patience,
  })
}

/** A job of the account that has this value, or null. */
export async function findJob(
  proc: Pick<JobService, "listProcessingJobs">,
  owner: string,
  { key, value }: { key: string; value: unknown },
  signal?: AbortSignal,
): Promise<(DmJob & { id: string }) | null> {
  for await (const job of eachJob(proc, owner, ["id", "owner", key], signal)) {
    if (job[key] === value && job.id !== undefined) return { id: job.id, owner: job.owner }
  }
  return null
}

/**
 * The jobs of an account, asked for by keys and page by page: neither the order of the list nor the queries that the
 * service understands are known for certain.
 */
export async function* eachJob(
  proc: Pick<JobService, "listProcessingJobs">,
  owner: string,
  keyList: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<DmJob> {
  for (let skip = 0; ; skip += jobPage) {
    const jobs = await proc.listProcessingJobs(owner, { keyList, skip, limit: jobPage, signal })
    yield* jobs
    if (jobs.length < jobPage) return
  }
}
