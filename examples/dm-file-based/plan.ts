/**
 * File-based collection with APS Data Management: what a beamline's plan looks like when acquisition and DM work as
 * one. Copy it and make it yours; README.md beside it goes through it step by step.
 */

import {
  buildRunMetadataDict,
  type DM_WorkflowConnector,
  type DmClient,
  type DmExperimentSignals,
  type DmJob,
  type RunDocuments,
  setupUser,
  shareRunMetadata,
  waitDmUpload,
  waitForWorkflows,
} from "@ophyd-ts/aps-dm"
import type { Readable } from "@ophyd-ts/core"
import { bp, bpp, bps, type Plan, type ScanMotor } from "@ophyd-ts/run-engine"
import { dataFileName } from "./data-file.ts"

/** What the plan works with. */
export interface Instrument {
  motor: ScanMotor
  detectors: readonly Readable[]
}

/** The DM side of the instrument. */
export interface DataManagement {
  client: DmClient
  /** Remember the experiment between plans. */
  signals: DmExperimentSignals
  workflow: DM_WorkflowConnector
  /** Gathers the documents of each run for the metadata. */
  documents: RunDocuments
}

export interface SetUpOptions {
  experiment: string
  /** Where the data files appear; the DAQ watches it. */
  dataDirectory: string
  /** Where the parameter file is, and its name. */
  parameterDirectory: string
  parameterFile: string
}

/** Once per user: experiment into a signal, a DAQ if none is active, and the file that the workflow will need. */
export function* setUp(dm: DataManagement, options: SetUpOptions): Plan<void> {
  const { experiment, dataDirectory, parameterDirectory, parameterFile } = options
  yield* setupUser(dm.client, dm.signals, {
    experiment,
    dataDirectory,
    daqInfo: { destDirectory: "scans", skipFilePathPattern: "*.part" },
    uploads: [{ dataDirectory: parameterDirectory, file: parameterFile, destDirectory: "parameters" }],
    period: 0.5,
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
  /** Seconds to wait until DM has the data file; default 600. */
  uploadTimeout?: number
  /** Workflows that must have ended before this one starts. */
  waitFor?: readonly DM_WorkflowConnector[]
  /** Wait for the end of the job, and fail with it; default true. False: it is watched in the background. */
  wait?: boolean
}

export interface Collected {
  runUid: string
  job: DmJob
}

/** Scans, hands the data file to DM, starts the workflow on it, and stores the run's metadata with the experiment. */
export function* collect(
  instrument: Instrument,
  dm: DataManagement,
  options: CollectOptions,
): Plan<Collected> {
  const {
    from,
    to,
    points,
    workflow,
    title = "file-based collection",
    pollingPeriod = 1,
    reportingPeriod = 60,
    wait = true,
  } = options
  const experiment = yield* bps.rd(dm.signals.experiment)
  const daqId = yield* bps.rd(dm.signals.daqId)
  if (experiment === "" || daqId === "") throw new Error("no experiment is set up: run the plan setUp first")
  const connector = dm.workflow
  yield* bps.mv(connector.conciseReporting, true, connector.reportingPeriod, reportingPeriod)
  yield* bps.mv(connector.pollingPeriod, pollingPeriod)

  const md = buildRunMetadataDict(
    { title },
    { experiment, daq_id: daqId, workflow, owner: dm.client.username },
  )
  const scan = bp.scan(instrument.detectors, instrument.motor, from, to, points, { md })
  const runUid = yield* bpp.subs(dm.documents.receive, scan)

  const file = `scans/${dataFileName(runUid)}`
  yield* waitDmUpload(dm.client, { experiment, file, timeout: options.uploadTimeout ?? 600, pollPeriod: 0.5 })
  yield* waitForWorkflows([dm.workflow, ...(options.waitFor ?? [])])

  const submitted = yield* dm.workflow.runAsPlan({
    workflow,
    wait: false,
    timeout: Number.POSITIVE_INFINITY,
    args: { filePath: file, experimentName: experiment, run_uid: runUid },
  })
  const run = dm.documents.get(runUid)
  if (run !== undefined) yield* shareRunMetadata(dm.client, { experiment, workflow, run })
  return { runUid, job: wait ? yield* dm.workflow.waitAsPlan() : submitted }
}
