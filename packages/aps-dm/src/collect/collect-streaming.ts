import {
  bpp,
  bps,
  type Msg,
  msg,
  type Plan,
  PlanEnded,
  planOf,
  type RunKey,
  uniqueGroup,
} from "@ophyd-ts/run-engine"
import type { DmClient } from "../client/index.ts"
import type { DmExperimentSignals } from "../devices/experiment-signals.ts"
import type { DM_WorkflowConnector } from "../devices/workflow-connector.ts"
import { InvalidRequest } from "../errors.ts"
import type { WorkflowArguments } from "../jobs/arguments.ts"
import { dmErrorBehind } from "../jobs/job-errors.ts"
import type { JobPolicy } from "../jobs/job-policy.ts"
import { shareRunMetadata, waitForWorkflows } from "../plans/files.ts"
import { type AwayOptions, checkAwayOptions } from "../plans/unless-away.ts"
import { waitIn } from "../plans/wait-in.ts"
import { DmStreamError } from "../streaming/errors.ts"
import { PlanSide, type PlanSideOptions } from "../streaming/plan-side.ts"
import { type FrameSource, type StreamReport, streamArguments } from "../streaming/protocol.ts"
import { RunDocuments } from "../utils/run-documents.ts"
import { buildRunMetadataDict } from "../utils/run-metadata.ts"
import type { DmJob } from "../wire/index.ts"
import { followJob } from "./follow-job.ts"
import { streamReadings } from "./stream-readings.ts"
import { one, withinRun } from "./within-run.ts"

/** `whenAway` is about the run's metadata: without the workflow there is nothing to stream to. */
export interface CollectStreamingOptions<T> extends AwayOptions {
  client: DmClient
  /** Where `setupUser` has left experiment and DAQ. */
  signals: DmExperimentSignals
  connector: DM_WorkflowConnector
  /** Name of the workflow; one of its stages starts the process that takes the frames. */
  workflow: string
  /** Arguments of the job besides those of the stream; default `filePath: "/dev/null"`, since DM asks for an input file. */
  args?: WorkflowArguments
  /** What is measured: a plan that opens one run, such as `bp.scan(…)`. It begins when the workflow is ready. */
  acquire: Plan<T> | (() => Plan<T>)
  /** NTNDArray PV that the workflow's process takes the frames from. */
  data: FrameSource
  /** How this process serves the PVs of reports, commands and results, and what results it expects. */
  link?: PlanSideOptions
  /**
   * Frames that the detector has sent since the beginning, asked for at the end, so that the workflow knows when it has
   * all of them; null or left out: unknown, the workflow ends after a while without frames.
   */
  frames?: number | (() => Plan<number | null>) | null
  /** Seconds for the workflow to become ready, from DM's queue to its first report; default 120. */
  readyTimeout?: number
  /** Seconds for the workflow to finish after the last frame; default 120. */
  finishTimeout?: number
  /** Seconds that an interrupted plan waits for the workflow to give up; default 5. */
  abortTimeout?: number
  /** The plan fails at the end if the workflow has missed more frames; default no limit, the count is in the run. */
  maxMissed?: number
  /** Beside other jobs of the same workflow, in a queue with them, or not at all; default as the connector is set. */
  policy?: JobPolicy
  /** Connectors whose jobs have to end first. */
  waitFor?: readonly DM_WorkflowConnector[]
  /** Wait for the end of the job, and fail with it (default); false: it is watched in the background. */
  wait?: boolean
  /** Seconds to wait for that; default no limit. */
  jobTimeout?: number
  /** Under the metadata of the plan's own run. */
  title?: string
  description?: string
  /** Stream of the run that gets the connector's signals and the counts of frames at the end; default `dm_workflow`. */
  workflowStream?: string
  /** Store the run's metadata with the experiment; default true. */
  shareMetadata?: boolean
  /** What it says besides: the catalogue that holds the run's documents, and whatever else. */
  catalog?: string
  extra?: Readonly<Record<string, unknown>>
}

export interface StreamingOutcome<T> {
  /** What the plan to acquire with has given; undefined when the workflow finished before it did. */
  value: T | undefined
  runUid: string
  /** As last seen. */
  job: DmJob | null
  /** The workflow's last word. */
  report: StreamReport
  /** Results that are in the run. */
  results: number
}

