/** The program around the plan: what a beamline's own start-up file would do, with everything it needs passed in. */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import {
  DM_WorkflowConnector,
  type DmClient,
  DmExperimentSignals,
  type DmJob,
  type FilesOutcome,
} from "@ophyd-ts/aps-dm"
import { runPaths, SimDetector } from "@ophyd-ts/area-detector"
import { connect, type Device } from "@ophyd-ts/core"
import { EpicsMotor } from "@ophyd-ts/epics"
import { bps, liveTable, type Plan, RunEngine, type RunEngineResult } from "@ophyd-ts/run-engine"
import { fileMetadata, handleInterrupts, jsonLinesRecorder, makeFolder } from "@ophyd-ts/run-engine/node"
import type { CaClient } from "node-epics-ca"
import { dataFileName, dataFileWriter } from "./data-file.ts"
import { PointDetector } from "./devices.ts"
import { collect, type DataManagement, type Instrument, setUp, takeUp } from "./plan.ts"

/** `area`: a camera that writes HDF5. `point`: counts of a point detector, which this program writes as text. */
export type DetectorKind = "area" | "point"

export interface ProgramOptions {
  /** Reaches the IOC; without settings it reads the EPICS_CA_… variables. */
  epics: CaClient
  /** First part of the PV names. */
  prefix: string
  detector: DetectorKind
  dm: DmClient
  experiment: string
  workflow: string
  /** Where data files appear, watched by the DAQ; a camera's IOC has to reach it under the same name. */
  dataDirectory: string
  parameterDirectory: string
  parameterFile: string
  scan: { from: number; to: number; points: number }
  /** Documents of every run as JSON lines, the engine's metadata, and what is remembered of the experiment. */
  recordDirectory: string
  /** Receives everything the operator should read. */
  write: (text: string) => void
}

export interface Outcome {
  result: RunEngineResult<FilesOutcome<string>>
  dm: DataManagement
}

export async function runProgram(options: ProgramOptions): Promise<Outcome> {
  const { write, recordDirectory } = options
  await using workflow = new DM_WorkflowConnector({
    name: "dm_workflow",
    client: options.dm,
    write: text => write(`  DM  ${text}\n`),
  })
  const signals = new DmExperimentSignals({ name: "dm" })
  const dm: DataManagement = { client: options.dm, signals, workflow }

  makeFolder(recordDirectory)
  const RE = new RunEngine({ metadata: fileMetadata(join(recordDirectory, "metadata.json")) })
  RE.subscribe(jsonLinesRecorder(recordDirectory), { strict: true })
  const { instrument, devices } = options.detector === "area" ? camera(RE, options) : counter(RE, options)
  await connect(...devices, signals, workflow, { timeout: 5 })
  RE.subscribe(liveTable({ write }))
  using _interrupts = handleInterrupts(RE, { write, second: "abort" })

  const { experiment, dataDirectory, parameterDirectory, parameterFile } = options
  write(`Setting up experiment ${experiment}\n`)
  const rememberIn = join(recordDirectory, "experiment.json")
  const setting = setUp(dm, { experiment, dataDirectory, parameterDirectory, parameterFile, rememberIn })
  const ready = await run(RE, setting)
  if (ready.exitStatus !== "success") return { result: { ...ready, value: undefined }, dm }
  const plan = collect(instrument, dm, {
    ...options.scan,
    workflow: options.workflow,
    pollingPeriod: 0.25,
    reportingPeriod: 5,
  })
  return { result: await run(RE, plan), dm }
}

/**
 * For a program that starts again after it was killed: the job of the last run that was recorded, watched to its end.
 * Gives null when there is none. @throws DmError when DM knows no job for that run.
 */
export async function finishLast({
  dm,
  recordDirectory,
  write,
}: Pick<ProgramOptions, "dm" | "recordDirectory" | "write">): Promise<RunEngineResult<DmJob> | null> {
  const runs = readdirSync(recordDirectory).filter(name => name.endsWith(".jsonl"))
  const newest = (a: string, b: string) => mtimeOf(b) - mtimeOf(a)
  const mtimeOf = (name: string) => statSync(join(recordDirectory, name)).mtimeMs
  const [last] = runs.sort(newest)
  if (last === undefined) return null
  await using workflow = new DM_WorkflowConnector({
    name: "dm_workflow",
    client: dm,
    write: text => write(`  DM  ${text}\n`),
  })
  return await new RunEngine().run(takeUp({ workflow }, last.replace(".jsonl", "")))
}

interface Parts {
  instrument: Instrument
  devices: readonly Device[]
}

/** A camera writes one HDF5 file for each run, named by the run, and its documents say where. */
function camera(RE: RunEngine, { epics: client, prefix, dataDirectory }: ProgramOptions): Parts {
  const motor = new EpicsMotor(`${prefix}m1`, { name: "m1", client })
  const paths = runPaths(dataDirectory)
  RE.subscribe(paths.subscriber)
  const detector = new SimDetector(`${prefix}ad:`, { name: "ad", client, paths, plugins: { stats: true } })
  const prepare = () => bps.mv(detector.cam.acquireTime, 0.1)
  return { instrument: { motor, detectors: [detector], prepare }, devices: [motor, detector] }
}

/** A counter writes nothing itself: a recorder does, and says how the file is called. */
function counter(RE: RunEngine, { epics: client, prefix, dataDirectory }: ProgramOptions): Parts {
  const motor = new EpicsMotor(`${prefix}m1`, { name: "m1", client })
  const detector = new PointDetector(`${prefix}det:`, { name: "det", client })
  RE.subscribe(dataFileWriter(dataDirectory), { strict: true })
  const files = (runUid: string) => [`scans/${dataFileName(runUid)}`]
  return { instrument: { motor, detectors: [detector], files }, devices: [motor, detector] }
}

/** How the plan ended, also when it failed: this program reports that instead of passing the error on. */
export async function run<T>(RE: RunEngine, plan: Plan<T>): Promise<RunEngineResult<T>> {
  try {
    return await RE.run(plan)
  } catch (error) {
    const { lastResult } = RE
    if (lastResult === null || lastResult.error !== error) throw error
    return { ...lastResult, value: undefined }
  }
}
