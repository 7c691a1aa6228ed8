import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DmClient } from "@ophyd-ts/aps-dm"
import {
  type DmServiceOptions,
  demoWorkflow,
  frameCentres,
  startBeamline,
  startDmService,
} from "@ophyd-ts/ioc-sim"
import { readJsonLines } from "@ophyd-ts/run-engine/node"
import { CaClient } from "node-epics-ca"
import { describe, expect, it, type TestContext, vi } from "vitest"
import {
  type DetectorKind,
  finishLast,
  type ProgramOptions,
  runProgram,
} from "../examples/dm-file-based/program.ts"
import { root } from "../scripts/workspace.ts"

/** The example's program on simulators, with a shorter scan and smaller images; `write` output is kept. */
async function bench(
  { onTestFinished }: TestContext,
  detector: DetectorKind = "area",
  service: Partial<DmServiceOptions> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "ophyd-ts-trouble-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ["data", "parameters"]) mkdirSync(join(folder, name))
  writeFileSync(join(folder, "parameters", "analysis.json"), "{}\n")
  const { workflow, commands } = demoWorkflow({ stageSeconds: 0.2 })
  const dm = await startDmService({
    dataRoot: join(folder, "dm"),
    experiments: [{ name: "trouble" }],
    workflows: [workflow],
    commands,
    ...service,
  })
  onTestFinished(() => dm.close())
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  const beamline = await startBeamline({ prefix, areaDetector: { sensor: [32, 32] } })
  onTestFinished(() => beamline.close())
  const epics = new CaClient(beamline.clientConfig().ca)
  onTestFinished(() => epics.close())
  let output = ""
  const options: ProgramOptions = {
    epics,
    prefix,
    detector,
    dm: new DmClient(dm.config()),
    experiment: "trouble",
    workflow: String(workflow["name"]),
    dataDirectory: join(folder, "data"),
    parameterDirectory: join(folder, "parameters"),
    parameterFile: "analysis.json",
    scan: { from: 0, to: 1, points: 5 },
    recordDirectory: join(folder, "documents"),
    write: text => {
      output += text
    },
  }
  return {
    folder,
    prefix,
    beamline,
    dm,
    options,
    output: () => output,
    run: (changes: Partial<ProgramOptions> = {}) => runProgram({ ...options, ...changes }),
    /** Documents of the one run, as they were recorded. */
    documents() {
      const [file] = readdirSync(join(folder, "documents")).filter(name => name.endsWith(".jsonl"))
      return readJsonLines(join(folder, "documents", file ?? "none"))
    },
  }
}

const during = (output: () => string, text: RegExp): Promise<void> =>
  vi.waitFor(() => expect(output()).toMatch(text), { timeout: 30_000, interval: 5 })

function stopDocument(of: { documents(): { name: string; doc: object }[] }) {
  const last = of.documents().at(-1)
  expect(last?.name).toBe("stop")
  return last?.doc as { exit_status: string; reason: string; num_events: Record<string, number> }
}

// Most of the time they wait, each for simulators of its own. What takes longest comes first.
describe.concurrent("a program that is killed", { timeout: 60_000 }, () => {
  it("leaves its job running, and the next program watches it to its end", async context => {
    const sut = await bench(context)
    let goOn = () => {}
    const held = new Promise<void>(resolve => {
      goOn = resolve
    })
    sut.dm.control.play({ stage: "03-STORE", play: ({ outside }) => outside(held).then(() => ({})) })
    const { epics: _epics, dm: _dm, write: _write, ...options } = sut.options
    const script = join(root, "test", "support", "file-based-program.ts")
    const argument = JSON.stringify({ ...options, ca: sut.beamline.clientConfig().ca })
    const program = spawn(
      process.execPath,
      ["--import", "tsx", "--conditions=@ophyd-ts/source", script, argument],
      { cwd: root, env: { ...process.env, ...sut.dm.environment() }, stdio: ["ignore", "pipe", "inherit"] },
    )
    context.onTestFinished(() => void program.kill("SIGKILL"))
    let output = ""
    program.stdout.on("data", chunk => {
      output += chunk
    })
    await during(() => output, /stage 03-STORE/)
    program.kill("SIGKILL")
    await once(program, "exit")
    const [job] = sut.dm.control.jobs
    expect(job?.["status"]).toBe("running")

    const finishing = finishLast(sut.options)
    await during(sut.output, /stage 03-STORE/)
    goOn()
    const finished = await finishing
    expect(finished).toMatchObject({ exitStatus: "success", value: { id: job?.["id"], status: "done" } })
    expect(sut.output()).toMatch(/is done after/)
    expect(sut.dm.control.count("startProcessingJob")).toBe(1)
    // The run itself was over, and complete.
    expect(stopDocument(sut)).toMatchObject({ exit_status: "success", num_events: { primary: 5 } })
  })
})