/**
 * Plan: acquires while a DM workflow works on the frames. Starts the workflow, waits until its process is ready, runs
 * `acquire`, lets the workflow finish what it has, stores its results as a stream of the run, then waits for the job
 * and stores the run's metadata with the experiment. Either side may end: a workflow that has enough ends the
 * measurement, and the run is a success; one that fails, falls silent or loses its job fails the plan at once. A plan
 * that is stopped lets the workflow finish; one that is aborted or fails tells it to give up, and its job ends.
 * @throws into the plan: InvalidRequest when no experiment is set up; DmStreamError; DmJobError; what `acquire` throws.
 */
export function* collectStreaming<T>(options: CollectStreamingOptions<T>): Plan<StreamingOutcome<T>> {
  checkAwayOptions(options)
  const { signals, connector, workflow, policy, waitFor = [], abortTimeout = 5 } = options
  const experiment = yield* bps.rd(signals.experiment)
  if (experiment === "") throw new InvalidRequest("no experiment is set up: run setupUser first")
  yield* waitForWorkflows([connector, ...waitFor])
  const side = yield* bps.call(() => PlanSide.open(options.link))
  let problem = "the plan was interrupted"
  try {
    yield* connector.runAsPlan({
      workflow,
      wait: false,
      timeout: Number.POSITIVE_INFINITY,
      ...(policy === undefined ? {} : { policy }),
      args: {
        filePath: "/dev/null",
        experimentName: experiment,
        ...options.args,
        ...streamArguments(side.address, options.data),
      },
    })
    followJob(connector, side)
    return yield* new Collection(options, experiment, side).plan()
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
    throw dmErrorBehind(error) ?? error
  } finally {
    yield* bpp.uninterrupted(giveUp(side, problem, abortTimeout))
  }
}

/** Ends the workflow if it still works, and then the connection to it. */
function* giveUp(side: PlanSide, reason: string, timeout: number): Plan<void> {
  if (!side.isOver && side.told !== "abort") {
    yield* bps.call(() => side.abort(reason))
    // Nobody is there to answer: a process that comes later finds nobody, too.
    if (side.report.state !== "waiting") yield* waitIn(() => side.over(timeout))
  }
  yield* bps.call(() => side.close())
}

/** One collection, from the workflow's first report to its last. */
class Collection<T> {
  readonly #options: CollectStreamingOptions<T>
  readonly #experiment: string
  readonly #side: PlanSide
  /** The workflow had enough before the plan was through. */
  #early: DmStreamError | null = null
  #runUid = ""

  constructor(options: CollectStreamingOptions<T>, experiment: string, side: PlanSide) {
    this.#options = options
    this.#experiment = experiment
    this.#side = side
  }

  *plan(): Plan<StreamingOutcome<T>> {
    const { connector, readyTimeout = 120, wait = true } = this.#options
    const side = this.#side
    const documents = new RunDocuments()
    yield* waitIn(signal => side.ready({ timeout: readyTimeout, signal }))
    const value = yield* this.#runAndShare(documents)
    const job = wait ? yield* connector.waitAsPlan() : connector.job
    return { value, runUid: this.#runUid, job, report: side.report, results: side.results.total }
  }

  *#runAndShare(documents: RunDocuments): Plan<T | undefined> {
    const { shareMetadata = true, onProblem } = this.#options
    let value: T | undefined
    try {
      value = yield* bpp.subs(documents.receive, this.#acquire())
    } catch (error) {
      // DM hears of a run that failed or was stopped, too. Who aborts does not wait for that.
      const isAbort = error instanceof PlanEnded && error.exitStatus !== "success"
      if (shareMetadata && !isAbort) {
        yield* bpp.uninterrupted(this.#share(documents, { shouldRaise: false, whenAway: "warn", onProblem }))
      }
      throw error
    }
    if (shareMetadata) yield* this.#share(documents, this.#options)
    return value
  }

  *#acquire(): Plan<T | undefined> {
    const { acquire, connector } = this.#options
    const side = this.#side
    const watch = uniqueGroup("dm-stream")
    const { name } = connector
    yield* bps.call(() => side.start())
    yield* bps.trigger({ name, trigger: () => side.guard(name) }, { group: watch })
    // From here a pause does not begin the guard anew.
    yield* bps.checkpoint()
    try {
      return yield* withinRun(planOf(acquire), {
        watch,
        metadata: md => this.#metadata(md),
        between: run => this.#collect(run),
        close: (message, thrown) => bpp.uninterrupted(this.#close(message, thrown)),
      })
    } catch (error) {
      if (this.#early === null || dmErrorBehind(error) !== this.#early) throw error
      return undefined
    }
  }

  #metadata(md: Record<string, unknown>): Record<string, unknown> {
    const { connector, client, workflow, title, description, data } = this.#options
    const block = {
      experiment: this.#experiment,
      workflow,
      owner: client.username,
      job_id: connector.job?.id ?? "",
      mode: "streaming",
      data_pv: data.pv,
    }
    const ours = {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
    }
    return buildRunMetadataDict({ ...ours, ...md }, block)
  }

  /** Puts results that have come into the run. */
  *#collect(run: RunKey): Plan<void> {
    const { results } = this.#side
    if (results.length === 0) return
    yield msg("collect", results, [[]], { stream: true, returnPayload: false, name: results.name }, run)
  }

  *#close(message: Msg<"close_run">, thrown: unknown): Plan<unknown> {
    const side = this.#side
    const { run, kwargs } = message
    const ended = thrown instanceof PlanEnded ? thrown : null
    let { exitStatus, reason } = kwargs
    let failure: unknown = null
    const behind = dmErrorBehind(thrown)
    if (behind !== null && behind === side.early) {
      this.#early = side.early
      exitStatus = "success"
      reason = behind.message
    } else if ((ended?.exitStatus ?? exitStatus ?? "success") === "success") {
      try {
        yield* this.#finish(ended !== null)
      } catch (error) {
        failure = error
        if (error instanceof PlanEnded) yield* this.#endEarly(error)
        else {
          exitStatus = "fail"
          reason = error instanceof Error ? error.message : String(error)
        }
      }
    } else {
      if (ended === null) reason = side.failure?.message ?? reason
      yield* this.#giveUp(ended?.message ?? reason ?? "the plan failed")
    }
    yield* this.#collect(run)
    yield* this.#record(run)
    this.#runUid = (yield* one(msg("close_run", null, [], { exitStatus, reason }, run))) as string
    if (failure !== null) throw failure
    return this.#runUid
  }

