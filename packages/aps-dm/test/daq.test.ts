import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { bpp, bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it, onTestFinished } from "vitest"
import {
  DmDaq,
  type DmDaqOptions,
  DmWaitTimeout,
  dmEnsureDaq,
  dmGetDaqs,
  dmStartDaq,
  expectFiles,
  localPath,
  probeSource,
  waitForFiles,
} from "../src/index.ts"
import { experiment, setUp as setUpService, temporaryDirectory } from "./support/service.ts"

async function setUp(options: Parameters<typeof setUpService>[0] = {}) {
  const service = await setUpService(options)
  const watched = await temporaryDirectory()
  const reports: string[] = []
  const daq = (more: Partial<DmDaqOptions> = {}) => {
    const device = new DmDaq({
      name: "dm_daq",
      client: service.dm,
      experiment,
      dataDirectory: watched,
      longestPause: 0.1,
      write: text => reports.push(text),
      ...more,
    })
    device.pollingPeriod.set(0.02)
    onTestFinished(() => device.stop())
    return device
  }
  return { ...service, watched, reports, daq }
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex")

describe("a DAQ device", () => {
  it("starts a DAQ if none is active for experiment and directory, follows its files, and stops it", async () => {
    const { dm, daq, watched, sim, RE } = await setUp()
    const device = daq({ daqInfo: { destDirectory: "raw" } })
    const { value: started } = await RE.run(device.startAsPlan())
    expect(await daq().startDaq()).toMatchObject({ id: started?.id, destDirectory: "raw" })
    expect((await device.startDaq()).id).toBe(started?.id)
    expect(sim.control.count("startDaq")).toBe(1)
    await writeFile(join(watched, "a.txt"), "1 2 3\n")
    await expect.poll(() => device.processedFiles.get()).toBe(1)
    const { value: ended } = await RE.run(device.stopAsPlan())
    expect(ended).toMatchObject({ id: started?.id, status: "done", countFiles: 1 })
    const readings = await device.read()
    expect(Object.entries(readings).map(([name, { value }]) => [name, value])).toEqual([
      ["dm_daq_daq_id", started?.id],
      ["dm_daq_status", "done"],
      ["dm_daq_files", 1],
      ["dm_daq_processed_files", 1],
      ["dm_daq_waiting_files", 0],
      ["dm_daq_errors", 0],
      ["dm_daq_last_error", ""],
      ["dm_daq_progress", 100],
      ["dm_daq_source_exists", "yes"],
      ["dm_daq_source_bytes", 0],
      ["dm_daq_warning", ""],
      ["dm_daq_connected", true],
    ])
    // It is not active any more: the next start is a new one.
    expect((await device.startDaq()).id).not.toBe(started?.id)
    expect(await dmGetDaqs(dm, experiment)).toHaveLength(2)
  })

  it("is part of a scan: staging starts the DAQ, and it is kept or stopped at the end, as it was told", async () => {
    const { daq, RE } = await setUp()
    for (const [onUnstage, status] of [
      ["keep", "running"],
      ["stop", "done"],
    ] as const) {
      const device = daq({ onUnstage })
      const states: unknown[] = []
      await RE.run(
        bpp.stage(
          [device],
          (function* (): Plan<void> {
            states.push(yield* bps.rd(device.status))
          })(),
        ),
      )
      expect([...states, await device.status.get()]).toEqual(["running", status])
    }
  })

  it("that cannot be started leaves the scan unstaged, with DM's reason", async () => {
    const { daq, RE } = await setUp()
    const device = daq({ dataDirectory: "/no/such/place" })
    const plan = bpp.stage([device], bps.null())
    await expect(RE.run(plan)).rejects.toThrow(/no\/such\/place/)
    expect([device.staged, device.watching, await device.sourceExists.get()]).toEqual([false, false, "no"])
    await expect(daq({ experiment: "" }).startDaq()).rejects.toThrow(/needs an experiment and a directory/)
    await expect(daq().stopDaq()).rejects.toThrow(/no DAQ was started/)
  })

  it("counts files that fail and names the last one", async () => {
    const { daq, watched, sim } = await setUp()
    sim.control.failFile({ file: "bad*", message: "locked" })
    const device = daq()
    await device.startDaq()
    await writeFile(join(watched, "bad.txt"), "x")
    await writeFile(join(watched, "good.txt"), "x")
    await expect
      .poll(async () => [await device.errors.get(), await device.processedFiles.get()])
      .toEqual([1, 1])
    expect(await device.lastError.get()).toBe("bad.txt: locked")
  })

  it("warns of a source that does not exist, although DM starts a DAQ for it", async () => {
    const { daq, reports } = await setUp()
    const device = daq({ dataDirectory: "@localhost:/no/such/place" })
    expect(await device.startDaq()).toMatchObject({ status: "running" })
    expect(await device.warning.get()).toMatch(/the source @localhost:\/no\/such\/place does not exist/)
    expect(reports).toEqual([expect.stringMatching(/^dm_daq: the source .* nothing will be transferred$/)])
  })

  it("warns once of a source that gives no file, until one comes", async () => {
    const { daq, reports, watched } = await setUp()
    const device = daq()
    await device.quietPeriod.set(0.1)
    await device.startDaq()
    await expect.poll(() => device.warning.get()).toMatch(/has found no file in .* for 0.1 s/)
    await writeFile(join(watched, "a.txt"), "x")
    await expect.poll(() => device.warning.get()).toBe("")
    expect(reports).toHaveLength(1)
  })

  it("follows on while the service is away, and shows it", async () => {
    const { daq, sim, reports, watched } = await setUp()
    const device = daq()
    await device.startDaq()
    await sim.control.goAway()
    await expect.poll(() => device.serviceConnected.get()).toBe(false)
    expect(await device.status.get()).toBe("running")
    await sim.control.comeBack()
    await expect.poll(() => device.serviceConnected.get()).toBe(true)
    await writeFile(join(watched, "a.txt"), "x")
    await expect.poll(() => device.processedFiles.get()).toBe(1)
    expect(reports).toEqual([
      expect.stringMatching(/^dm_daq: no answer of DM, next try in 0.04 s: .*connection refused/),
      "dm_daq: DM answers again",
    ])
  })

  it("can take up a DAQ that another program started, and says when that is lost", async () => {
    const { daq, dm, reports, watched, sim } = await setUp()
    const { id } = await dmStartDaq(dm, experiment, watched)
    const device = daq({ experiment: "", dataDirectory: "" })
    expect(await device.attach(id)).toMatchObject({ status: "running" })
    expect([await device.experiment.get(), await device.dataDirectory.get()]).toEqual([experiment, watched])
    sim.control.fault({ kind: "refuse", type: "ObjectNotFound", call: "getDaqInfo", times: 10 })
    await device.whenOver()
    expect(reports.at(-1)).toMatch(/is lost: DM does not know it any more/)
  })

  it("stands beside others: several directories, and several stations with a service each", async () => {
    const here = await setUp()
    const there = await setUp({ station: "256IDA", experiments: [{ name: "other-1" }] })
    const devices = [
      here.daq({ name: "raw" }),
      here.daq({ name: "results", dataDirectory: await temporaryDirectory() }),
      there.daq({ name: "there", experiment: "other-1" }),
    ]
    await Promise.all(devices.map(device => device.startDaq()))
    const stations = devices.map(({ daq }) => [daq?.experimentStationName, daq?.status])
    expect(stations).toEqual([
      ["255IDZ", "running"],
      ["255IDZ", "running"],
      ["256IDA", "running"],
    ])
    expect(await dmGetDaqs(here.dm, experiment)).toHaveLength(2)
    expect(await dmGetDaqs(there.dm, "other-1")).toHaveLength(1)
  })
})

describe("a source", () => {
  it.each([
    ["/data", "/data"],
    ["@localhost:/data", "/data"],
    [`@${hostname()}:/data`, "/data"],
    ["@elsewhere-9:/data", null],
    ["ftp://host:2811/data", null],
    ["relative", null],
  ])("%s is the path %j of this machine", (given, path) => {
    expect(localPath(given)).toBe(path)
  })

  it("is measured where it can be seen", async () => {
    const source = await temporaryDirectory()
    await writeFile(join(source, "a"), "12345")
    expect(await probeSource(source)).toEqual({ exists: "yes", bytes: 5 })
    expect(await probeSource(source, "a")).toEqual({ exists: "yes", bytes: 5 })
    expect(await probeSource(source, "b")).toEqual({ exists: "no", bytes: null })
    expect(await probeSource("@elsewhere-9:/d")).toEqual({ exists: "unknown", bytes: null })
  })
})

describe("expected files", () => {
  it("have arrived when all their names are there, with the content that is expected", async () => {
    const { dm, watched, RE } = await setUp()
    await dmEnsureDaq(dm, experiment, watched)
    const files = ["a.txt", { name: "b.txt", md5: md5("new\n").toUpperCase() }]
    await writeFile(join(watched, "b.txt"), "old\n")
    const status = expectFiles(dm, { experiment, files }, { period: 0.02 })
    const seen: (readonly [number | undefined, number | undefined])[] = []
    status.watch(({ current, target }) => seen.push([current, target]))
    await writeFile(join(watched, "a.txt"), "x")
    await expect.poll(() => seen.at(-1)).toEqual([1, 2])
    await writeFile(join(watched, "b.txt"), "new\n")
    expect((await status).map(file => file.experimentFilePath)).toEqual(["a.txt", "b.txt"])
    const waiting = RE.run(waitForFiles(dm, { experiment, files: "a.txt", period: 0.02 }))
    expect((await waiting).value).toMatchObject([{ experimentFilePath: "a.txt" }])
  })

  it("have arrived when there are so many of them in a directory", async () => {
    const { dm, watched, RE } = await setUp()
    await dmEnsureDaq(dm, experiment, watched, { destDirectory: "raw" })
    const names = ["1.tif", "2.tif", "3.tif", "log.txt"]
    const plan = waitForFiles(dm, { experiment, count: 3, under: "/raw/", matching: /\.tif$/, period: 0.02 })
    const waiting = RE.run(plan)
    for (const name of names) await writeFile(join(watched, name), "x")
    const { value = [] } = await waiting
    expect(value.map(file => file.experimentFilePath).sort()).toEqual(["raw/1.tif", "raw/2.tif", "raw/3.tif"])
  })

  it("that do not come are named, and what came instead", async () => {
    const { dm, watched, RE } = await setUp()
    await dmEnsureDaq(dm, experiment, watched)
    await writeFile(join(watched, "b.txt"), "old\n")
    const expected = {
      experiment,
      files: ["a.txt", { name: "b.txt", md5: md5("new\n") }],
      count: 5,
      timeout: 1,
      period: 0.1,
    }
    const error = await RE.run(waitForFiles(dm, expected)).catch(e => e)
    expect(error).toBeInstanceOf(DmWaitTimeout)
    expect(error.message).toContain(
      `"${experiment}": a.txt, b.txt (md5 ${md5("old\n")}) (0 of 2 are there); 1 of 5 files in it: not within 1 s`,
    )
    await expect(RE.run(waitForFiles(dm, { experiment }))).rejects.toThrow(/neither names nor a number/)
  })

  it("are not waited for any more when the status is cancelled", async () => {
    const { dm, sim } = await setUp()
    const status = expectFiles(dm, { experiment, files: "never" }, { period: 0.01 })
    await expect.poll(() => sim.control.count("getExperimentFile")).toBeGreaterThan(1)
    status.cancel()
    await expect(status).rejects.toThrow(/cancelled/)
    const asked = sim.control.count("getExperimentFile")
    // Longer than several periods.
    for (let i = 0; i < 20; i += 1) await dm.cat.getExperimentFiles(experiment)
    expect(sim.control.count("getExperimentFile")).toBeLessThanOrEqual(asked + 1)
  })
})
