import { jobKeys } from "@ophyd-ts/aps-dm"
import { checkRoom, type Doc, fitsQuery, isDoc, optionalTextIn, page } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import type { DmUser } from "../sessions.ts"
import type { TaskHandle } from "../time/tasks.ts"
import { JobRun, type ProcessingContext } from "./job-run.ts"
import { defaultListKeys } from "./list-keys.ts"
import type { Workflows } from "./workflows.ts"

interface Entry {
  readonly job: Doc
  readonly task: TaskHandle
}

const limits = { active: 500, kept: 10_000, list: 5_000 }

/** Processing jobs: one execution of a workflow each. */
export class Jobs {
  readonly #context: ProcessingContext
  readonly #workflows: Workflows
  readonly #jobs = new Map<string, Entry>()

  constructor(context: ProcessingContext, workflows: Workflows) {
    this.#context = context
    this.#workflows = workflows
  }

  /**
   * Answers at once with the pending job.
   * @throws DmRefusal ObjectNotFound (workflow), InvalidArgument, ServiceLimitExceeded
   */
  start(workflowOwner: unknown, name: unknown, args: unknown, user: Pick<DmUser, "username">): Doc {
    const workflow = this.#workflows.byName(workflowOwner, name)
    if (!isDoc(args)) throw new DmRefusal("InvalidArgument", "argsDict: the arguments must be a JSON object")
    const clash = Object.keys(args).find(key => jobKeys.has(key))
    if (clash !== undefined) {
      throw new DmRefusal(
        "InvalidArgument",
        `argsDict: the argument "${clash}" has the name of a job's own key`,
      )
    }
    const ended = [...this.#jobs].filter(([, entry]) => entry.job.endTime !== undefined)
    checkRoom(this.#jobs.size - ended.length, limits.active, "active jobs")
    if (this.#jobs.size >= limits.kept) this.#jobs.delete(ended[0]?.[0] ?? "")
    const owner = optionalTextIn(args, "workflowJobOwner", "argsDict") ?? user.username
    const run = new JobRun(this.#context, { workflow, args, owner })
    const answer = structuredClone(run.job)
    const task = this.#context.tasks.spawn(t => run.run(t))
    this.#jobs.set(String(run.job.id), { job: run.job, task })
    return answer
  }

  /** @throws DmRefusal ObjectNotFound */
  get(owner: unknown, id: unknown): Doc {
    const job = this.#jobs.get(String(id))?.job
    if (job === undefined || job.owner !== owner) {
      throw new DmRefusal("ObjectNotFound", `processing job ${id} of ${owner} does not exist`)
    }
    return job
  }

  /** Newest first, with the keys of `keyList`: "DEFAULT", "ALL" or names. @throws DmRefusal InvalidArgument */
  list(owner: unknown, args: Readonly<Doc> = {}): Doc[] {
    const keys = args.keyList ?? "DEFAULT"
    if (
      keys !== "ALL" &&
      keys !== "DEFAULT" &&
      !(Array.isArray(keys) && keys.every(k => typeof k === "string"))
    ) {
      throw new DmRefusal("InvalidArgument", 'keyList must be "ALL", "DEFAULT" or a list of names')
    }
    const own = this.all().filter(job => job.owner === owner && fitsQuery(job, args.queryDict))
    const jobs = page(own, args, limits.list, "processing jobs")
    if (keys === "ALL") return jobs
    const wanted = (keys === "DEFAULT" ? defaultListKeys : keys) as readonly string[]
    return jobs.map(job => Object.fromEntries(wanted.flatMap(key => (key in job ? [[key, job[key]]] : []))))
  }

  /** Of all owners, newest first. */
  all(): Doc[] {
    return [...this.#jobs.values()].map(entry => entry.job).reverse()
  }

  /** Ends an active job as DM's own administrators could: no call of the service does that. */
  async abort(id: string): Promise<void> {
    const { job, task } = this.#entry(id)
    if (job.endTime !== undefined) return
    job.status = "aborting"
    task.cancel()
    await task.done
  }

  /** Ends a pending job without running it. */
  async skip(id: string): Promise<void> {
    const { job, task } = this.#entry(id)
    if (job.status !== "pending") {
      throw new DmRefusal(
        "InvalidObjectState",
        `job ${id} is ${job.status}: only a pending one can be skipped`,
      )
    }
    job.status = "skipped"
    task.cancel()
    await task.done
  }

  /** The service forgets the job: the next poll gives ObjectNotFound. */
  async vanish(id: string): Promise<void> {
    const { task } = this.#entry(id)
    this.#jobs.delete(id)
    task.cancel()
    await task.done
  }

  /** Stops the job where it is and changes what is answered for it; `undefined` takes a key away. */
  async freeze(id: string, changes: Readonly<Doc>): Promise<void> {
    const { job, task } = this.#entry(id)
    job.status = "frozen"
    task.cancel()
    await task.done
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) delete job[key]
      else job[key] = value
    }
  }

  #entry(id: string): Entry {
    const entry = this.#jobs.get(id)
    if (entry === undefined) throw new DmRefusal("ObjectNotFound", `processing job ${id} does not exist`)
    return entry
  }
}
