import type { Clock } from "@ophyd-ts/core"
import { InvalidRequest } from "../errors.ts"
import { abortable, sleep } from "../time.ts"
import { isActive } from "../wire/index.ts"
import { eachJob, type JobService } from "./submit-job.ts"

/**
 * What a new job does when another one of its workflow is active, whoever started it: run beside it, wait for its end,
 * or not be started.
 */
export type JobPolicy = "parallel" | "queue" | "reject"

export interface PolicyOptions {
  readonly policy: JobPolicy
  readonly workflow: string
  readonly workflowOwner: string
  /** Whose jobs count. */
  readonly jobOwner: string
  /** Seconds between looks at the list of jobs. */
  readonly period: () => number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The job has to wait for this one. */
  readonly onQueued: (behind: string) => void
}

/**
 * Submits under a policy. Jobs of one client that queue for one workflow go one after the other; a job that another
 * program submits between our look and our submission is not seen: DM has no lock.
 * @throws InvalidRequest with policy `reject`, the signal's reason, whatever `submit` throws.
 */
export async function underPolicy<T>(
  proc: JobService,
  options: PolicyOptions,
  submit: () => Promise<T>,
): Promise<T> {
  const { policy, workflow, workflowOwner, jobOwner, period, clock, signal, onQueued } = options
  if (policy === "parallel") return await submit()
  return await oneAtATime(proc, `${workflowOwner}/${workflow}`, signal, async () => {
    for (let told = ""; ; ) {
      const active = await activeJob(proc, jobOwner, workflow, signal)
      if (active === null) return await submit()
      if (policy === "reject") {
        throw new InvalidRequest(
          `workflow ${workflow}: job ${active.id} of it is ${active.status}, and its policy is reject`,
        )
      }
      if (told !== active.id) onQueued(active.id)
      told = active.id
      await sleep(clock, period(), signal)
    }
  })
}

/** A job of the workflow that has not ended; null when there is none. */
export async function activeJob(
  proc: JobService,
  owner: string,
  workflow: string,
  signal?: AbortSignal,
): Promise<{ id: string; status: string } | null> {
  for await (const { id, status = "" } of eachJob(proc, owner, ["id", "owner", "status"], signal)) {
    if (id === undefined || !isActive(status)) continue
    if ((await workflowOf(proc, owner, id, signal)) === workflow) return { id, status }
  }
  return null
}

/** Names of the workflows of jobs: they do not change, and a list does not tell them without telling everything. */
const names = new WeakMap<object, Map<string, string>>()
const mostNames = 10_000

async function workflowOf(
  proc: JobService,
  owner: string,
  id: string,
  signal?: AbortSignal,
): Promise<string> {
  const known = names.get(proc) ?? new Map<string, string>()
  names.set(proc, known)
  const name = known.get(id) ?? (await proc.getProcessingJobById(owner, id, { signal })).workflow?.name ?? ""
  if (known.size >= mostNames) known.clear()
  known.set(id, name)
  return name
}

const turns = new WeakMap<object, Map<string, Promise<void>>>()

async function oneAtATime<T>(
  proc: object,
  key: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const lines = turns.get(proc) ?? new Map<string, Promise<void>>()
  turns.set(proc, lines)
  const before = lines.get(key) ?? Promise.resolve()
  let leave = () => {}
  const mine = new Promise<void>(resolve => {
    leave = resolve
  })
  // Whoever comes next waits for those before us, too, also when we give up.
  const line = before.then(() => mine)
  lines.set(key, line)
  try {
    await abortable(before, signal)
    return await work()
  } finally {
    leave()
    if (lines.get(key) === line) lines.delete(key)
  }
}
