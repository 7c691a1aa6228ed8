import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { InvalidRequest, ObjectNotFound } from "@ophyd-ts/aps-dm"
import { describe, expect, it } from "vitest"
import { fileFilter } from "../../src/dm/transfer/filters.ts"
import { startSim, temporaryDirectory } from "./support.ts"

const experiment = "tomo-2026-1"

async function put(root: string, path: string, text = "1 2\n"): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

async function startWithSource(options: Parameters<typeof startSim>[0] = {}) {
  const sim = await startSim(options)
  const source = await temporaryDirectory()
  const stored = (path: string) =>
    readFile(join(String(sim.dm.experiments.byName(experiment).storageDirectory), path), "utf8").catch(
      () => undefined,
    )
  return { ...sim, source, stored }
}

describe("a DAQ", () => {
  it("copies new files into the experiment's storage, catalogues them and counts", async () => {
    const { client, clock, source, stored } = await startWithSource()
    await put(source, "old.txt")
    const daq = await client.daq.startDaq(experiment, source, { destDirectory: "raw/today", note: "kept" })
    expect(daq).toMatchObject({
      experimentName: experiment,
      experimentStationName: "255IDZ",
      dataDirectory: source,
      status: "running",
      countFiles: 0,
      nProcessedFiles: 0,
      workflowJobOwner: "s255user",
      note: "kept",
      startTime: clock.time(),
      startTimestamp: "2026/05/28 15:26:40 CDT",
    })
    await put(source, "new.txt", "new")
    await put(source, "deep/er.txt", "deep")
    await clock.advance(1)
    expect(await stored("data/raw/today/new.txt")).toBe("new")
    expect(await stored("data/raw/today/deep/er.txt")).toBe("deep")
    expect(await stored("data/raw/today/old.txt")).toBeUndefined()
    expect(await client.daq.getDaqInfo(daq.id)).toMatchObject({
      status: "running",
      countFiles: 2,
      nProcessedFiles: 2,
      nProcessingErrors: 0,
      nWaitingFiles: 0,
      percentageComplete: 100,
    })
    expect(await client.cat.getExperimentFile(experiment, "raw/today/new.txt")).toMatchObject({
      experimentFilePath: "raw/today/new.txt",
      fileSize: 3,
      md5Sum: "22af645d1859cb5ca6da0c484f1f37ea",
    })
  })

  it("waits until a file stops growing", async () => {
    const { client, clock, source, stored } = await startWithSource()
    await client.daq.startDaq(experiment, source)
    for (const text of ["a", "ab", "abc"]) {
      await put(source, "grows.txt", text)
      await clock.advance(0.2)
      expect(await stored("data/grows.txt")).toBeUndefined()
    }
    await clock.advance(0.4)
    expect(await stored("data/grows.txt")).toBe("abc")
    await put(source, "grows.txt", "changed")
    await clock.advance(0.6)
    expect(await stored("data/grows.txt")).toBe("changed")
  })

  it("takes what is there when it is stopped, finishes it, and is then done", async () => {
    const { client, clock, source, stored } = await startWithSource({ timing: { file: 1 } })
    const { id } = await client.daq.startDaq(experiment, source, { processExistingFiles: true })
    await put(source, "a.txt")
    await put(source, "b.txt")
    await client.daq.stopDaq(experiment, source)
    await clock.advance(1.2)
    const info = await client.daq.getDaqInfo(id)
    expect(info).toMatchObject({ status: "running", countFiles: 2, nProcessedFiles: 1, nWaitingFiles: 1 })
    expect(info.percentageComplete).toBe(50)
    await clock.advance(1)
    expect(await client.daq.getDaqInfo(id)).toMatchObject({
      status: "done",
      nProcessedFiles: 2,
      endTime: expect.any(Number),
    })
    expect(await stored("data/b.txt")).toBe("1 2\n")
    await put(source, "late.txt")
    await clock.advance(2)
    expect(await stored("data/late.txt")).toBeUndefined()
    await expect(client.daq.stopDaq(experiment, source)).rejects.toThrow(ObjectNotFound)
  })

  it("ends by itself after its maximum time", async () => {
    const { client, clock, source } = await startWithSource({ timing: { poll: 60 } })
    const { id } = await client.daq.startDaq(experiment, source, { maxRunTimeInHours: 1 })
    await clock.advance(3500)
    expect((await client.daq.getDaqInfo(id)).status).toBe("running")
    await clock.advance(200)
    expect((await client.daq.getDaqInfo(id)).status).toBe("done")
  })

  it("may upload another directory when it ends", async () => {
    const { client, clock, source, stored } = await startWithSource()
    const logs = await temporaryDirectory()
    await put(logs, "log.txt", "end")
    await client.daq.startDaq(experiment, source, {
      uploadDataDirectoryOnExit: logs,
      uploadDestDirectoryOnExit: "logs",
    })
    await client.daq.stopDaq(experiment, source)
    await clock.advance(1)
    expect(await stored("data/logs/log.txt")).toBe("end")
  })

  it("starts a workflow for each file", async () => {
    const workflow = { name: "w", stages: { "01": { command: "/bin/echo $filePath $kind" } } }
    const { dm, client, clock, source } = await startWithSource({ workflows: [workflow] })
    const info = {
      workflowName: "w",
      workflowOwner: "s255user",
      workflowArgs: { kind: "dark" },
      workflowJobOwner: "boss",
    }
    await client.daq.startDaq(experiment, source, info)
    await put(source, "a.txt")
    await put(source, "b.txt")
    await clock.advance(3)
    expect(dm.control.jobs.map(job => [job.owner, job.status, job.kind])).toEqual([
      ["boss", "done", "dark"],
      ["boss", "done", "dark"],
    ])
    expect(dm.control.jobs.map(job => job.experimentFilePath).sort()).toEqual(["a.txt", "b.txt"])
    await expect(client.daq.startDaq(experiment, "/", { workflowName: "w" })).rejects.toThrow(
      "must come together",
    )
    const unknown = { workflowName: "none", workflowOwner: "s255user" }
    await expect(client.daq.startDaq(experiment, "/", unknown)).rejects.toThrow(ObjectNotFound)
  })

  it("counts a file that cannot be copied and goes on", async () => {
    const { client, clock, source, stored } = await startWithSource()
    const { id } = await client.daq.startDaq(experiment, source, { destDirectory: "raw" })
    await put(source, "a.txt")
    // In the way of the copy's place, and a link, which is not a file of the directory.
    const storage = String((await client.ds.getExperimentByName(experiment)).dataDirectory)
    await mkdir(join(storage, "raw", "a.txt", "x"), { recursive: true })
    await symlink("/etc/hostname", join(source, "link"))
    await put(source, "b.txt")
    await clock.advance(1)
    const info = await client.daq.getDaqInfo(id)
    expect(info).toMatchObject({ countFiles: 2, nProcessedFiles: 1, nProcessingErrors: 1, status: "running" })
    expect(Object.keys(info["processingErrors"] as object)).toEqual(["a.txt"])
    expect(await stored("data/raw/b.txt")).toBe("1 2\n")
  })

  it("is refused for a directory that does not exist, unless it is on another host: then nothing is transferred", async () => {
    const { client, clock, source } = await startWithSource()
    await expect(client.daq.startDaq(experiment, join(source, "none"))).rejects.toThrow(InvalidRequest)
    await expect(client.daq.startDaq(experiment, "relative/path")).rejects.toThrow(InvalidRequest)
    await put(source, "file")
    await expect(client.daq.startDaq(experiment, join(source, "file"))).rejects.toThrow("is not a directory")
    await expect(client.daq.startDaq("none", source)).rejects.toThrow(ObjectNotFound)
    const directory = `@detector:${join(source, "later")}`
    const { id } = await client.daq.startDaq(experiment, directory)
    await clock.advance(5)
    expect(await client.daq.getDaqInfo(id)).toMatchObject({
      status: "running",
      countFiles: 0,
      dataDirectory: directory,
    })
    await put(source, "later/a.txt")
    await clock.advance(1)
    expect(await client.daq.getDaqInfo(id)).toMatchObject({ countFiles: 1 })
  })

  it("is refused twice for the same experiment and directory, and outside the experiment", async () => {
    const { client, source } = await startWithSource()
    await client.daq.startDaq(experiment, source)
    await expect(client.daq.startDaq(experiment, source)).rejects.toThrow("already active")
    const other = await temporaryDirectory()
    await expect(client.daq.startDaq(experiment, other, { destDirectory: "../../x" })).rejects.toThrow(
      "not a path inside",
    )
    expect(await client.daq.listDaqs()).toHaveLength(1)
  })

  it("can be cleared when it has ended", async () => {
    const { client, clock, source } = await startWithSource()
    const { id } = await client.daq.startDaq(experiment, source)
    await expect(client.daq.clearDaq(id)).rejects.toThrow("stop it first")
    await client.daq.stopDaq(experiment, source)
    await clock.advance(1)
    await client.daq.clearDaq(id)
    await expect(client.daq.getDaqInfo(id)).rejects.toThrow(ObjectNotFound)
  })

  it("can take source files away, skip the catalogue, and skip the transfer", async () => {
    const { client, clock, source, stored } = await startWithSource()
    const others = [await temporaryDirectory(), await temporaryDirectory()] as const
    await client.daq.startDaq(experiment, source, { removeSourceFiles: true })
    await client.daq.startDaq(experiment, others[0], { skipCatalog: true })
    await client.daq.startDaq(experiment, others[1], { skipTransfer: true })
    await put(source, "moved.txt")
    await put(others[0], "unknown.txt")
    await put(others[1], "stays.txt")
    await clock.advance(1)
    await expect(stat(join(source, "moved.txt"))).rejects.toThrow("ENOENT")
    expect([
      await stored("data/moved.txt"),
      await stored("data/unknown.txt"),
      await stored("data/stays.txt"),
    ]).toEqual(["1 2\n", "1 2\n", undefined])
    expect((await client.cat.getExperimentFiles(experiment)).map(f => f.experimentFilePath)).toEqual([
      "moved.txt",
    ])
  })
})

