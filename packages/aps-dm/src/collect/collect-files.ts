import { bpp, bps, type Plan, planOf } from "@ophyd-ts/run-engine"
import { isAway } from "../away.ts"
import type { DmClient } from "../client/index.ts"
import type { DmExperimentSignals } from "../devices/experiment-signals.ts"
import type { DM_WorkflowConnector } from "../devices/workflow-connector.ts"
import { InvalidRequest } from "../errors.ts"
import type { WorkflowArguments } from "../jobs/arguments.ts"
import type { JobPolicy } from "../jobs/job-policy.ts"
import { shareRunMetadata, waitForWorkflows } from "../plans/files.ts"
import { runDmWorkflow } from "../plans/run-workflow.ts"
import { uploadToDm, waitForFiles } from "../plans/transfers.ts"
import { type AwayOptions, checkAwayOptions, unlessAway } from "../plans/unless-away.ts"
import { waitIn } from "../plans/wait-in.ts"
import { type ExpectedFile, uploadItem } from "../transfers/index.ts"
import { RunDocuments } from "../utils/run-documents.ts"
import { buildRunMetadataDict } from "../utils/run-metadata.ts"
import type { DmDataset, DmJob } from "../wire/index.ts"
import { experimentName, md5Of, nameIn, RunFiles } from "./run-files.ts"
import { withinRun } from "./within-run.ts"

/** What was acquired, for options that depend on it. */
export interface Acquired {
  readonly runUid: string
  /** Files that the run's detectors wrote, absolute, as the documents name them. */
  readonly paths: readonly string[]
  /** The same as DM calls them, relative to the experiment's data directory. */
  readonly files: readonly string[]
}

export interface CollectFilesOptions<T> extends AwayOptions {
  client: DmClient
  /** Where `setupUser` has left experiment, directory and DAQ. */
  signals: DmExperimentSignals
  connector: DM_WorkflowConnector
  /** What is measured: a plan that opens one run, such as `bp.scan(…)`. */
  acquire: Plan<T> | (() => Plan<T>)
  /** Done before, for example to move optics or to set the detector up. */
  prepare?: () => Plan<unknown>
  /** Name of the workflow that processes the files; null for none. */
  workflow: string | null
  /** Arguments of the job, laid over `filePath` (the first file), `experimentName` and `run_uid`. */
  args?: WorkflowArguments | ((acquired: Acquired) => WorkflowArguments)
  /** Metadata of the run; what `acquire` says itself wins. */
  title?: string
  description?: string
  md?: Readonly<Record<string, unknown>>

  /**
   * How the files come to DM: `daq`, by the DAQ that `setupUser` started (default); `upload`, by an upload of each; or
   * `stored`, when the detector writes into the experiment's storage already.
   */
  transfer?: "daq" | "upload" | "stored"
  /** Where DAQ or upload put them, relative to the experiment's data directory; default the directory itself. */
  destDirectory?: string
  /** What DM will call the files, relative to the experiment's data directory; default from the run's documents. */
  files?: readonly string[] | ((acquired: Pick<Acquired, "runUid" | "paths">) => readonly string[])
  /**
   * `content` (default): a file counts as there when DM has it with the check sum of the file on this machine, if it
   * can be read here and DM makes check sums; a DAQ may bring a file before it is complete. `name`: when DM has one of
   * that name, for files that take long to read.
   */
  verify?: "content" | "name"
  /** Seconds to wait for the files; default 600. */
  uploadTimeout?: number
  /** Seconds between questions about them; default 30. */
  uploadPeriod?: number

  /** Beside other jobs of the same workflow, in a queue with them, or not at all; default as the connector is set. */
  policy?: JobPolicy
  /** Connectors whose jobs have to end before this one starts, besides `connector` itself. */
  waitFor?: readonly DM_WorkflowConnector[]
  /** Seconds to wait for those; default no limit. */
  waitForTimeout?: number
  /** Wait for the end of the job, and fail with it (default); false: it is watched in the background. */
  wait?: boolean
  /** Seconds to watch the job; default no limit. */
  timeout?: number
  /** When they are over: `raise` (default) or `detach`. */
  onTimeout?: "raise" | "detach"
  /** Reports as one line, or as a table of stages; default as the connector is set. */
  concise?: boolean
  /** Seconds between reports, and between questions about the job; default as the connector is set. */
  reportingPeriod?: number
  pollingPeriod?: number

