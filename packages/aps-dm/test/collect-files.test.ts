import { rmSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { bp, bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it } from "vitest"
import {
  type CollectFilesOptions,
  collectFiles,
  type DmError,
  DmExperimentSignals,
  type DmJobError,
  DmSpool,
  type DmTaskInfo,
  setupUser,
} from "../src/index.ts"
import { FileDetector } from "./support/file-detector.ts"
import { experiment, second, setUp, temporaryDirectory } from "./support/service.ts"

/** A user who is set up, a detector that writes into the directory that the DAQ watches. */
async function beamline({ daq = true, daqInfo = {} }: { daq?: boolean; daqInfo?: DmTaskInfo } = {}) {
  const base = await setUp({
    commands: [second(async context => ({ stdOut: await readFile(await context.inputFile(), "utf8") }))],
  })
  const data = await temporaryDirectory()
  const detector = new FileDetector(n => join(data, "set", `scan-${n}.dat`))
  const signals = new DmExperimentSignals({ name: "dm" })
  await signals.connect({ mock: false })
  if (daq)
    await base.RE.run(
      setupUser(base.dm, signals, {
        experiment,
        dataDirectory: data,
        daqInfo: { destDirectory: "raw", ...daqInfo },
      }),
    )
  else await Promise.all([signals.experiment.set(experiment), signals.dataDirectory.set(data)])
  const connector = base.connect({ workflowArgs: {} })
  const documents: { name: string; doc: Record<string, unknown> }[] = []
  base.RE.subscribe(
    (name, doc) => void documents.push({ name, doc: doc as unknown as Record<string, unknown> }),
  )
  const collect = <T = string>(more: Partial<CollectFilesOptions<T>> = {}): Plan<unknown> =>
    collectFiles<T>({
      client: base.dm,
      signals,
      connector,
      workflow: "count-lines",
      acquire: () => bp.count([detector], 3) as unknown as Plan<T>,
      destDirectory: "raw",
      uploadTimeout: 20,
      uploadPeriod: 0.05,
      ...more,
    })
  return { ...base, data, detector, signals, connector, documents, collect }
}

const commandOf = (job: Record<string, unknown> | undefined): string => JSON.stringify(job?.["workflow"])

describe("a file-based collection", () => {
  it("acquires, waits for the DAQ, runs the workflow on the file and stores the metadata", async () => {
    const { RE, collect, sim, documents, detector, signals } = await beamline()
    const { value } = await RE.run(collect({ title: "three points", md: { sample: "Ag" } }))
    expect(value).toMatchObject({
      value: expect.any(String),
      paths: [detector.file],
      files: ["raw/set/scan-1.dat"],
      job: { status: "done", filePath: "raw/set/scan-1.dat", experimentName: experiment },
      dataset: {
        workflow_name: "count-lines",
        job_id: sim.control.jobs[0]?.["id"],
        files: ["raw/set/scan-1.dat"],
      },
    })
    // The stage has read the whole file, with the line that came last.
    expect(commandOf(sim.control.jobs[0])).toContain("3 30\\nend")
    const start = documents[0]?.doc
    expect(start).toMatchObject({
      title: "three points",
      sample: "Ag",
      plan_name: "count",
      data_management: {
        experiment,
        workflow: "count-lines",
        daq_id: await signals.daqId.get(),
        mode: "files",
      },
    })
    expect(sim.datasets.list(experiment)).toEqual([
      expect.objectContaining({ bluesky_run_uid: start?.["uid"] }),
    ])
  })

  it("does not take a file for complete that the DAQ brought while it was written", async () => {
    const { RE, collect, detector, sim } = await beamline()
    const slow = function* (): Plan<string> {
      const uid = yield* bp.count([detector], 3, { delay: 0.3 })
      return uid
    }
    await RE.run(collect({ acquire: slow }))
    expect(commandOf(sim.control.jobs[0])).toContain("end")
  })

  it.each(["upload", "stored"] as const)("does without a DAQ: %s", async transfer => {
    const { RE, collect, sim, detector } = await beamline({ daq: false })
    const storage = String(sim.experiments.byName(experiment).dataDirectory)
    const own = new FileDetector(n => join(storage, `scan-${n}.dat`))
    const acquire = () => bp.count([transfer === "stored" ? own : detector], 2)
    const files = transfer === "stored" ? { files: ["scan-1.dat"] } : {}
    const { value } = await RE.run(collect({ transfer, acquire, ...files }))
    expect(value).toMatchObject({ job: { status: "done" } })
    expect(commandOf(sim.control.jobs[0])).toContain("2 20\\nend")
    expect(sim.daqs.list()).toEqual([])
  })

  it("prepares first, chooses files and arguments as it is told, and needs no workflow", async () => {
    const { RE, collect, sim, data } = await beamline()
    const order: string[] = []
    const note = (what: string) =>
      function* (): Plan<void> {
        yield* bps.call(() => void order.push(what))
      }
    const acquire = function* (): Plan<number> {
      yield* bps.openRun({ plan_name: "by hand" })
      yield* note("acquire")()
      yield* bps.call(() => writeFileSync(join(data, "table.txt"), "1\n"))
      yield* bps.closeRun()
      return 42
    }
    const files = { files: () => ["raw/table.txt"], verify: "name" as const }
    const { value } = await RE.run(
      collect<number>({
        prepare: note("prepare"),
        acquire,
        ...files,
        args: ({ runUid }) => ({ detector: "cam", tag_of_run: runUid }),
      }),
    )
    expect(order).toEqual(["prepare", "acquire"])
    expect(value).toMatchObject({ value: 42, job: { detector: "cam", filePath: "raw/table.txt" } })
    const none = await RE.run(collect<number>({ acquire, ...files, workflow: null, shareMetadata: false }))
    expect(none.value).toMatchObject({ job: null, dataset: null })
    expect(sim.control.jobs).toHaveLength(1)
  })

  it("waits for the workflow of another connector before it starts its own", async () => {
    const { RE, collect, sim, connect, connector } = await beamline()
    const ends: string[] = []
    sim.control.play({ stage: "02-COUNT", command: "*/earlier*", play: { seconds: 1 } })
    const earlier = connect({
      name: "earlier",
      write: text => void (/is done/.test(text) && ends.push("earlier")),
    })
    connector.onReport(({ kind }) => void (kind === "change" && ends.push("own")))
    await RE.run(earlier.runAsPlan({ wait: false, args: { filePath: "/earlier" } }))
    await RE.run(collect({ waitFor: [earlier] }))
    expect(ends[0]).toBe("earlier")
    const times = sim.control.jobs.map(job => [Number(job["startTime"]), Number(job["endTime"])])
    expect(times[0]?.[0]).toBeGreaterThanOrEqual(times[1]?.[1] ?? Number.POSITIVE_INFINITY)
  })

  it("leaves the job to its watcher when it is not to wait, and the next collection waits for it", async () => {
    const { RE, collect, sim, connector } = await beamline()
    sim.control.play(second({ seconds: 0.5 }))
    await RE.run(collect({ wait: false }))
    expect(connector.idle).toBe(false)
    expect(sim.datasets.list(experiment)).toHaveLength(1)
    await RE.run(collect({ wait: true }))
    expect(sim.control.jobs.map(job => job["status"])).toEqual(["done", "done"])
  })
})

it("a DAQ that makes no check sums is believed by name", async () => {
  const { RE, collect, sim } = await beamline({ daqInfo: { skipChecksum: true } })
  expect((await RE.run(collect())).exitStatus).toBe("success")
  expect(sim.control.jobs).toHaveLength(1)
})

describe("trouble with a file-based collection", () => {
  it("no experiment, or no DAQ, is said before anything is acquired", async () => {
    const { RE, collect, documents } = await beamline({ daq: false })
    await expect(RE.run(collect())).rejects.toThrow("no experiment is set up: run setupUser first")
    expect(documents).toEqual([])
  })

  it("a mistake in the workflow's name or arguments is said before anything is acquired; DM that is away, too", async () => {
    const { RE, collect, documents, sim } = await beamline()
    documents.length = 0
    await expect(RE.run(collect({ workflow: "count-lynes" }))).rejects.toThrow(
      /workflow count-lynes of \S+ does not exist/,
    )
    const late = { workflow: "count-lynes", args: () => ({}) }
    await expect(RE.run(collect(late))).rejects.toThrow(/count-lynes .*does not exist/)
    const odd = { "a-b": 1 }
    await expect(RE.run(collect({ args: odd }))).rejects.toThrow('"a-b" is no variable name')
    await expect(RE.run(collect({ args: { filePath: "" } }))).rejects.toThrow("missing: filePath")
    await sim.control.goAway("proc")
    await expect(RE.run(collect())).rejects.toThrow(/getWorkflowByName: connection refused/)
    expect(documents).toEqual([])
  })

  it("a file that lies elsewhere, and a run without a file, are said with what to do", async () => {
    const { RE, collect } = await beamline()
    const elsewhere = await temporaryDirectory()
    const lost = new FileDetector(n => join(elsewhere, `scan-${n}.dat`))
    await expect(RE.run(collect({ acquire: () => bp.count([lost]) }))).rejects.toThrow(
      /scan-1.dat does not lie in .*, from where DM gets its files: say with `files`/,
    )
    const empty = function* (): Plan<string> {
      const uid = yield* bps.openRun()
      yield* bps.closeRun()
      return uid
    }
    await expect(RE.run(collect({ acquire: empty }))).rejects.toThrow("the run wrote no file")
  })

  it("a file that does not come is named, and so is one that DM has with another content", async () => {
    const { RE, collect, detector, sim } = await beamline()
    const torn = function* (): Plan<string> {
      const uid = yield* bp.count([detector], 2)
      // As if the DAQ's source were not this disk.
      yield* bps.call(() => rmSync(detector.file))
      return uid
    }
    await expect(RE.run(collect({ acquire: torn, uploadTimeout: 0.3 }))).rejects.toThrow(
      /files in DM experiment "tomo-2026-1": raw\/set\/scan-1.dat .*not within 0.3 s/,
    )
    expect(sim.control.jobs).toHaveLength(0)
  })

  it("a job that fails ends the plan with its stage; the metadata is stored all the same", async () => {
    const { RE, collect, sim } = await beamline()
    sim.control.play(second({ exitStatus: 2, stdErr: "no peak\n" }))
    const error: DmJobError = await RE.run(collect()).catch(thrown => thrown)
    expect(error).toMatchObject({ outcome: "failed", stage: "02-COUNT", exitStatus: 2, stderr: "no peak" })
    expect(sim.datasets.list(experiment)).toHaveLength(1)
  })

  it("DM that is away after the scan: fail, warn, or do it later from the spool", async () => {
    const { RE, collect, sim, dm, detector, documents } = await beamline()
    const away = function* (): Plan<string> {
      const uid = yield* bp.count([detector], 2)
      yield* bps.call(() => sim.control.goAway())
      return uid
    }
    const options = { acquire: away, uploadTimeout: 0.3 }
    await expect(RE.run(collect(options))).rejects.toThrow(/connection refused/)
    await sim.control.comeBack()

    const problems: DmError[] = []
    const onProblem = (error: DmError) => void problems.push(error)
    const warned = await RE.run(collect({ ...options, whenAway: "warn", onProblem }))
    expect(warned.value).toMatchObject({ job: null, dataset: null })
    expect(problems.length).toBeGreaterThan(1)
    await sim.control.comeBack()

    const spool = new DmSpool({ directory: join(await temporaryDirectory(), "spool") })
    const spooled = await RE.run(collect({ ...options, whenAway: "spool", spool, onProblem }))
    expect(spooled).toMatchObject({ exitStatus: "success", value: { job: null } })
    await sim.control.comeBack()
    await expect
      .poll(async () => (await spool.list()).length + 0 * (await spool.send(dm)).sent.length, {
        timeout: 10_000,
      })
      .toBe(0)
    const uid = documents.filter(({ name }) => name === "start").at(-1)?.doc["uid"]
    expect(sim.control.jobs).toEqual([expect.objectContaining({ run_uid: uid })])
    expect(sim.datasets.list(experiment).map(dataset => dataset["bluesky_run_uid"])).toEqual([uid])
  })

  it("DM that dies while the files are waited for is said at once, and not at the end of the wait", async () => {
    const { RE, collect, sim, detector } = await beamline()
    const said: string[] = []
    let whenSaid = ""
    const onProblem = ({ message }: DmError) => {
      said.push(message)
      whenSaid ||= RE.state
      void sim.control.comeBack()
    }
    const away = function* (): Plan<string> {
      const uid = yield* bp.count([detector], 2)
      yield* bps.call(() => sim.control.goAway())
      return uid
    }
    const { value } = await RE.run(collect({ acquire: away, uploadTimeout: 60, onProblem }))
    expect(value).toMatchObject({ job: { status: "done" } })
    expect([whenSaid, said]).toEqual([
      "running",
      [expect.stringMatching(/^files in DM experiment .* DM is away and is asked again for 60 s in all: /)],
    ])
  })

  it("uploads that DM cannot take are kept in the spool, before the job that needs them", async () => {
    const { RE, collect, sim, dm, data } = await beamline({ daq: false })
    const two = [1, 2].map(n => new FileDetector(() => join(data, `scan-${n}.dat`), `cam${n}`))
    const away = function* (): Plan<string> {
      const uid = yield* bp.count(two, 2)
      yield* bps.call(() => sim.control.goAway())
      return uid
    }
    const spool = new DmSpool({ directory: join(await temporaryDirectory(), "spool") })
    const spooled = { acquire: away, transfer: "upload" as const, whenAway: "spool" as const, spool }
    const onProblem = () => {}
    const { value } = await RE.run(collect({ ...spooled, onProblem, uploadTimeout: 5 }))
    expect(value).toMatchObject({ job: null, dataset: null })
    await spool.settled()
    expect((await spool.list()).map(({ what }) => what)).toEqual([
      `upload of scan-1.dat of ${data} to experiment ${experiment}`,
      `upload of scan-2.dat of ${data} to experiment ${experiment}`,
      "job of workflow count-lines",
      expect.stringMatching(/^dataset /),
    ])
    await sim.control.comeBack()
    expect((await spool.send(dm)).sent).toHaveLength(4)
    const stored = async () => (await dm.cat.getExperimentFiles(experiment)).map(f => f.experimentFilePath)
    await expect.poll(stored).toEqual(["raw/scan-1.dat", "raw/scan-2.dat"])
  })
})