describe.concurrent("trouble with the beamline", { timeout: 60_000 }, () => {
  it.for([
    ["area", "ad", "ad:cam1:Acquire"],
    ["point", "det", "det:Counts"],
  ] as const)(
    "a mistyped PV is one error that names device, PV and what was tried (%s detector)",
    async ([kind, name, pv], context) => {
      const { run, beamline } = await bench(context, kind)
      const error = await run({ prefix: "typo:" }).catch((thrown: Error) => thrown)
      expect(String(error)).toMatch(/m1/)
      expect(String(error)).toContain(name)
      expect(String(error)).toContain("typo:m1.RBV")
      expect(String(error)).toContain(`typo:${pv}`)
      expect(String(error)).toContain(`127.0.0.1:${beamline.ports.ca}`)
      expect(String(error)).toMatch(/search/)
    },
  )

  it.for([
    ["area", "ad:Stats1:Total_RBV"],
    ["point", "det:Counts"],
  ] as const)(
    "a PV that vanishes in mid-scan fails the run, says which, and keeps the points taken before (%s detector)",
    async ([kind, pv], context) => {
      const sut = await bench(context, kind)
      const ended = sut.run({ scan: { from: 0, to: 1, points: 50 } })
      await during(sut.output, /\| +3 \|/)
      sut.beamline.disconnect(`${sut.prefix}${pv}`)
      const { result } = await ended
      expect(result.exitStatus).toBe("fail")
      expect(result.reason).toContain(`${sut.prefix}${pv}`)
      const stop = stopDocument(sut)
      expect(stop).toMatchObject({
        exit_status: "fail",
        reason: expect.stringContaining(`${sut.prefix}${pv}`),
      })
      const events = sut.documents().filter(({ name }) => name === "event").length
      expect(events).toBeGreaterThanOrEqual(3)
      expect(stop.num_events["primary"]).toBe(events)
      if (kind === "point") expect(dataRows(sut.folder)).toBe(events)
      else expect(await framesIn(sut.folder)).toBeGreaterThanOrEqual(events)
    },
  )

  it.for(["area", "point"] as const)(
    "an IOC that goes away in mid-scan fails the run within the limit of the move, not never (%s detector)",
    async (kind, context) => {
      const sut = await bench(context, kind)
      const ended = sut.run({ scan: { from: 0, to: 20, points: 50 } })
      await during(sut.output, /\| +2 \|/)
      await sut.beamline.close()
      const { result } = await ended
      expect(result.exitStatus).toBe("fail")
      expect(stopDocument(sut)).toMatchObject({
        exit_status: "fail",
        reason: expect.stringMatching(/lost the connection|is lost|disconnected|outcome/i),
      })
    },
  )

  it("a move beyond the limits is refused before anything moves", async context => {
    const sut = await bench(context)
    const { result } = await sut.run({ scan: { from: 0, to: 1000, points: 2 } })
    expect(result.exitStatus).toBe("fail")
    expect(result.reason).toMatch(/m1.*1000.*(limit|-25)/s)
    expect(sut.beamline.beamline.motors.m1.get("RBV")).toBe(0)
    expect(stopDocument(sut).exit_status).toBe("fail")
  })
})

describe.concurrent("trouble with DM", { timeout: 60_000 }, () => {
  it("an unreachable service is named before anything is acquired", async context => {
    const sut = await bench(context)
    await sut.dm.control.goAway()
    const { result } = await sut.run()
    expect(result.exitStatus).toBe("fail")
    expect(result.reason).toMatch(/connection refused .*127\.0\.0\.1:\d+/)
    expect(result.runUids).toEqual([])
  })

  it.for([
    ["an unknown experiment", { experiment: "nobody-2026" }, /nobody-2026/],
    ["an absent data directory", { dataDirectory: "/nowhere/at/all" }, /\/nowhere\/at\/all/],
    ["an unknown workflow", { workflow: "no-such-workflow" }, /no-such-workflow/],
  ] as const)("%s is named before anything is acquired", async ([_, changes, reason], context) => {
    const sut = await bench(context)
    const { result } = await sut
      .run(changes)
      .catch((error: Error) => ({ result: { exitStatus: "fail", reason: error.message, runUids: [] } }))
    expect(result.exitStatus).toBe("fail")
    expect(result.reason).toMatch(reason)
    expect(result.runUids).toEqual([])
  })

  it("a service that is gone while a job runs delays the plan, no more", async context => {
    const sut = await bench(context)
    const ended = sut.run()
    await during(sut.output, /stage 0[12]/)
    await sut.dm.control.awayFor(3)
    const { result } = await ended
    expect(result).toMatchObject({ exitStatus: "success", error: null })
    expect(sut.output()).toMatch(/no answer of DM/)
    expect(sut.output()).toMatch(/DM answers again/)
  })

  it("sessions that end all the time are normal life", async context => {
    const sut = await bench(context, "area", { sessionSeconds: 1 })
    const { result } = await sut.run()
    expect(result).toMatchObject({ exitStatus: "success", error: null })
    expect(sut.dm.control.count("login")).toBeGreaterThan(3)
  })
})

/** Frames of the file that the camera has written. */
async function framesIn(folder: string): Promise<number> {
  const [file] = readdirSync(join(folder, "data"))
  return (await frameCentres(join(folder, "data", file ?? ""))).frames.length
}

function dataRows(folder: string): number {
  const [file] = readdirSync(join(folder, "data"))
  return readFileSync(join(folder, "data", file ?? ""), "utf8")
    .trim()
    .split("\n")
    .filter(line => !line.startsWith("#")).length
}
