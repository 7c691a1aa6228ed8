/** Streaming-based collection: a scan whose frames a DM workflow works on while it runs. README.md beside it explains it. */
import { join } from "node:path"
import {
  collectStreaming,
  DM_WorkflowConnector,
  type DmClient,
  DmExperimentSignals,
  type FrameSource,
  type PlanSideOptions,
  type StreamingOutcome,
  setupUser,
} from "@ophyd-ts/aps-dm"
import { SimDetector } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { EpicsMotor } from "@ophyd-ts/epics"
import { bp, bps, liveTable, type Plan, RunEngine, type RunEngineResult } from "@ophyd-ts/run-engine"
import { fileMetadata, handleInterrupts, jsonLinesRecorder, makeFolder } from "@ophyd-ts/run-engine/node"
import type { CaClient } from "node-epics-ca"
import { run } from "../dm-file-based/program.ts"

export interface StreamingProgramOptions {
  /** Reaches the IOC; without settings it reads the EPICS_CA_… variables. */
  epics: CaClient
  /** First part of the PV names. */
  prefix: string
  /** The camera's NTNDArray PV, as the workflow's machine reaches it. */
  data: FrameSource
  /** How the workflow's machine reaches this process; default: on this machine only. */
  link?: Pick<PlanSideOptions, "host" | "port">
  dm: DmClient
  experiment: string
  workflow: string
  /** For the DAQ of other files of the experiment. */
  dataDirectory: string
  scan: { from: number; to: number; points: number }
  recordDirectory: string
  /** Receives everything the operator should read. */
  write: (text: string) => void
}

export interface StreamingProgramOutcome {
  result: RunEngineResult<StreamingOutcome<string>>
  workflow: DM_WorkflowConnector
}

export async function runStreamingProgram(
  options: StreamingProgramOptions,
): Promise<StreamingProgramOutcome> {
  const { epics: client, prefix, write, recordDirectory, scan } = options
  const motor = new EpicsMotor(`${prefix}m1`, { name: "m1", client })
  const detector = new SimDetector(`${prefix}ad:`, {
    name: "ad",
    client,
    plugins: { stats: true, pva: true },
  })
  await using workflow = new DM_WorkflowConnector({
    name: "dm_workflow",
    client: options.dm,
    write: text => write(`  DM  ${text}\n`),
  })
  const signals = new DmExperimentSignals({ name: "dm" })
  await connect(motor, detector, signals, workflow, { timeout: 5 })

  makeFolder(recordDirectory)
  const RE = new RunEngine({ metadata: fileMetadata(join(recordDirectory, "metadata.json")) })
  RE.subscribe(jsonLinesRecorder(recordDirectory), { strict: true })
  RE.subscribe(liveTable({ write }))
  using _interrupts = handleInterrupts(RE, { write, second: "abort" })

  const { experiment, dataDirectory } = options
  write(`Setting up experiment ${experiment}\n`)
  const ready = await run(RE, setupUser(options.dm, signals, { experiment, dataDirectory }))
  if (ready.exitStatus !== "success") return { result: { ...ready, value: undefined }, workflow }

  function* collect(): Plan<StreamingOutcome<string>> {
    yield* bps.mv(detector.cam.acquireTime, 0.1, workflow.pollingPeriod, 0.25, workflow.reportingPeriod, 5)
    return yield* collectStreaming({
      client: options.dm,
      signals,
      connector: workflow,
      workflow: options.workflow,
      title: "streaming-based collection",
      acquire: () => bp.scan([detector], motor, scan.from, scan.to, scan.points),
      frames: scan.points,
      data: options.data,
      link: {
        ...options.link,
        results: { x: { units: "pixel" }, y: { units: "pixel" }, sum: { units: "counts" } },
      },
    })
  }
  return { result: await run(RE, collect()), workflow }
}
