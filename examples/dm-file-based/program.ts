/** The program around the plan: what a beamline's own start-up file would do, with everything it needs passed in. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { DM_WorkflowConnector, type DmClient, DmExperimentSignals, RunDocuments } from "@ophyd-ts/aps-dm"
import { connect } from "@ophyd-ts/core"
import { EpicsMotor } from "@ophyd-ts/epics"
import { liveTable, type Plan, RunEngine, type RunEngineResult } from "@ophyd-ts/run-engine"
import { fileMetadata, handleInterrupts, jsonLinesRecorder } from "@ophyd-ts/run-engine/node"
import type { CaClient } from "node-epics-ca"
import { dataFileWriter } from "./data-file.ts"
import { PointDetector } from "./devices.ts"
import { type Collected, collect, type DataManagement, setUp } from "./plan.ts"

export interface ProgramOptions {
  /** Reaches the IOC; without settings it reads the EPICS_CA_… variables. */
  epics: CaClient
  /** First part of the PV names. */
  prefix: string
  dm: DmClient
  experiment: string
  workflow: string
  /** Where data files appear, watched by the DAQ. */
  dataDirectory: string
  parameterDirectory: string
  parameterFile: string
  scan: { from: number; to: number; points: number }
  /** Documents of every run as JSON lines, and the engine's metadata. */
  recordDirectory: string
  /** Receives everything the operator should read. */
  write: (text: string) => void
}

export interface Outcome {
  result: RunEngineResult<Collected>
  dm: DataManagement
}

export async function runProgram(options: ProgramOptions): Promise<Outcome> {
  const { epics: client, prefix, write, recordDirectory } = options
  const motor = new EpicsMotor(`${prefix}m1`, { name: "m1", client })
  const detector = new PointDetector(`${prefix}det:`, { name: "det", client })
  await using workflow = new DM_WorkflowConnector({
    name: "dm_workflow",
    client: options.dm,
    write: text => write(`  DM  ${text}\n`),
  })
  const signals = new DmExperimentSignals({ name: "dm" })
  const dm: DataManagement = { client: options.dm, signals, workflow, documents: new RunDocuments() }
  await connect(motor, detector, signals, workflow, { timeout: 5 })

  mkdirSync(recordDirectory, { recursive: true })
  const RE = new RunEngine({ metadata: fileMetadata(join(recordDirectory, "metadata.json")) })
  RE.subscribe(jsonLinesRecorder(recordDirectory), { strict: true })
  RE.subscribe(dataFileWriter(options.dataDirectory), { strict: true })
  RE.subscribe(liveTable({ write }))
  using _interrupts = handleInterrupts(RE, { write, second: "abort" })

  const { experiment, dataDirectory, parameterDirectory, parameterFile } = options
  write(`Setting up experiment ${experiment}\n`)
  const ready = await run(RE, setUp(dm, { experiment, dataDirectory, parameterDirectory, parameterFile }))
  if (ready.exitStatus !== "success") return { result: { ...ready, value: undefined }, dm }
  const plan = collect({ motor, detectors: [detector] }, dm, {
    ...options.scan,
    workflow: options.workflow,
    pollingPeriod: 0.25,
    reportingPeriod: 5,
  })
  return { result: await run(RE, plan), dm }
}

/** How the plan ended, also when it failed: this program reports that instead of passing the error on. */
async function run<T>(RE: RunEngine, plan: Plan<T>): Promise<RunEngineResult<T>> {
  try {
    return await RE.run(plan)
  } catch (error) {
    const { lastResult } = RE
    if (lastResult === null || lastResult.error !== error) throw error
    return { ...lastResult, value: undefined }
  }
}