  /** Store the run's metadata with the experiment; default true. */
  shareMetadata?: boolean
  /** What it says besides: the catalogue that holds the run's documents, and whatever else. */
  catalog?: string
  extra?: Readonly<Record<string, unknown>>
}

export interface FilesOutcome<T> extends Acquired {
  /** What the plan to acquire with has given. */
  value: T
  /** As last seen; null without a workflow, or when DM was away and the plan was not to fail. */
  job: DmJob | null
  /** What was stored about the run; null when it is there already, or spooled. */
  dataset: DmDataset | null
}

/**
 * Plan: acquires, waits until DM has the files, starts a workflow on them and watches it, and stores the run's metadata
 * with the experiment while the job runs.
 * @throws into the plan: before anything is measured, ObjectNotFound and InvalidArgument for a workflow that DM does not
 * have or that lacks arguments; InvalidRequest when no experiment is set up, or the run wrote no file that DM could get;
 * DmWaitTimeout when files did not come; DmTransferError; DmJobError; DmWatchTimeout; what `acquire` throws. When DM
 * is away, `whenAway` says what becomes of its part; what was acquired stays.
 */
export function* collectFiles<T>(options: CollectFilesOptions<T>): Plan<FilesOutcome<T>> {
  checkAwayOptions(options)
  const { signals, connector, transfer = "daq", prepare, wait = true, workflow } = options
  const experiment = yield* bps.rd(signals.experiment)
  const daqId = yield* bps.rd(signals.daqId)
  if (experiment === "" || (transfer === "daq" && daqId === "")) {
    throw new InvalidRequest("no experiment is set up: run setupUser first")
  }
  if (workflow !== null) yield* unlessAway(checkWorkflow(options, workflow, experiment), options)
  yield* setReporting(options)
  if (prepare !== undefined) yield* prepare()

  const documents = new RunDocuments()
  const written = new RunFiles()
  const acquisition = withinRun(planOf(options.acquire), {
    metadata: md => metadataOf(options, { experiment, daqId }, md),
  })
  const value = yield* bpp.subs([documents.receive, written.receive], acquisition)
  const run = documents.last
  if (run === undefined) throw new InvalidRequest("the plan to acquire with has to open a run")
  const runUid = run.start.uid
  const acquired = yield* filesOf(options, runUid, written.paths)

  yield* unlessAway(handOver(options, experiment, acquired), options)
  yield* waitForWorkflows([connector, ...(options.waitFor ?? [])], {
    ...(options.waitForTimeout === undefined ? {} : { timeout: options.waitForTimeout }),
  })
  const submitted = workflow === null ? null : yield* submit(options, workflow, experiment, acquired)
  const dataset =
    options.shareMetadata === false
      ? null
      : yield* shareRunMetadata(options.client, {
          ...options,
          experiment,
          workflow: workflow ?? "",
          run,
          extra: { ...options.extra, job_id: submitted?.id ?? "", files: acquired.files },
        })
  const job = submitted !== null && wait ? yield* connector.waitAsPlan() : submitted
  return { value, ...acquired, job, dataset }
}

/** A mistake in the workflow's name or in its arguments is to be told now, not after the measurement. */
function* checkWorkflow(
  { connector, args = {} }: CollectFilesOptions<unknown>,
  workflow: string,
  experiment: string,
): Plan<void> {
  const known = typeof args !== "function"
  const call = {
    workflow,
    args: { filePath: "/dev/null", experimentName: experiment, run_uid: "not-yet", ...(known ? args : {}) },
  }
  yield* waitIn(() => connector.check(call, known ? "arguments" : "exists"))
}

