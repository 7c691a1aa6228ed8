import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { systemClock } from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import {
  CommunicationError,
  type DmTransferError,
  DmWaitTimeout,
  dmErrorBehind,
  dmUpload,
  isAway,
  startUpload,
  submitUpload,
  transferProgress,
  uploadToDm,
  waitForUpload,
  watchUpload,
} from "../src/index.ts"
import { experiment, setUp, temporaryDirectory } from "./support/service.ts"

const quick = { period: 0.02, pause: 0.02 }

/** A directory with that many small files in folders of a hundred. */
async function manyFiles(count: number): Promise<string> {
  const source = await temporaryDirectory()
  for (let i = 0; i < count; i += 1) {
    const folder = join(source, `${Math.floor(i / 100)}`)
    if (i % 100 === 0) await mkdir(folder)
    await writeFile(join(folder, `${i}.txt`), `${i}\n`)
  }
  return source
}

describe("an upload", () => {
  it("gives its id at once, and a status with progress in files, a fraction and bytes", async () => {
    const { dm } = await setUp({ timing: { file: 0.01 } })
    const source = await manyFiles(20)
    const run = await startUpload(dm, { experiment, dataDirectory: source, mode: "files", ...quick })
    expect([run.id, run.status.done]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), false])
    const fractions: number[] = []
    run.status.watch(({ fraction = 0, unit }) => {
      expect(unit).toBe("files")
      fractions.push(fraction)
    })
    const transfer = await run.status
    expect(transfer).toMatchObject({ id: run.id, status: "done", processingMode: "files" })
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
    expect(fractions.some(f => f > 0 && f < 1)).toBe(true)
    expect(run.progress).toMatchObject({
      fraction: 1,
      files: { total: 20, done: 20, failed: 0 },
      bytes: { total: 50, done: 50 },
      errors: [],
    })
  })

  it("of a directory is one transfer, of one file only that file", async () => {
    const { dm, RE } = await setUp()
    const source = await manyFiles(3)
    const all = { experiment, dataDirectory: source, ...quick }
    const { value: whole } = await RE.run(uploadToDm(dm, { ...all, mode: "directory", destDirectory: "a" }))
    const { value: one } = await RE.run(uploadToDm(dm, { ...all, file: "0/1.txt", destDirectory: "b" }))
    expect(whole?.transfer).toMatchObject({ processingMode: "directory", countFiles: 3 })
    expect(one?.transfer).toMatchObject({ countFiles: 1 })
    const files = (await dm.cat.getExperimentFiles(experiment)).map(file => file.experimentFilePath)
    expect(files.sort()).toEqual(["a/0/0.txt", "a/0/1.txt", "a/0/2.txt", "b/0/1.txt"])
  })

  it("of 1,000 small files with three that fail stores the others and repeats the three until they are stored", async () => {
    const { dm, sim, RE } = await setUp()
    sim.control.failFile({ file: "*/17.txt", message: "locked" })
    sim.control.failFile({ file: "*/500.txt", times: 2 })
    sim.control.failFile({ file: "*/999.txt", times: 3 })
    const dataDirectory = await manyFiles(1000)
    const { value } = await RE.run(uploadToDm(dm, { experiment, dataDirectory, mode: "files", ...quick }))
    expect(value?.progress).toMatchObject({ files: { total: 1000, done: 1000, failed: 0 }, errors: [] })
    // The upload, then three, two and one repetitions: every id is known.
    expect(value?.ids).toHaveLength(1 + 3 + 2 + 1)
    expect(await dm.cat.getExperimentFiles(experiment)).toHaveLength(1000)
  }, 60_000)

  it("names the files that stay unstored, each with its reason, while it runs and when it fails", async () => {
    const { dm, sim } = await setUp({ timing: { file: 0.01 } })
    for (const file of ["*/3.txt", "*/5.txt", "*/7.txt"]) {
      sim.control.failFile({ file, times: Number.POSITIVE_INFINITY, message: "disk full" })
    }
    const run = await startUpload(dm, {
      experiment,
      dataDirectory: await manyFiles(20),
      retries: 2,
      ...quick,
    })
    await expect.poll(() => run.progress.errors.length).toBeGreaterThan(0)
    expect(run.status.done).toBe(false)
    await expect.poll(() => run.status.done, { timeout: 20_000 }).toBe(true)
    const error = dmErrorBehind(run.status.error) as DmTransferError
    expect(error.code).toBe("TransferEnded")
    expect(error.failed.map(({ file, message }) => [file, message]).sort()).toEqual(
      ["0/3.txt", "0/5.txt", "0/7.txt"].map(file => [file, "disk full"]),
    )
    expect(error.message).toMatch(
      /^DM upload [0-9a-f-]+ ended as failed: not stored: 0\/\d\.txt \(disk full\), /,
    )
    expect(run.progress.files).toEqual({ total: 20, done: 17, failed: 3 })
    expect(run.ids).toHaveLength(1 + 2 * 3)
  })

  it("can be waited for by its id, also by another program", async () => {
    const { dm, RE } = await setUp()
    const id = await dmUpload(dm, experiment, await manyFiles(2), { destDirectory: "raw" })
    const run = await watchUpload(dm, id, quick)
    const { value } = await RE.run(waitForUpload(run))
    expect(value).toMatchObject({ id, status: "done" })
    await expect(watchUpload(dm, "no-such")).rejects.toMatchObject({ code: "ObjectNotFound" })
  })

  it("goes on when the plan that waits for it is interrupted, and the watch ends", async () => {
    const { dm, RE } = await setUp({ timing: { file: 0.05 } })
    const dataDirectory = await manyFiles(20)
    const running = RE.run(uploadToDm(dm, { experiment, dataDirectory, ...quick }))
    await expect.poll(async () => (await dm.daq.listUploads())[0]?.status).toBe("running")
    await RE.abort("enough")
    await running
    const [upload] = await dm.daq.listUploads()
    expect(upload?.status).toBe("running")
    await expect
      .poll(async () => (await dm.daq.getUploadInfo(upload?.id ?? "")).status, { timeout: 10_000 })
      .toBe("done")
  })

  it("is not watched by anybody when the plan was interrupted while DM had not answered to its start", async () => {
    const { dm, RE, sim } = await setUp({ timing: { file: 10 } })
    sim.control.fault({ kind: "delay", seconds: 0.3, call: "upload" })
    const dataDirectory = await manyFiles(1)
    const running = RE.run(uploadToDm(dm, { experiment, dataDirectory, ...quick }))
    await expect.poll(() => RE.state).toBe("running")
    await RE.abort("enough")
    await running
    await expect.poll(() => sim.uploads.list().length).toBe(1)
    await expect.poll(() => sim.control.requests.at(-1)?.call).toBe("upload")
    const beats = () => sim.control.count("getUploadInfo")
    await expect(expect.poll(beats, { timeout: 300 }).toBeGreaterThan(1)).rejects.toThrow()
  })

  it("says at once that its start was not answered, and is looked for", async () => {
    const { dm, RE, sim } = await setUp()
    sim.control.fault({ kind: "dropAnswer", call: "upload" })
    const said: string[] = []
    const onAway = ({ message }: Error) => void said.push(message)
    await RE.run(uploadToDm(dm, { experiment, dataDirectory: await manyFiles(1), onAway, ...quick }))
    expect(said).toEqual([expect.stringMatching(/, upload: the answer was cut off /)])
    expect(sim.uploads.list()).toHaveLength(1)
  })

  it("that nobody can ask about when its time is over is told from one that is slow", async () => {
    const { dm, RE, sim } = await setUp({ timing: { file: 30 } })
    const upload = { experiment, dataDirectory: await manyFiles(1), timeout: 0.5, ...quick }
    const slow = await RE.run(uploadToDm(dm, upload)).catch(error => error)
    expect([slow.name, isAway(slow)]).toEqual(["StatusTimeoutError", false])
    const said: string[] = []
    const onAway = ({ message }: Error) => void said.push(message)
    const running = RE.run(uploadToDm(dm, { ...upload, onAway })).catch(error => error)
    await expect.poll(() => sim.uploads.list().length).toBe(2)
    await sim.control.goAway()
    const away = await running
    expect([away, isAway(away)]).toEqual([expect.any(DmWaitTimeout), true])
    expect(away.message).toMatch(
      /^DM upload \S+ store files did not finish within \d+ ms: DM is away: .*connection refused/,
    )
    expect(said).toHaveLength(1)
  })

  it("goes on to its end while the service is away for a time", async () => {
    const { dm, sim } = await setUp({ timing: { file: 0.02 } })
    const run = await startUpload(dm, { experiment, dataDirectory: await manyFiles(20), ...quick })
    await sim.control.awayFor(0.3)
    expect(await run.status).toMatchObject({ status: "done" })
  })

  it("that found nothing says so: DM takes that for a success", async () => {
    const { dm, RE } = await setUp()
    const upload = (dataDirectory: string) => RE.run(uploadToDm(dm, { experiment, dataDirectory, ...quick }))
    const { value: empty } = await upload("@localhost:/no/such/place")
    expect(empty?.warning).toMatch(
      /^DM upload .* has found no file in @localhost:\/no\/such\/place: does DM's/,
    )
    expect((await upload(await manyFiles(1))).value?.warning).toBe("")
  })

  it("has a time limit, and leaves DM's transfer alone", async () => {
    const { dm } = await setUp({ timing: { file: 0.2 } })
    const run = await startUpload(dm, {
      experiment,
      dataDirectory: await manyFiles(10),
      timeout: 0.2,
      ...quick,
    })
    await expect(run.status).rejects.toThrow(/did not finish within/)
    expect((await dm.daq.getUploadInfo(run.id)).status).toBe("running")
  })

  it("that DM refuses is an error at once", async () => {
    const { dm, RE } = await setUp()
    await expect(RE.run(uploadToDm(dm, { experiment, dataDirectory: "/no/such" }))).rejects.toMatchObject({
      code: "InvalidRequest",
    })
  })
})

