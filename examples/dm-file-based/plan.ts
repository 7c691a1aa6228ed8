/**
 * File-based collection with APS Data Management: what a beamline's plans look like when acquisition and DM work as
 * one. Copy it and make it yours; README.md beside it goes through it step by step.
 */
import {
  collectFiles,
  type DM_WorkflowConnector,
  type DmClient,
  type DmExperimentSignals,
  type DmJob,
  type DmSpool,
  type FilesOutcome,
  setupUser,
} from "@ophyd-ts/aps-dm"
import type { Readable } from "@ophyd-ts/core"
import { bp, bps, type Plan, type ScanMotor } from "@ophyd-ts/run-engine"

/** What the plan works with. */
export interface Instrument {
  motor: ScanMotor
  detectors: readonly Readable[]
  /** Done before each collection, for example to set the exposure. */
  prepare?: () => Plan<unknown>
  /** Names of a run's files, for detectors whose documents do not tell. */
  files?: (runUid: string) => readonly string[]
}

/** The DM side of the instrument. */
export interface DataManagement {
  client: DmClient
  /** Remember the experiment between plans. */
  signals: DmExperimentSignals
  workflow: DM_WorkflowConnector
  /** Keeps the metadata that DM cannot take now; without it, the plan fails then. */
  spool?: DmSpool
}

export interface SetUpOptions {
  experiment: string
  /** Where the data files appear; the DAQ watches it. */
  dataDirectory: string
  /** Where the parameter file is, and its name. */
  parameterDirectory: string
  parameterFile: string
  /** File in which the experiment survives a restart. */
  rememberIn?: string
}

/** Where in the experiment the DAQ puts the data files. */
const destDirectory = "scans"

/** Once per user: experiment into a signal, a DAQ if none is active, and the file that the workflow will need. */
export function* setUp(dm: DataManagement, options: SetUpOptions): Plan<void> {
  const { experiment, dataDirectory, parameterDirectory, parameterFile, rememberIn } = options
  yield* setupUser(dm.client, dm.signals, {
    experiment,
    dataDirectory,
    daqInfo: { destDirectory, skipFilePathPattern: "*.part" },
    uploads: [{ dataDirectory: parameterDirectory, file: parameterFile, destDirectory: "parameters" }],
    period: 0.5,
    ...(rememberIn === undefined ? {} : { rememberIn }),
  })
}

export interface CollectOptions {
  from: number
  to: number
  /** Number of points. */
  points: number
  /** Name of the DM workflow that processes the data file. */
  workflow: string
  title?: string
  /** Seconds between questions about the job; default 1. */
  pollingPeriod?: number
  /** Seconds between reports about the job; default 60. */
  reportingPeriod?: number
  /** Workflows that must have ended before this one starts. */
  waitFor?: readonly DM_WorkflowConnector[]
  /** Wait for the end of the job, and fail with it; default true. False: it is watched in the background. */
  wait?: boolean
}

/** Scans, hands the data file to DM, starts the workflow on it, and stores the run's metadata with the experiment. */
export function* collect(
  { motor, detectors, prepare, files }: Instrument,
  dm: DataManagement,
  options: CollectOptions,
): Plan<FilesOutcome<string>> {
  const { from, to, points, workflow, title = "file-based collection", waitFor = [], wait = true } = options
  const { spool } = dm
  return yield* collectFiles({
    client: dm.client,
    signals: dm.signals,
    connector: dm.workflow,
    acquire: () => bp.scan(detectors, motor, from, to, points),
    ...(prepare === undefined ? {} : { prepare }),
    workflow,
    title,
    destDirectory,
    ...(files === undefined ? {} : { files: ({ runUid }) => files(runUid) }),
    uploadPeriod: 0.5,
    waitFor,
    wait,
    concise: true,
    pollingPeriod: options.pollingPeriod ?? 1,
    reportingPeriod: options.reportingPeriod ?? 60,
    ...(spool === undefined ? {} : { whenAway: "spool", spool }),
  })
}

/**
 * After a restart: takes up the watch of the job that an earlier program started for a run, to its end. Plans that were
 * killed leave their jobs running in DM.
 */
export function* takeUp({ workflow }: Pick<DataManagement, "workflow">, runUid: string): Plan<DmJob> {
  yield* bps.call(() => {
    workflow.attach({ file: runUid, argument: "run_uid" }, { timeout: Number.POSITIVE_INFINITY })
  })
  return yield* workflow.waitAsPlan()
}