function* setReporting({
  connector,
  concise,
  reportingPeriod,
  pollingPeriod,
}: CollectFilesOptions<unknown>): Plan<void> {
  if (concise !== undefined) yield* bps.mv(connector.conciseReporting, concise)
  if (reportingPeriod !== undefined) yield* bps.mv(connector.reportingPeriod, reportingPeriod)
  if (pollingPeriod !== undefined) yield* bps.mv(connector.pollingPeriod, pollingPeriod)
}

function metadataOf(
  { title, description, md, workflow, client }: CollectFilesOptions<unknown>,
  { experiment, daqId }: { experiment: string; daqId: string },
  own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const said = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
  }
  const block = { experiment, daq_id: daqId, workflow: workflow ?? "", owner: client.username, mode: "files" }
  return buildRunMetadataDict({ ...said, ...md, ...own }, block)
}

function* filesOf(
  options: CollectFilesOptions<unknown>,
  runUid: string,
  paths: readonly string[],
): Plan<Acquired> {
  const { files, destDirectory = "", transfer = "daq", workflow } = options
  const dataDirectory = yield* bps.rd(options.signals.dataDirectory)
  const named =
    typeof files === "function"
      ? files({ runUid, paths })
      : (files ?? paths.map(path => experimentName(path, dataDirectory, destDirectory)))
  if (named.length === 0 && (workflow !== null || transfer !== "stored")) {
    throw new InvalidRequest("the run wrote no file: say with `files` what DM is to have")
  }
  return { runUid, paths, files: named }
}

/** Until DM has all files. */
function* handOver(
  options: CollectFilesOptions<unknown>,
  experiment: string,
  acquired: Acquired,
): Plan<void> {
  const {
    client,
    transfer = "daq",
    uploadTimeout: timeout = 600,
    uploadPeriod: period = 30,
    verify,
  } = options
  if (transfer === "stored") return
  if (transfer === "upload") yield* uploadAll(options, experiment, acquired.paths)
  const files = yield* waitIn(async signal => {
    const sums = verify === "name" ? [] : await Promise.all(acquired.paths.map(path => md5Of(path, signal)))
    // The names are those of the paths unless the caller has given others.
    const isPaired = options.files === undefined
    return acquired.files.map(
      (name, i): ExpectedFile => ({
        name,
        md5: isPaired ? sums[i] : undefined,
        // DAQs may be told to make no check sums.
        believeWithout: true,
      }),
    )
  })
  yield* waitForFiles(client, { experiment, files, timeout, period, onAway: options.onProblem })
}

/** Those that DM could not take are left to the spool, if there is to be one; the error tells of them in any case. */
function* uploadAll(
  options: CollectFilesOptions<unknown>,
  experiment: string,
  paths: readonly string[],
): Plan<void> {
  const { client, destDirectory, uploadTimeout: timeout = 600, uploadPeriod = 30, whenAway, spool } = options
  const dataDirectory = yield* bps.rd(options.signals.dataDirectory)
  const waiting = paths.map(path => ({
    experiment,
    dataDirectory,
    file: nameIn(path, dataDirectory),
    destDirectory,
  }))
  const how = { period: Math.min(5, uploadPeriod), timeout, onAway: options.onProblem }
  try {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      yield* uploadToDm(client, { ...next, ...how })
      waiting.shift()
    }
  } catch (error) {
    if (whenAway === "spool" && spool !== undefined && isAway(error))
      for (const upload of waiting) yield* bps.call(() => spool.add(uploadItem(upload)))
    throw error
  }
}

function* submit(
  options: CollectFilesOptions<unknown>,
  workflow: string,
  experiment: string,
  acquired: Acquired,
): Plan<DmJob | null> {
  const { connector, args = {}, timeout = Number.POSITIVE_INFINITY, onTimeout } = options
  const { whenAway, spool, onProblem, policy } = options
  const more = typeof args === "function" ? args(acquired) : args
  const filePath = acquired.files[0] ?? "/dev/null"
  return yield* runDmWorkflow(connector, {
    workflow,
    wait: false,
    timeout,
    whenAway,
    spool,
    onProblem,
    ...(onTimeout === undefined ? {} : { onTimeout }),
    ...(policy === undefined ? {} : { policy }),
    args: { filePath, experimentName: experiment, run_uid: acquired.runUid, ...more },
  })
}
