import { countIn, type Doc, flagIn } from "../documents.ts"
import type { Task } from "../time/tasks.ts"
import { ExpressionError, evaluateCondition } from "./expression.ts"
import type { ProcessingContext } from "./job-run.ts"
import { stageContext } from "./stage-context.ts"
import { OutputPatternError, outputVariables, substitute, type Variables } from "./variables.ts"

/** One stage of one job. */
export interface StageRequest {
  readonly id: string
  /** The job's own copy of the stage; children and counters are added to it. */
  readonly stage: Doc
  readonly workflow: Readonly<Doc>
  readonly job: Doc
  readonly files: readonly string[]
  variables(): Variables
  /** Children are numbered over the whole job. */
  nextChild(): number
}

export interface StageOutcome {
  readonly failed: boolean
  readonly errorMessage?: string
}

/** A child that waits for its turn. */
interface Submitted {
  readonly child: Doc
  readonly variables: Variables
}

const maxOutput = 16 * 1024 * 1024
const counters = {
  queued: "nQueuedChildProcesses",
  running: "nRunningChildProcesses",
  completed: "nCompletedChildProcesses",
  failed: "nFailedChildProcesses",
} as const

/** Runs a stage: its condition, one child per input file, output variables, repeats. */
export class StageRun {
  readonly #context: ProcessingContext
  readonly #request: StageRequest
  readonly #stage: Doc

  constructor(context: ProcessingContext, request: StageRequest) {
    this.#context = context
    this.#request = request
    this.#stage = request.stage
  }

  async run(task: Task): Promise<StageOutcome> {
    try {
      return await this.#run(task)
    } catch (error) {
      if (!(error instanceof ExpressionError) && !(error instanceof OutputPatternError)) throw error
      return { failed: true, errorMessage: `stage ${this.#request.id}: ${error.message}` }
    }
  }

  async #run(task: Task): Promise<StageOutcome> {
    const { runIf, repeatUntil } = this.#stage
    if (typeof runIf === "string" && !this.#holds(runIf)) {
      this.#stage.status = "skipped"
      return { failed: false }
    }
    const where = `stage ${this.#request.id}`
    const maxRepeats = countIn(this.#stage, "maxRepeats", 0, where)
    for (let repeat = 0; ; repeat++) {
      if (!(await this.#children(task, repeat))) return { failed: true }
      if (typeof repeatUntil !== "string" || this.#holds(repeatUntil)) return { failed: false }
      if (repeat >= maxRepeats) {
        return {
          failed: true,
          errorMessage: `${where}: still not ${repeatUntil} after ${maxRepeats} repeats`,
        }
      }
      await task.sleep(Math.max(0.01, countIn(this.#stage, "repeatPeriod", 0, where)))
    }
  }

  #holds(condition: string): boolean {
    return evaluateCondition(substitute(condition, this.#request.variables()))
  }

  /** One round: a child per file, one after the other or several at once. False when one failed. */
  async #children(task: Task, repeat: number): Promise<boolean> {
    const children = this.#request.files.map(file => this.#submit(file))
    let good = true
    const work = async (own: Task): Promise<void> => {
      for (let next = children.shift(); next !== undefined && good; next = children.shift()) {
        good = (await this.#child(own, next, repeat)) && good
      }
    }
    if (!flagIn(this.#stage, "parallelExec")) {
      await work(task)
      return good
    }
    const workers = Array.from({ length: this.#context.parallelChildren }, () =>
      this.#context.tasks.fork(work),
    )
    try {
      await task.outside(Promise.all(workers.map(worker => worker.done)))
    } finally {
      for (const worker of workers) worker.cancel()
    }
    return good
  }

  #submit(file: string): Submitted {
    const variables = { ...this.#request.variables(), filePath: file }
    const number = this.#request.nextChild()
    const { userAccount } = this.#request.workflow
    const child: Doc = {
      childProcessNumber: number,
      stageId: this.#request.id,
      command: `/usr/bin/sudo -u ${userAccount} -- ${substitute(String(this.#stage.command), variables)}`,
      workingDir:
        typeof this.#stage.workingDir === "string" ? substitute(this.#stage.workingDir, variables) : null,
      userAccount,
      status: "pending",
      submitTime: this.#context.clock.time(),
    }
    this.#stage.childProcesses = {
      ...(this.#stage.childProcesses as Doc | undefined),
      [String(number)]: child,
    }
    this.#count("queued", 1)
    this.#count("running", 0)
    return { child, variables }
  }

  async #child(task: Task, { child, variables }: Submitted, repeat: number): Promise<boolean> {
    this.#count("queued", -1)
    this.#count("running", 1)
    Object.assign(child, { status: "running", startTime: this.#context.clock.time() })
    if (this.#context.runningChildOutputs === "null") {
      Object.assign(child, { exitStatus: null, stdOut: null, stdErr: null })
    }
    const context = stageContext(this.#context, this.#request, { task, variables, repeat })
    const { exitStatus, stdOut, stdErr, seconds } = await this.#context.commands.play(context)
    if (seconds > 0) await task.sleep(seconds)
    const endTime = this.#context.clock.time()
    const good = exitStatus === 0
    Object.assign(child, {
      status: good ? "done" : "failed",
      exitStatus,
      stdOut: stdOut.slice(0, maxOutput),
      stdErr: stdErr.slice(0, maxOutput),
      endTime,
      runTime: endTime - Number(child.startTime),
    })
    this.#count("running", -1)
    this.#count(good ? "completed" : "failed", 1)
    if (good) {
      const patterns = (this.#stage.outputVariableRegexList ?? []) as string[]
      Object.assign(this.#request.job, outputVariables(patterns, stdOut))
    }
    return good
  }

  /** A counter appears only when it has something to count. */
  #count(what: keyof typeof counters, change: number): void {
    this.#stage[counters[what]] = Number(this.#stage[counters[what]] ?? 0) + change
  }
}
