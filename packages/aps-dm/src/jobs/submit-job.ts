import type { Clock } from "@ophyd-ts/core"
import type { WorkflowProcApi } from "../client/index.ts"
import { type DmError, ObjectNotFound } from "../errors.ts"
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
  /** Hears that the submission was not answered, before the job is looked for. */
  readonly onLost?: ((error: DmError) => void) | undefined
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
  const { workflow, workflowOwner, jobOwner, args, tag, clock, signal, onLost, patience } = submission
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
    onLost,
    patience,
  })
}

/** Jobs that are asked for one by one when the list does not tell their arguments. */
const mostAsked = 50

/**
 * A job of the account that was started with this argument, or null.
 * @throws CannotTell when the service's list leaves the argument out and there are too many jobs to be asked for.
 */
export async function findJob(
  proc: Pick<JobService, "listProcessingJobs" | "getProcessingJobById">,
  owner: string,
  { key, value }: { key: string; value: unknown },
  signal?: AbortSignal,
): Promise<(DmJob & { id: string }) | null> {
  const keys = ["id", "owner", "submissionTime", key]
  const untold: (DmJob & { id: string })[] = []
  for await (const { id, ...job } of eachJob(proc, owner, keys, signal)) {
    if (id === undefined) continue
    if (job[key] === value) return { id, owner: job.owner }
    // A list of other keys than those that were asked for says nothing about the one that it lacks.
    const others = Object.entries(job).some(([name, told]) => told !== undefined && !keys.includes(name))
    if (others && job[key] === undefined) untold.push({ id, ...job })
  }
  const newest = untold.sort((a, b) => timeOf(b) - timeOf(a)).slice(0, mostAsked)
  for (const { id } of newest) {
    const job = await proc.getProcessingJobById(owner, id, { signal }).catch((error: unknown) => {
      if (error instanceof ObjectNotFound) return null // removed meanwhile
      throw error
    })
    if (job?.[key] === value) return { id, owner: job?.owner }
  }
  if (untold.length > newest.length) {
    throw new CannotTell(
      `the list of jobs of ${owner} does not tell ${key}, and none of the newest ${mostAsked} jobs has ${String(value)}`,
    )
  }
  return null
}

const timeOf = ({ submissionTime, startTime = 0 }: DmJob): number => submissionTime ?? startTime

/**
 * The jobs of an account, asked for by keys and page by page: neither the order of the list nor the queries that the
 * service understands are known for certain. One that knows nothing of pages gives everything at once, or the same
 * page again and again.
 */
export async function* eachJob(
  proc: Pick<JobService, "listProcessingJobs">,
  owner: string,
  keyList: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<DmJob> {
  const seen = new Set<string | undefined>([undefined])
  for (let skip = 0; ; skip += jobPage) {
    const jobs = await proc.listProcessingJobs(owner, { keyList, skip, limit: jobPage, signal })
    yield* jobs.filter(({ id }) => id === undefined || !seen.has(id))
    const before = seen.size
    for (const { id } of jobs) seen.add(id)
    if (jobs.length !== jobPage || seen.size === before) return
  }
}