describe("the start of an upload whose answer was lost", () => {
  it.each([
    ["found by source, destination and time", {}, 0],
    ["found although the service's clock is wrong", {}, -7200],
    ["found by a tag of its own", { tag: "upload_tag" }, 0],
  ])("starts one upload, whose id is %s", async (_, options, skew) => {
    const { dm, sim } = await setUp({ clock: { ...systemClock, time: () => systemClock.time() + skew } })
    const dataDirectory = await manyFiles(1)
    // An earlier upload of the same files is not taken for it.
    const earlier = await dmUpload(dm, experiment, dataDirectory)
    await expect.poll(async () => (await dm.daq.getUploadInfo(earlier)).status).toBe("done")
    const info = sim.uploads.get(earlier)
    info["startTime"] = Number(info["startTime"]) - 60
    sim.control.fault({ kind: "dropAnswer", call: "upload" })
    const id = await dmUpload(dm, experiment, dataDirectory, {}, options)
    const ids = (await dm.daq.listUploads()).map(upload => upload.id)
    expect(ids.sort()).toEqual([earlier, id].sort())
  })

  it("is sent again when it never arrived", async () => {
    const { dm, sim } = await setUp()
    sim.control.fault({ kind: "dropRequest", call: "upload" })
    const id = await dmUpload(dm, experiment, await manyFiles(1))
    expect(await dm.daq.listUploads()).toMatchObject([{ id }])
  })

  it("is a clear error when nobody can tell what came of it", async () => {
    const lost = () => Promise.reject(new CommunicationError("no answer", { outcomeUnknown: true }))
    const clock = new TestClock()
    const daq = {
      upload: lost,
      listUploads: () => Promise.reject(new CommunicationError("away")),
      serviceTime: null,
    }
    const submitting = submitUpload({ daq } as never, { experiment, dataDirectory: "/d" }, { clock }).catch(
      e => e,
    )
    for (let i = 0; i < 20; i += 1) {
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(8)
    }
    const error = await submitting
    expect(error).toMatchObject({ outcomeUnknown: true })
    expect(error.message).toMatch(/unknown whether it was started; look at the list of uploads/)
  })
})

describe("the progress of a transfer", () => {
  it.each([
    ["by file", { "a.txt": "locked", "b.txt": { why: 1 } }, ["a.txt: locked", 'b.txt: {"why":1}']],
    ["as texts", ["a.txt is locked"], [": a.txt is locked"]],
    ["as objects", [{ filePath: "a.txt", errorMessage: "locked" }], ["a.txt: locked"]],
    ["not at all", undefined, []],
    ["as something else", "two", []],
  ])("reads the errors as DM may give them: %s", (_, processingErrors, expected) => {
    const { errors } = transferProgress({ id: "1", status: "running", processingErrors })
    expect(errors.map(({ file, message }) => `${file}: ${message}`)).toEqual(expected)
  })

  it("needs no counter to be there", () => {
    expect(transferProgress({ id: "1" })).toEqual({
      status: "",
      fraction: 0,
      files: { total: 0, done: 0, failed: 0 },
      bytes: null,
      errors: [],
    })
    expect(transferProgress({ id: "1", status: "done" }).fraction).toBe(1)
    expect(transferProgress({ id: "1", percentageComplete: 250 }).fraction).toBe(1)
  })
})
