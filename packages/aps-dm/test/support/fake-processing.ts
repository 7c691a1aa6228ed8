import { CommunicationError, type DmJob, type WorkflowService } from "../../src/index.ts"

export interface Submitted {
  workflowOwner: string
  workflow: string
  args: Readonly<Record<string, unknown>>
}

/** The processing service as an object: jobs are what the test makes them, and calls can be made to fail. */
export class FakeProcessing implements WorkflowService {
  username = "s255user"
  readonly submitted: Submitted[] = []
  readonly jobs = new Map<string, DmJob>()
  polls = 0
  lists = 0
  /** Replaces the next submissions, polls or lists, one each. */
  readonly submissions: (() => unknown)[] = []
  readonly failures: (() => unknown)[] = []
  readonly listFailures: (() => unknown)[] = []

  readonly proc: WorkflowService["proc"] = {
    startProcessingJob: async (workflowOwner, workflow, args) => {
      this.submitted.push({ workflowOwner, workflow, args })
      const replaced = this.submissions.shift()
      if (replaced !== undefined) return (await replaced()) as DmJob & { id: string }
      return this.take(args)
    },
    getProcessingJobById: async (owner, id) => {
      this.polls += 1
      await this.failures.shift()?.()
      const job = this.jobs.get(id)
      if (job?.owner !== owner) throw new Error(`the test has no job ${id} of ${owner}`)
      return job
    },
    listProcessingJobs: async () => {
      this.lists += 1
      await this.listFailures.shift()?.()
      return [...this.jobs.values()]
    },
    getWorkflowByName: async (owner, name) => ({ ...workflow(), name, owner, stages: {} }),
    listWorkflows: async owner => [{ name: "count-lines", owner }],
  }

  /** Accepts a job, as DM does: arguments at top level, pending. */
  take(args: Readonly<Record<string, unknown>>): DmJob & { id: string } {
    const id = `0000000${this.jobs.size + 1}-job`
    const job = { ...args, id, owner: this.username, status: "pending", workflow: workflow() }
    this.jobs.set(id, job)
    return job
  }

  /** Changes the last job. */
  now(change: Partial<DmJob>): void {
    const [id = "", job] = [...this.jobs].at(-1) ?? []
    this.jobs.set(id, { ...job, ...change } as DmJob)
  }
}

/** The workflow of a job, with what its second stage has come to. */
export function workflow(second: Record<string, unknown> | null = null): NonNullable<DmJob["workflow"]> {
  const children = second === null ? {} : { childProcesses: { "1": { childProcessNumber: 1, ...second } } }
  return {
    name: "count-lines",
    description: "invented",
    stages: {
      "02-COUNT": { command: "/usr/bin/wc -l $filePath", ...children },
      "01-START": {
        command: "/bin/date",
        childProcesses: {
          "0": {
            childProcessNumber: 0,
            status: "done",
            exitStatus: 0,
            stdOut: "1780000001\n",
            submitTime: 10,
            endTime: 10.25,
            runTime: 0.2,
          },
        },
      },
      "03-NOTE": { command: "/bin/echo $id" },
    },
  }
}

export const unreachable =
  (outcomeUnknown = false) =>
  () => {
    throw new CommunicationError("connection refused", { outcomeUnknown })
  }

/** Lets everything run that waits for nothing but its turn. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
