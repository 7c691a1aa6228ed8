import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DM_WorkflowConnector, DmClient, DmExperimentSignals } from "@ophyd-ts/aps-dm"
import { runPaths, SimDetector } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { EpicsMotor } from "@ophyd-ts/epics"
import { type CommandRule, demoWorkflow, startBeamline, startDmService } from "@ophyd-ts/ioc-sim"
import { type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { CaClient } from "node-epics-ca"
import { expect, it, onTestFinished } from "vitest"
import { collect, type DataManagement, type Instrument, setUp } from "../examples/dm-file-based/plan.ts"

it("two workflows, one waiting for the other, while the next scan runs", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "ophyd-ts-two-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ["data", "parameters"]) mkdirSync(join(folder, name))
  writeFileSync(join(folder, "parameters", "analysis.json"), "{}\n")

  const [slow, quick] = [
    demoWorkflow({ name: "slow", stageSeconds: 0.1 }),
    demoWorkflow({ name: "quick", stageSeconds: 0.1 }),
  ]
  let secondScanEnded = () => {}
  const untilThen = new Promise<void>(resolve => {
    secondScanEnded = resolve
  })
  /** The first workflow takes longer than the second scan, by more than the second workflow would wait by itself. */
  const start: CommandRule = {
    workflow: "slow",
    stage: "01-START",
    play: async ({ outside, sleep, time }) => {
      await outside(untilThen)
      await sleep(2)
      return { stdOut: `${Math.floor(time())}\n` }
    },
  }
  await using service = await startDmService({
    dataRoot: join(folder, "dm"),
    experiments: [{ name: "two" }],
    workflows: [slow.workflow, quick.workflow],
    commands: [start, ...slow.commands, ...quick.commands],
  })
  await using beamline = await startBeamline({ areaDetector: { sensor: [32, 32] } })
  await using epics = new CaClient(beamline.clientConfig().ca)
  const client = new DmClient(service.config())
  await using first = new DM_WorkflowConnector({ name: "first", client })
  await using second = new DM_WorkflowConnector({ name: "second", client })
  const signals = new DmExperimentSignals({ name: "dm" })
  const motor = new EpicsMotor("sim:m1", { name: "m1", client: epics })
  const paths = runPaths(join(folder, "data"))
  const camera = new SimDetector("sim:ad:", { name: "ad", client: epics, paths, plugins: { stats: true } })
  await connect(motor, camera, signals, first, second, { timeout: 10 })

  const RE = new RunEngine()
  RE.subscribe(paths.subscriber)
  const scanEnds: number[] = []
  RE.subscribe((name, doc) => {
    if (name !== "stop") return
    scanEnds.push(doc.time)
    if (scanEnds.length === 2) secondScanEnded()
  })
  const instrument: Instrument = { motor, detectors: [camera] }
  const dm = (workflow: DM_WorkflowConnector): DataManagement => ({ client, signals, workflow })
  const scan = { from: -1, to: 2, points: 4, pollingPeriod: 0.1 }
  const { value } = await RE.run(
    (function* (): Plan<string[]> {
      const parameters = { parameterDirectory: join(folder, "parameters"), parameterFile: "analysis.json" }
      yield* setUp(dm(first), { experiment: "two", dataDirectory: join(folder, "data"), ...parameters })
      const a = yield* collect(instrument, dm(first), { ...scan, workflow: "slow", wait: false })
      const b = yield* collect(instrument, dm(second), { ...scan, workflow: "quick", waitFor: [first] })
      return [a.runUid, b.runUid]
    })(),
  )
  const jobs = [...service.control.jobs].reverse()
  expect(jobs).toMatchObject([
    { status: "done", run_uid: value?.[0], workflow: { name: "slow" } },
    { status: "done", run_uid: value?.[1], workflow: { name: "quick" } },
  ])
  const [slowJob, quickJob] = jobs
  // The second scan did not wait for the first job, its workflow did.
  expect(scanEnds[1]).toBeLessThan(Number(slowJob?.["endTime"]))
  expect(Number(quickJob?.["submissionTime"])).toBeGreaterThanOrEqual(Number(slowJob?.["endTime"]))
  expect(await first.workflow.get()).toBe("slow")
  const { analysisDirectory } = service.experiments.byName("two")
  expect(readdirSync(String(analysisDirectory)).sort()).toEqual(
    value?.map(uid => `${uid}.h5.result.json`).sort(),
  )
})
