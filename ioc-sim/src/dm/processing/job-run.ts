import { jobKeys } from "@ophyd-ts/aps-dm"
import type { Clock } from "@ophyd-ts/core"
import type { FileCatalog } from "../catalog/files.ts"
import type { Doc } from "../documents.ts"
import { messageOf } from "../errors.ts"
import type { Experiments } from "../experiments.ts"
import { type Task, TaskCancelled, type Tasks } from "../time/tasks.ts"
import { timestampText } from "../time/texts.ts"
import type { Commands } from "./commands.ts"

import { StageRun } from "./stage-run.ts"
import { type Variables, variableText } from "./variables.ts"
import { sortedStages } from "./workflows.ts"

/** What jobs need of the rest of the service. */
export interface ProcessingContext {
  readonly experiments: Experiments
  readonly files: FileCatalog
  readonly tasks: Tasks
  readonly commands: Commands
  readonly timeZone: string
  readonly clock: Clock
  readonly id: () => string
  /** s before a job runs. */
  readonly pendingSeconds: number
  /** s between the last stage and the end. */
  readonly finalizingSeconds: number
  /** Children of a `parallelExec` stage that run at once. */
  readonly parallelChildren: number
  /** Whether a child that still runs shows `exitStatus`, `stdOut`, `stdErr` as null, or not at all. */
  readonly runningChildOutputs: "absent" | "null"
}

const maxInputFiles = 10_000

/** The life of one job. `job` is what DM answers for it, at every moment. */
export class JobRun {
  readonly job: Doc
  readonly #context: ProcessingContext
  readonly #workflow: Doc
  readonly #files: readonly string[]
  #children = 0

  constructor(context: ProcessingContext, request: { workflow: Doc; args: Readonly<Doc>; owner: string }) {
    this.#context = context
    this.#workflow = structuredClone(request.workflow)
    this.#files = inputFiles(request.args)
    this.job = {
      ...request.args,
      id: context.id(),
      owner: request.owner,
      status: "pending",
      countFiles: 0,
      ...this.#time("submission"),
      workflow: this.#workflow,
    }
  }

  async run(task: Task): Promise<void> {
    try {
      await this.#run(task)
    } catch (error) {
      if (!(error instanceof TaskCancelled)) {
        this.#end("failed", messageOf(error))
        throw error
      }
      if (this.job.status === "aborting") this.#end("aborted")
      if (this.job.status === "skipped") this.#end("skipped")
    }
  }

  async #run(task: Task): Promise<void> {
    if (this.#files.length === 0) {
      await task.sleep(0.001)
      this.#end("failed", "Invalid input file specification.")
      return
    }
    await task.sleep(this.#context.pendingSeconds)
    Object.assign(this.job, { status: "running", countFiles: this.#files.length, ...this.#time("start") })
    for (const [id, stage] of sortedStages(this.#workflow)) {
      this.job.stage = id
      const run = new StageRun(this.#context, {
        id,
        stage,
        workflow: this.#workflow,
        job: this.job,
        files: this.#files,
        variables: () => this.#variables(),
        nextChild: () => this.#children++,
      })
      const { failed, errorMessage } = await run.run(task)
      if (failed) {
        this.#end("failed", errorMessage)
        return
      }
    }
    this.job.status = "finalizing"
    await task.sleep(this.#context.finalizingSeconds)
    this.#end("done")
  }

  /** Arguments and output variables stand at the job's top level; of its own keys only the id is a variable. */
  #variables(): Variables {
    const entries = Object.entries(this.job).filter(
      ([key]) => key === "id" || key === "owner" || !jobKeys.has(key),
    )
    return Object.fromEntries(entries.map(([key, value]) => [key, variableText(value)]))
  }

  #end(status: string, errorMessage?: string): void {
    Object.assign(this.job, { status, ...this.#time("end") })
    const start = Number(this.job.startTime ?? this.job.submissionTime)
    this.job.runTime = Number(this.job.endTime) - start
    if (errorMessage !== undefined) this.job.errorMessage = errorMessage
  }

  #time(what: "submission" | "start" | "end"): Doc {
    const now = this.#context.clock.time()
    return { [`${what}Time`]: now, [`${what}Timestamp`]: timestampText(now, this.#context.timeZone) }
  }
}

/** The files of a job: `filePath`, or `filePathList` as a list or as text with commas. */
function inputFiles(args: Readonly<Doc>): string[] {
  const { filePath, filePathList } = args
  const list = typeof filePathList === "string" ? filePathList.split(",").map(t => t.trim()) : filePathList
  if (Array.isArray(list) && list.length > 0 && list.length <= maxInputFiles && list.every(isName))
    return list
  return isName(filePath) ? [filePath] : []
}

const isName = (value: unknown): value is string => typeof value === "string" && value !== ""