  /** `cutShort`: the plan was stopped, so there are less frames than were wanted, and nobody waits for the job. */
  *#finish(cutShort: boolean): Plan<void> {
    const {
      frames = null,
      finishTimeout: timeout = 120,
      maxMissed = Number.POSITIVE_INFINITY,
      wait = true,
    } = this.#options
    const side = this.#side
    const sent = typeof frames === "function" ? yield* frames() : cutShort ? null : frames
    yield* bps.call(() => side.stop({ frames: sent }))
    // A pause from here on does not measure the last point again.
    yield* bps.checkpoint()
    const finished = waitIn(signal => side.finished({ timeout, signal }))
    const { missed, received } = yield* bpp.interruptible(finished)
    // The run records how the job ended, if that is waited for anyway.
    if (wait && !cutShort) yield* bpp.interruptible(this.#untilJobEnds())
    if (missed > maxMissed) {
      const what = `the workflow missed ${missed} of ${missed + received} frames, ${maxMissed} are allowed`
      throw new DmStreamError("missed", what, { report: side.report })
    }
  }

  /** The plan was ended while the workflow finished what there is: a stop lets it, an abort does not. */
  *#endEarly({ exitStatus, message }: PlanEnded): Plan<void> {
    const side = this.#side
    if (side.isOver) return
    if (exitStatus === "success") yield* waitIn(() => side.over(this.#options.finishTimeout ?? 120))
    else yield* this.#giveUp(message)
  }

  *#untilJobEnds(): Plan<void> {
    const { connector, jobTimeout } = this.#options
    yield* waitForWorkflows([connector], jobTimeout === undefined ? {} : { timeout: jobTimeout })
  }

  *#giveUp(reason: string): Plan<void> {
    const side = this.#side
    yield* bps.call(() => side.abort(reason))
    yield* waitIn(() => side.over(this.#options.abortTimeout ?? 5))
  }

  *#record(run: RunKey): Plan<void> {
    const { connector, workflowStream: name = "dm_workflow" } = this.#options
    const readings = streamReadings("dm_stream", this.#side)
    yield msg("create", null, [], { name }, run)
    yield msg("read", connector, [], {}, run)
    yield msg("read", readings, [], {}, run)
    yield msg("save", null, [], {}, run)
  }

  *#share(
    documents: RunDocuments,
    { whenAway, spool, onProblem, shouldRaise = true }: AwayOptions & { shouldRaise?: boolean },
  ): Plan<void> {
    const { client, connector, workflow, catalog } = this.#options
    const run = documents.get(this.#runUid)
    if (run === undefined) return
    const away = { whenAway, spool, shouldRaise, ...(onProblem === undefined ? {} : { onProblem }) }
    const extra = { ...this.#options.extra, job_id: connector.job?.id ?? "" }
    const what = { experiment: this.#experiment, workflow, run, extra, catalog }
    yield* shareRunMetadata(client, { ...what, ...away })
  }
}
