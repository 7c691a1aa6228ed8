import { type Clock, Listeners, type Status, type Subscription, systemClock } from "@ophyd-ts/core"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import type { CallOptions, ListJobsOptions } from "../client/index.ts"
import { InvalidRequest } from "../errors.ts"
import { checkArguments } from "../jobs/arguments.ts"
import { DmJobError } from "../jobs/job-errors.ts"
import { JobPoller } from "../jobs/job-poller.ts"
import { conciseReport, stageTable } from "../jobs/job-report.ts"
import { JobRun, type JobRunOptions, type JobSource } from "../jobs/job-run.ts"
import { jobState } from "../jobs/job-state.ts"
import { checkAgainstWorkflow } from "../jobs/required-arguments.ts"
import { type JobByArgument, newestJob, startJob } from "../jobs/start-job.ts"
import { waitForStatus, waitIn } from "../plans/wait-in.ts"
import { type DmJob, type DmWorkflow, localStates } from "../wire/index.ts"
import { JobSignals } from "./job-signals.ts"
import type {
  JobSubmission,
  RunCall,
  StartCall,
  WatchCall,
  WorkflowConnectorOptions,
  WorkflowReport,
} from "./workflow-options.ts"

/**
 * Starts a DM workflow and follows its job. The job is a Status: `done` finishes it, every other end (failed,
 * aborted,
 * skipped, refused, lost) fails it with a DmJobError behind it. Signals show what DM says, and only that. One job at
 * a
 * time: for several, make several connectors. Arguments belong to the connector.
 */
export class DM_WorkflowConnector extends JobSignals implements AsyncDisposable {
  /** Arguments of every job, unless a call says otherwise. */
  readonly workflowArgs: Record<string, string | number | boolean | undefined>
  readonly #options: WorkflowConnectorOptions
  readonly #clock: Clock
  readonly #listeners = new Listeners<WorkflowReport>()
  /** The last one. */
  #run: JobRun | null = null
  #job: DmJob | null = null
  #shown = ""
  #nextReport = 0

  constructor(options: WorkflowConnectorOptions) {
    super(options)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.workflowArgs = { ...options.workflowArgs }
    if (options.write !== undefined) this.onReport(report => options.write?.(report.text))
    if (options.workflow !== undefined) this.assign(this.workflow, options.workflow)
    this.followSignals()
  }

  /** The last job as last seen. */
  get job(): DmJob | null {
    return this.#job
  }

  /** No job is being watched. */
  get idle(): boolean {
    return this.#run?.isOver ?? true
  }

  /** Fulfilled when no job is being watched any more, whatever way the last one ended. */
  async whenIdle(): Promise<void> {
    await this.#run?.over
  }