describe("an upload", () => {
  it("of a directory is pending, runs and is done", async () => {
    const { client, clock, source, stored } = await startWithSource({ timing: { file: 1 } })
    await put(source, "a.txt")
    await put(source, "sub/b.txt")
    const { id, status } = await client.daq.upload(experiment, source, { useAnalysisDirectoryAsRoot: true })
    expect(status).toBe("pending")
    await clock.advance(1.5)
    expect(await client.daq.getUploadInfo(id)).toMatchObject({
      status: "running",
      countFiles: 2,
      nProcessedFiles: 1,
    })
    await clock.advance(2)
    expect(await client.daq.getUploadInfo(id)).toMatchObject({
      status: "done",
      nProcessedFiles: 2,
      percentageComplete: 100,
    })
    expect(await stored("analysis/sub/b.txt")).toBe("1 2\n")
    expect(await client.cat.getExperimentFile(experiment, "sub/b.txt")).toMatchObject({ fileSize: 4 })
    expect(await client.cat.getExperimentFile(experiment, "analysis/sub/b.txt")).toMatchObject({
      fileSize: 4,
    })
    expect(await client.daq.listUploadRecords()).toHaveLength(1)
  })

  it("of one file takes just this one", async () => {
    const { client, clock, source, stored } = await startWithSource()
    await put(source, "a.txt")
    await put(source, "b.txt")
    await client.daq.upload(experiment, source, { experimentFilePath: "b.txt", destDirectory: "parameters" })
    await clock.advance(1)
    expect([await stored("data/parameters/a.txt"), await stored("data/parameters/b.txt")]).toEqual([
      undefined,
      "1 2\n",
    ])
  })

  it("of a file that does not exist fails with a message", async () => {
    const { client, clock, source } = await startWithSource()
    const { id } = await client.daq.upload(experiment, source, { experimentFilePath: "none.txt" })
    await clock.advance(1)
    const info = await client.daq.getUploadInfo(id)
    expect(info.status).toBe("failed")
    expect(info.errorMessage).toContain("none.txt does not exist")
    await expect(client.daq.upload(experiment, source, { experimentFilePath: "../x" })).rejects.toThrow(
      "not a path inside",
    )
    await expect(client.daq.upload(experiment, "/none", {})).rejects.toThrow(InvalidRequest)
    await expect(
      client.daq.upload(experiment, source, { processingMode: "fast" as "files" }),
    ).rejects.toThrow(InvalidRequest)
  })

  it("fails when some of many files cannot be processed, and says how many", async () => {
    const { dm, client, clock, source } = await startWithSource()
    const storage = String(dm.experiments.byName(experiment).dataDirectory)
    for (let i = 0; i < 100; i++) await put(source, `f${i}`)
    for (const i of [3, 50, 99]) await put(storage, `f${i}/in-the-way`)
    const { id } = await client.daq.upload(experiment, source, { processingMode: "files" })
    await clock.advance(1)
    const info = await client.daq.getUploadInfo(id)
    expect(info).toMatchObject({
      status: "failed",
      countFiles: 100,
      nProcessedFiles: 97,
      nProcessingErrors: 3,
    })
    expect(info.errorMessage).toBe("3 of 100 files could not be processed")
  })

  it("leaves alone what is stored and unchanged, unless told to reprocess", async () => {
    const { dm, client, clock, source, stored } = await startWithSource()
    await put(source, "a.txt", "12345")
    await client.daq.upload(experiment, source)
    await clock.advance(1)
    const copy = join(String(dm.experiments.byName(experiment).dataDirectory), "a.txt")
    const { mtime } = await stat(copy)
    const { utimes } = await import("node:fs/promises")
    await writeFile(copy, "xxxxx")
    await utimes(copy, mtime, mtime)
    await client.daq.upload(experiment, source, { skipChecksum: true })
    await clock.advance(1)
    expect(await stored("data/a.txt")).toBe("xxxxx")
    await client.daq.upload(experiment, source, { reprocessFiles: true })
    await clock.advance(1)
    expect(await stored("data/a.txt")).toBe("12345")
  })

  it("can be stopped: aborting, then aborted", async () => {
    const { client, clock, source } = await startWithSource({ timing: { file: 1 } })
    await put(source, "a.txt")
    await put(source, "b.txt")
    const { id } = await client.daq.upload(experiment, source, { processingMode: "directory" })
    await clock.advance(1.2)
    await client.daq.stopUpload(id)
    await clock.advance(5)
    expect(await client.daq.getUploadInfo(id)).toMatchObject({ status: "aborted", nProcessedFiles: 1 })
    await expect(client.daq.stopUpload(id)).rejects.toThrow("has ended")
    await client.daq.clearUpload(id)
    expect(await client.daq.listUploads()).toEqual([])
  })
})