  /** The job being watched, as a Status; null when there is none. */
  get running(): Status<DmJob> | null {
    return this.idle ? null : (this.#run?.status ?? null)
  }

  /**
   * Submits a job and watches it in the background.
   * @throws InvalidRequest, InvalidArgument (at once, nothing was sent) when there is no workflow, a job is being
   * watched or an argument is wrong.
   */
  startWorkflow(call: StartCall = {}): Status<DmJob> {
    const submission = this.submission(call)
    const { workflow, workflowOwner } = submission
    this.#refuseSecond(`start workflow ${workflow}`)
    this.show(this.workflow, workflow)
    const { client, checkWorkflow = true, policy = "parallel" } = this.#options
    return this.#watch(workflow, workflowOwner, call, (signal, onLost) =>
      startJob(client.proc, {
        ...submission,
        checkWorkflow,
        policy: call.policy ?? policy,
        period: () => this.value(this.pollingPeriod),
        onQueued: behind => {
          this.show(this.status, localStates.queued)
          this.#report(
            "change",
            `${this.name}: workflow ${workflow} waits for the end of job ${behind.slice(0, 8)}`,
          )
        },
        onLost,
        clock: this.#clock,
        signal,
      }),
    )
  }

  /**
   * What `startWorkflow` would send, checked; nothing is sent.
   * @throws InvalidRequest, InvalidArgument as it does.
   */
  submission(call: StartCall = {}): JobSubmission {
    const workflow = call.workflow || this.value(this.workflow)
    if (workflow === "") throw new InvalidRequest(`${this.name}: no workflow is named`)
    const { client, tagArgument = "submission_tag", trustedArgs = [] } = this.#options
    const args = { ...checkArguments({ ...this.workflowArgs, ...call.args }, { trusted: trustedArgs }) }
    const tag = tagArgument === false ? null : tagArgument
    if (tag !== null) args[tag] ??= crypto.randomUUID()
    return {
      workflow,
      workflowOwner: this.value(this.owner) || client.username,
      jobOwner: client.username,
      args,
      tag,
    }
  }

  /**
   * Asks DM whether it has the workflow and whether these are its arguments, as `startWorkflow` does; nothing is started.
   * `exists`: whether it has it, and no more, where the arguments are not known yet.
   * @throws InvalidRequest, InvalidArgument, ObjectNotFound, CommunicationError
   */
  async check(call: StartCall = {}, extent: "exists" | "arguments" = "arguments"): Promise<void> {
    const { workflow, workflowOwner, args } = this.submission(call)
    const { client, checkWorkflow = true } = this.#options
    if (!checkWorkflow) return
    const found = await client.proc.getWorkflowByName(workflowOwner, workflow)
    if (extent === "arguments") checkAgainstWorkflow(found, args)
  }

  /**
   * Watches a job that exists, for example one that was started before this program: by its id, or the last one that
   * was started for a file.
   */
  attach(target: string | JobByArgument, call: WatchCall & { owner?: string } = {}): Status<DmJob> {
    const what = typeof target === "string" ? `job ${target}` : `the job of ${target.file}`
    this.#refuseSecond(`attach to ${what}`)
    const { client } = this.#options
    const owner = this.value(this.owner) || client.username
    const jobOwner = call.owner ?? client.username
    return this.#watch(`of ${what}`, owner, call, async signal => {
      const jobId =
        typeof target === "string" ? target : await newestJob(client.proc, jobOwner, target, signal)
      const job = await client.proc.getProcessingJobById(jobOwner, jobId, { signal })
      return { ...job, id: jobId, owner: job.owner ?? jobOwner }
    })
  }

  /**
   * Plan: starts the workflow and, with `wait` (default), waits for its end; without, only until DM has taken the
   * job.
   * Gives the job as last seen.
   * @throws into the plan: DmJobError when DM refuses the job, or when it is waited for and does not end as done;
   * DmWatchTimeout when the time is over. An interrupted plan that waits ends the watch, too.
   */
  *runAsPlan(call: RunCall = {}): Plan<DmJob> {
    const { wait = true, ...start } = call
    const run = yield* bps.call(() => {
      this.startWorkflow(start)
      return this.#run as JobRun
    })
    if (!wait) return yield* waitIn(() => run.submitted)
    try {
      return yield* this.waitAsPlan()
    } finally {
      if (!run.status.done) yield* bps.call(() => run.stop(new Error("the plan was interrupted")))
    }
  }

  /**
   * Plan: waits for the job that was started or attached last, also when it has ended meanwhile. An interrupted plan
   * leaves the watch as it is.
   * @throws into the plan: InvalidRequest when there was none, else as `runAsPlan` does.
   */
  *waitAsPlan(): Plan<DmJob> {
    const run = this.#run
    if (run === null) throw new InvalidRequest(`${this.name}: no job was started`)
    return yield* waitForStatus(run.status)
  }

  /** Ends the watch, if there is one. The job goes on in DM. */
  override async stop(): Promise<void> {
    await this.#run?.stop(new Error(`watching by ${this.name} was stopped; the job goes on in DM`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Hears of every change, of the state once per reporting period, of lost and found connections and of the end. */
  onReport(fn: (report: WorkflowReport) => void): Subscription {
    const unsubscribe = this.#listeners.add(fn)
    return { unsubscribe, [Symbol.dispose]: unsubscribe }
  }

  /** The state in words: one line, or with `concise` false the table of stages. */
  reportStatus({ concise = this.value(this.conciseReporting) }: { concise?: boolean } = {}): string {
    const elapsed = this.#run?.elapsed ?? 0
    if (!concise && this.#job !== null) return stageTable(this.#job, { elapsed })
    return conciseReport(this.name, this.value(this.workflow), this.#job, elapsed)
  }

  /** The job as DM has it now. @throws InvalidRequest before the first start. */
  async getJob(options?: CallOptions): Promise<DmJob> {
    const job = this.#job
    if (job?.id === undefined) throw new InvalidRequest(`${this.name}: no job was started`)
    const { client } = this.#options
    return await client.proc.getProcessingJobById(job.owner ?? client.username, job.id, options)
  }

  /** Jobs of the account. */
  processingJobs(options?: ListJobsOptions): Promise<DmJob[]> {
    return this.#options.client.proc.listProcessingJobs(this.#options.client.username, options)
  }

  /** Workflows of the owner. */
  workflows(options?: CallOptions): Promise<DmWorkflow[]> {
    const { client } = this.#options
    return client.proc.listWorkflows(this.value(this.owner) || client.username, options)
  }

  #refuseSecond(what: string): void {
    if (this.#run === null || this.#run.isOver) return
    const workflow = this.value(this.workflow)
    throw new InvalidRequest(
      `${this.name}: cannot ${what}: workflow ${workflow} (job ${this.#job?.id ?? "starting"}) has been watched for ${this.#run.elapsed.toFixed(1)} s; wait for it, stop it, or use another connector`,
    )
  }

  #watch(workflow: string, owner: string, call: WatchCall, begin: JobRunOptions["begin"]): Status<DmJob> {
    const { longestPause = 30, lostAfter = 3600 } = this.#options
    this.#job = null
    this.#shown = ""
    this.#nextReport = this.#clock.now() + this.value(this.reportingPeriod)
    this.show(this.owner, owner)
    this.show(this.jobId, localStates.notRun)
    this.show(this.serviceConnected, true)
    this.showJob({ status: localStates.starting, stage: localStates.notRun, runTime: 0 })
    const run = new JobRun({
      name: this.name,
      workflow,
      clock: this.#clock,
      begin,
      poll: job => this.#poll(job),
      period: () => this.value(this.pollingPeriod),
      longestPause,
      lostAfter,
      timeout: call.timeout ?? 180,
      onTimeout: call.onTimeout ?? "raise",
      listener: {
        onJob: job => this.#onJob(job),
        onConnection: (error, pause) => this.#onConnection(error, pause),
        onEnd: error => this.#onEnd(error),
      },
    })
    this.#run = run
    return run.status
  }

  #poll(job: DmJob & { id: string }): JobSource {
    const { client } = this.#options
    const watch = JobPoller.of(client.proc, this.#clock).watch(job.owner ?? client.username, job)
    return {
      // A table of stages shows more than a list of jobs tells.
      fetch: signal => {
        const full = !this.value(this.conciseReporting) && this.#clock.now() >= this.#nextReport
        return watch.fetch({ full, signal })
      },
      pause: () => watch.pause(this.value(this.pollingPeriod)),
      [Symbol.dispose]: () => watch[Symbol.dispose](),
    }
  }

  #onJob(job: DmJob): void {
    this.#job = { ...job, owner: job.owner ?? this.#job?.owner }
    this.show(this.jobId, job.id ?? localStates.notAvailable)
    this.show(this.workflow, job.workflow?.name ?? this.value(this.workflow))
    this.showJob(job)
    const { status, stage } = jobState(job)
    const shown = `${status} ${stage}`
    if (shown !== this.#shown) this.#report("change", this.reportStatus())
    else if (this.#clock.now() >= this.#nextReport) this.#report("periodic", this.reportStatus())
    this.#shown = shown
  }

  #onConnection(error: Error | null, pause: number): void {
    const changed = this.show(this.serviceConnected, error === null)
    if (!changed && this.#clock.now() < this.#nextReport) return
    const what =
      error === null ? "DM answers again" : `no answer of DM, next try in ${pause} s: ${error.message}`
    this.#report("connection", `${this.name}: ${what}`)
  }

  #onEnd(error: Error | null): void {
    if (error instanceof DmJobError) {
      if (error.outcome === "refused") this.show(this.status, localStates.refused)
      this.show(this.errorMessage, error.stderr)
    }
    const done = `workflow ${this.value(this.workflow)}, job ${this.#job?.id?.slice(0, 8)} is done after ${this.#run?.elapsed.toFixed(1)} s`
    const text = `${this.name}: ${error === null ? done : error.message}`
    this.#report("end", text)
  }

  #report(kind: WorkflowReport["kind"], text: string): void {
    this.#nextReport = this.#clock.now() + this.value(this.reportingPeriod)
    this.#listeners.tell({ kind, text, job: this.#job }, `a reporter of ${this.name}`)
  }
}