describe("the filters of a transfer", () => {
  it.each([
    [{}, ["a.h5", "b/c.tif"]],
    [{ processHiddenFiles: true }, ["a.h5", ".hidden", "b/c.tif", "b/.x/d"]],
    [{ skipFilePathPattern: "*.h5" }, ["b/c.tif"]],
    [{ skipFilePathPattern: "b/*, nothing" }, ["a.h5"]],
    [{ skipFilePathPattern: "[ab].??" }, ["b/c.tif"]],
    [{ skipFilePathPattern: "[!a].h5,+(" }, ["a.h5", "b/c.tif"]],
    [{ filePathPattern: "b/*" }, ["b/c.tif"]],
    [{ includeFileExtensions: "h5,.gz" }, ["a.h5"]],
    [{ excludeFileExtensions: "h5" }, ["b/c.tif"]],
  ])("%j keep %j", (info, kept) => {
    expect(["a.h5", ".hidden", "b/c.tif", "b/.x/d"].filter(fileFilter(info))).toEqual(kept)
  })
})

describe("the catalogue", () => {
  it("lists with query, skip and limit, finds by id, and looks at files on the disk", async () => {
    const { dm, client, clock, source } = await startWithSource()
    for (const name of ["a", "b", "c"]) await put(source, name, "same")
    await client.daq.upload(experiment, source)
    await clock.advance(1)
    const paths = async (options: object) =>
      (await client.cat.getExperimentFiles(experiment, options)).map(f => f.experimentFilePath)
    expect(await paths({})).toEqual(["a", "b", "c"])
    expect(await paths({ skip: 1, limit: 1 })).toEqual(["b"])
    expect(await paths({ queryDict: { fileName: "c", fileSize: 4 } })).toEqual(["c"])
    const file = await client.cat.getExperimentFile(experiment, "a")
    expect(await client.cat.getExperimentFileById(experiment, String(file.id))).toEqual(file)
    await put(String(dm.experiments.byName(experiment).dataDirectory), "by-hand", "x")
    const found = await client.ds.statFile(experiment, "by-hand", { retrieveMd5Sum: true })
    expect(found).toMatchObject({
      fileSize: 1,
      readyForProcessing: true,
      md5Sum: "9dd4e461268c8034f5c8564e155c67a6",
    })
    expect(await client.ds.statFile(experiment, "by-hand")).not.toHaveProperty("md5Sum")
    await expect(client.cat.getExperimentFile(experiment, "by-hand")).rejects.toThrow(ObjectNotFound)
    await expect(client.ds.statFile(experiment, "none")).rejects.toThrow(ObjectNotFound)
    await expect(client.ds.statFile(experiment, "../../x")).rejects.toThrow("not a path inside")
    await rm(source, { recursive: true })
  })

  it("keeps datasets and refuses a second one of the same name", async () => {
    const { client } = await startSim()
    const dataset = {
      experimentName: experiment,
      datasetName: "run_uid8_12345678",
      _id: "own",
      bluesky: { x: 1 },
    }
    expect(await client.cat.addExperimentDataset(dataset)).toMatchObject({ ...dataset, id: "own" })
    await expect(client.cat.addExperimentDataset(dataset)).rejects.toMatchObject({
      name: "ObjectAlreadyExists",
    })
    await client.cat.updateExperimentDataset({ ...dataset, bluesky: { x: 2 } })
    expect(await client.cat.getExperimentDataset(experiment, dataset.datasetName)).toMatchObject({
      bluesky: { x: 2 },
    })
    expect(await client.cat.getExperimentDatasets(experiment)).toHaveLength(1)
    await expect(client.cat.getExperimentDataset(experiment, "none")).rejects.toThrow(ObjectNotFound)
    await expect(client.cat.addExperimentDataset({ ...dataset, experimentName: "none" })).rejects.toThrow(
      ObjectNotFound,
    )
  })
})
