import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import {
  AuthenticationError,
  CommunicationError,
  DmError,
  DmSpool,
  InvalidArgument,
  InvalidSession,
  isAway,
  keepSending,
  ObjectNotFound,
  RunDocuments,
  type RunMetadata,
  type SpoolItem,
  shareRunMetadata,
  unlessAway,
  uploadItem,
  uploadToDm,
} from "../src/index.ts"
import { takeLock } from "../src/spool/lock.ts"
import { isOver, type Owner, ownerHere, ownerIn } from "../src/spool/lock-owner.ts"
import { experiment, owner, setUp as setUpService, temporaryDirectory } from "./support/service.ts"

/** More than any system gives to a process. */
const nobody = 2 ** 22 + 1

const dataset = (datasetName: string, experimentName = experiment): SpoolItem => ({
  kind: "dataset",
  dataset: { experimentName, datasetName },
})

const job = (tag: string): SpoolItem => ({
  kind: "job",
  workflowOwner: owner,
  workflow: "count-lines",
  jobOwner: owner,
  args: { filePath: "/dev/null", submission_tag: tag },
  tag: "submission_tag",
})

async function setUp(options: Partial<ConstructorParameters<typeof DmSpool>[0]> = {}) {
  const service = await setUpService({}, { timeout: 5 })
  const directory = join(await temporaryDirectory(), "spool")
  const spool = new DmSpool({ directory, ...options })
  const names = async () =>
    (await service.dm.cat.getExperimentDatasets(experiment)).map(found => found.datasetName).sort()
  return { ...service, directory, spool, names }
}

/** The documents of a small run. */
function* smallRun(documents: RunDocuments): Plan<RunMetadata> {
  yield* bps.subscribe(documents.receive)
  yield* bps.openRun({ title: "small" })
  yield* bps.closeRun()
  return documents.last as RunMetadata
}

describe("the spool", () => {
  it("keeps items in the order in which they came, one file each that only the account can read", async () => {
    const { spool, directory } = await setUp()
    expect(await spool.list()).toEqual([])
    for (const name of ["a", "b", "c"]) await spool.add(dataset(name))
    const entries = await new DmSpool({ directory }).list()
    expect(entries.map(entry => entry.what)).toEqual(
      ["a", "b", "c"].map(name => `dataset ${name} of experiment ${experiment}`),
    )
    expect(await readdir(directory)).toEqual(entries.map(entry => `${entry.id}.json`))
    await spool.drop(entries[1]?.id ?? "")
    expect((await spool.list()).map(entry => entry.id)).toEqual([entries[0]?.id, entries[2]?.id])
    await expect(spool.drop(entries[1]?.id ?? "")).rejects.toBeInstanceOf(ObjectNotFound)
    await expect(spool.drop("../x")).rejects.toBeInstanceOf(InvalidArgument)
  })

  it("is bounded in number, in bytes, and for one item; nothing is dropped silently", async () => {
    const { directory } = await setUp()
    const few = new DmSpool({ directory, maxItems: 1 })
    await few.add(dataset("a"))
    await expect(few.add(dataset("b"))).rejects.toMatchObject({
      code: "SpoolFull",
      message: expect.stringContaining("dataset b of experiment tomo-2026-1 is not kept"),
    })
    await expect(new DmSpool({ directory, maxBytes: 200 }).add(dataset("b"))).rejects.toMatchObject({
      code: "SpoolFull",
    })
    await expect(new DmSpool({ directory, maxItemBytes: 50 }).add(dataset("b"))).rejects.toMatchObject({
      code: "InvalidArgument",
    })
    expect(await few.list()).toHaveLength(1)
  })

  it("says what it could not do, where and why, when its folder cannot be used", async () => {
    const { dm } = await setUp()
    const directory = join(await temporaryDirectory(), "spool")
    await writeFile(directory, "this is no folder")
    const spool = new DmSpool({ directory })
    const told = (what: string) => ({
      code: "SpoolFailed",
      message: expect.stringMatching(new RegExp(`^DM spool ${directory}: cannot ${what}: ENOTDIR`)),
      cause: expect.objectContaining({ code: "ENOTDIR" }),
    })
    await expect(spool.add(dataset("a"))).rejects.toMatchObject(told("read what waits"))
    await expect(spool.list()).rejects.toMatchObject(told("read what waits"))
    await expect(spool.drop("a")).rejects.toMatchObject(told("drop a"))
    await expect(spool.send(dm)).rejects.toMatchObject(told("read what waits"))
    const problems: DmError[] = []
    spool.sendSoon(dm, error => problems.push(error))
    await spool.settled()
    expect(problems).toMatchObject([told("read what waits")])
  })

  it("sends datasets, jobs and uploads, and forgets what DM has", async () => {
    const { spool, dm, sim, names } = await setUp()
    const dataDirectory = await temporaryDirectory()
    await writeFile(join(dataDirectory, "a.txt"), "x")
    await spool.add(dataset("a"))
    await spool.add(job("1"))
    await spool.add({ kind: "upload", experiment, dataDirectory, taskInfo: { experimentFilePath: "a.txt" } })
    const report = await spool.send(dm)
    expect(report.sent.map(entry => entry.what)).toEqual([
      `dataset a of experiment ${experiment}`,
      "job of workflow count-lines",
      `upload of a.txt of ${dataDirectory} to experiment ${experiment}`,
    ])
    expect(await spool.list()).toEqual([])
    expect([await names(), sim.control.jobs.length, (await dm.daq.listUploads()).length]).toEqual([
      ["a"],
      1,
      1,
    ])
  })

  it("keeps waiting what a service that is away cannot take, and does not hold up the other services", async () => {
    const { spool, dm, sim, names } = await setUp()
    await spool.add(dataset("a"))
    await spool.add(job("1"))
    await spool.add(dataset("b"))
    await sim.control.goAway("cat")
    const report = await spool.send(dm)
    expect([report.sent.length, report.waiting.length, report.refused.length]).toEqual([1, 2, 0])
    expect(report.waiting[1]?.lastError).toMatch(/connection refused/)
    // The service that is away was asked once, not once per item.
    await sim.control.comeBack("cat")
    expect((await spool.send(dm)).sent).toHaveLength(2)
    expect([await names(), sim.control.jobs.length]).toEqual([["a", "b"], 1])
  })

  it("sends nothing twice: a dataset that DM has is no error, a job that DM has is not started again", async () => {
    const { spool, dm, sim, names } = await setUp()
    await dm.cat.addExperimentDataset({ experimentName: experiment, datasetName: "a" })
    await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/dev/null", submission_tag: "1" })
    await spool.add(dataset("a"))
    await spool.add(job("1"))
    // The answer to a submission is lost on its way back.
    await spool.add(job("2"))
    await spool.add(dataset("b"))
    sim.control.fault({ kind: "dropAnswer", call: "startProcessingJob" })
    sim.control.fault({ kind: "dropAnswer", call: "addExperimentDataset" })
    const first = await spool.send(dm)
    expect(first.sent.map(entry => entry.what)).toEqual([
      "job of workflow count-lines",
      "job of workflow count-lines",
    ])
    expect((await spool.send(dm)).sent).toHaveLength(2)
    expect([await names(), sim.control.jobs.length]).toEqual([["a", "b"], 2])
  })

  it("keeps what DM refuses, with the reason, until it is dropped or DM takes it", async () => {
    const { spool, dm } = await setUp()
    await spool.add(dataset("a", "not-yet"))
    await spool.send(dm)
    const report = await spool.send(dm)
    expect(report.refused).toMatchObject([{ refused: 2, lastError: expect.stringMatching(/not-yet/) }])
    expect(await spool.list()).toEqual(report.refused.map(entry => ({ ...entry, bytes: expect.any(Number) })))
    await dm.ds.addExperiment({ name: "not-yet", typeName: "TEST" })
    expect((await spool.send(dm)).sent).toHaveLength(1)
  })

  it("survives a damaged file and what a crash left behind", async () => {
    const { spool, dm, directory } = await setUp()
    await spool.add(dataset("a"))
    await writeFile(join(directory, "000000000000001-000001-damaged.json"), '{"version": 1, "ti')
    await writeFile(join(directory, "000000000000002-000001-x.json.12345678.tmp"), "half")
    const report = await spool.send(dm)
    expect(report.sent).toHaveLength(1)
    expect(report.refused).toMatchObject([
      { id: "000000000000001-000001-damaged", lastError: expect.stringMatching(/^not readable: /) },
    ])
    await spool.drop("000000000000001-000001-damaged")
    expect(await spool.list()).toEqual([])
  })

  it("is sent by one program at a time; the lock of a dead one does not count", async () => {
    const { spool, dm, directory, names } = await setUp()
    await spool.add(dataset("a"))
    const lock = join(directory, "lock")
    await writeFile(lock, JSON.stringify({ host: "elsewhere", pid: 1 }))
    expect(await spool.send(dm)).toMatchObject({ busy: true, sent: [] })
    await writeFile(lock, JSON.stringify({ ...(await ownerHere()), pid: nobody }))
    expect(await spool.send(dm)).toMatchObject({ busy: false, sent: [{}] })
    expect([await names(), await readdir(directory)]).toEqual([["a"], []])
  })

  it("has one sender even when several find the same dead one's lock, and a lock that was lost is left alone", async () => {
    const path = join(await temporaryDirectory(), "lock")
    for (let round = 0; round < 30; round += 1) {
      await writeFile(path, JSON.stringify({ ...(await ownerHere()), pid: nobody }))
      const taken = await Promise.all(Array.from({ length: 6 }, () => takeLock(path)))
      const held = taken.filter(lock => lock !== null)
      expect(held.length).toBeLessThanOrEqual(1)
      for (const lock of held) await lock[Symbol.asyncDispose]()
    }
    const lock = await takeLock(path)
    expect(await lock?.renew()).toBe(true)
    const other = JSON.stringify({ host: "elsewhere", pid: 1 })
    await writeFile(path, other)
    expect(await lock?.renew()).toBe(false)
    await lock?.[Symbol.asyncDispose]()
    expect(await readFile(path, "utf8")).toBe(other)
  })

  it.runIf(process.platform === "linux").each<[string, Partial<Owner>, number, boolean]>([
    ["this process", {}, 1e9, false],
    ["a process that is gone", { pid: nobody }, 0, true],
    ["an earlier process of the same number, as after a restart of a container", { start: "1" }, 0, true],
    ["a process of which nothing is known but its number", { start: null }, 59, false],
    ["the same, when it is silent", { start: null }, 61, true],
    [
      "a process of the same number in another container, or in this one before its restart",
      { namespace: "pid:[1]" },
      59,
      false,
    ],
    ["the same, when it is silent", { namespace: "pid:[1]" }, 61, true],
    [
      "a process of another container, whose number nobody has here",
      { namespace: "pid:[1]", pid: nobody },
      59,
      false,
    ],
    ["a process from before this machine was started", { boot: "before", pid: nobody }, 59, false],
    ["the same, when it is silent", { boot: "before" }, 61, true],
    [
      "a process of another machine, whose clock may be wrong",
      { boot: "x", host: "y", pid: nobody },
      599,
      false,
    ],
    ["the same, when it is silent for long", { boot: "x", host: "y" }, 601, true],
  ])("a lock of %s (%j), silent for %d s, is left behind: %s", async (_, holder, silent, left) => {
    const here = await ownerHere()
    expect(await isOver({ ...here, ...holder }, here, silent)).toBe(left)
  })

  it("a lock of a system that tells nothing of its processes is judged by the process' number and by its silence", async () => {
    const here: Owner = { host: "mac", pid: process.pid, boot: null, namespace: null, start: null }
    const judge = (holder: Owner, silent: number) => isOver(holder, here, silent)
    expect(await judge({ ...here, pid: nobody }, 0)).toBe(true)
    expect([await judge(here, 59), await judge(here, 61)]).toEqual([false, true])
    expect([await judge({ ...here, host: "pc" }, 599), await judge({ ...here, host: "pc" }, 601)]).toEqual([
      false,
      true,
    ])
    for (const text of ["", "null", "{", '{"host":"mac","pid":-1}']) expect(ownerIn(text)).toBeNull()
    expect([await isOver(null, here, 599), await isOver(null, here, 601)]).toEqual([false, true])
  })

  it.runIf(process.platform === "linux")(
    "a process that nobody waited for when it ended holds no lock",
    async () => {
      // The second command does not wait for the first: that stays as a zombie.
      const child = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      onTestFinished(() => void child.kill("SIGKILL"))
      const [text] = await once(child.stdout, "data")
      const pid = Number(text)
      const start = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[19] ?? ""
      const here = await ownerHere()
      expect(await isOver({ ...here, pid, start }, here, 1e9)).toBe(false)
      process.kill(pid, "SIGKILL")
      await expect.poll(() => isOver({ ...here, pid, start }, here, 0)).toBe(true)
      expect(process.kill(pid, 0)).toBe(true)
    },
  )

  it("shows again and again that its holder lives, and a lock that was taken away is not kept alive", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
    onTestFinished(() => void vi.useRealTimers())
    const path = join(await temporaryDirectory(), "lock")
    const age = async () => (Date.now() - (await stat(path)).mtimeMs) / 1000
    const long = new Date(Date.now() - 3_600_000)
    await using lock = await takeLock(path)
    expect(await age()).toBeLessThan(2)
    await utimes(path, long, long)
    vi.advanceTimersByTime(5000)
    await expect.poll(age).toBeLessThan(10)
    await writeFile(path, JSON.stringify({ host: "elsewhere", pid: 1 }))
    await utimes(path, long, long)
    expect([await lock?.renew(), (await age()) > 3000]).toEqual([false, true])
  })

  it("loses nothing and sends nothing twice when a process is killed while it sends", async () => {
    const { spool, dm, sim, directory, names } = await setUp()
    await spool.add(job("1"))
    await spool.add(dataset("a"))
    sim.control.fault({ kind: "delay", seconds: 60, call: "addExperimentDataset" })
    const script = fileURLToPath(new URL("./support/send-spool.ts", import.meta.url))
    const args = ["--import", "tsx", "--conditions=@ophyd-ts/source", script, directory]
    const env = { ...process.env, ...sim.environment() }
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
    onTestFinished(() => void child.kill("SIGKILL"))
    // The job is sent, the dataset is under way.
    await expect.poll(async () => (await spool.list()).length, { timeout: 30_000 }).toBe(1)
    expect(await spool.send(dm)).toMatchObject({ busy: true })
    child.kill("SIGKILL")
    await once(child, "exit")
    sim.control.clearFaults()
    expect(await spool.send(dm)).toMatchObject({ busy: false, sent: [{ item: { kind: "dataset" } }] })
    expect([await names(), sim.control.jobs.length, await readdir(directory)]).toEqual([["a"], 1, []])
  }, 60_000)

  it("joins those who send at the same time", async () => {
    const { spool, dm, sim } = await setUp()
    await spool.add(dataset("a"))
    const [one, two] = await Promise.all([spool.send(dm), spool.send(dm)])
    expect([one === two, sim.control.count("addExperimentDataset")]).toEqual([true, 1])
  })

  it("is emptied in the background once DM is back", async () => {
    const { spool, dm, sim, names } = await setUp()
    await sim.control.goAway()
    await spool.add(dataset("a"))
    const sizes: number[][] = []
    const onReport = ({ sent, waiting }: { sent: readonly unknown[]; waiting: readonly unknown[] }) =>
      sizes.push([sent.length, waiting.length])
    await using sender = keepSending(spool, dm, { period: 0.02, longestPause: 0.05, onReport })
    await expect.poll(() => sizes.length).toBeGreaterThan(1)
    await sim.control.comeBack()
    await expect.poll(async () => (await spool.list()).length).toBe(0)
    expect(await names()).toEqual(["a"])
    await sender.stop()
    expect([sizes[0], sizes.at(-1)]).toEqual([
      [0, 1],
      [1, 0],
    ])
  })
})

describe("when DM is away", () => {
  const outcome = async (
    options: Parameters<typeof shareRunMetadata>[1],
    s: Awaited<ReturnType<typeof setUp>>,
  ) => {
    const plan = function* (): Plan<unknown> {
      const run = yield* smallRun(new RunDocuments())
      return yield* shareRunMetadata(s.dm, { ...options, run })
    }
    return await s.RE.run(plan()).then(
      ({ value }) => value,
      error => error,
    )
  }
  const options = { experiment, workflow: "w", run: null as never }

  it("a plan fails, goes on with a warning, or leaves its work to the spool, as was decided for it", async () => {
    const service = await setUp()
    const { sim, spool, dm, names } = service
    await sim.control.goAway()
    const problems: string[] = []
    const onProblem = (error: DmError) => problems.push(error.code)
    expect(await outcome({ ...options, whenAway: "fail" }, service)).toBeInstanceOf(CommunicationError)
    expect(await outcome({ ...options, whenAway: "warn", onProblem }, service)).toBeNull()
    expect([problems, await spool.list()]).toEqual([["CommunicationError"], []])
    expect(await outcome({ ...options, whenAway: "spool", spool }, service)).toBeNull()
    await spool.settled()
    expect(await spool.list()).toMatchObject([{ what: expect.stringMatching(/^dataset run_uid8_/) }])
    await sim.control.comeBack()
    await spool.send(dm)
    expect(await names()).toEqual([expect.stringMatching(/^run_uid8_/)])
    const noSpool = await outcome({ ...options, whenAway: "spool" }, service)
    expect(noSpool).toMatchObject({ code: "InvalidRequest" })
  })

  it("a plan that spools does not wait for DM at all, also when DM is only slow", async () => {
    const service = await setUp()
    const { sim, spool, names } = service
    sim.control.fault({ kind: "delay", seconds: 2, call: "addExperimentDataset" })
    const began = performance.now()
    await outcome({ ...options, whenAway: "spool", spool }, service)
    expect(performance.now() - began).toBeLessThan(1500)
    expect(await spool.list()).toHaveLength(1)
    await spool.settled()
    expect([await names(), await spool.list()]).toEqual([[expect.any(String)], []])
  })

  it("a full spool is the plan's error, or a note", async () => {
    const service = await setUp({ maxItems: 0 })
    const { spool } = service
    const problems: string[] = []
    const onProblem = (error: DmError) => problems.push(error.code)
    const spooled = { ...options, whenAway: "spool" as const, spool }
    expect(await outcome(spooled, service)).toMatchObject({ code: "SpoolFull" })
    expect(await outcome({ ...spooled, onProblem }, service)).toBeNull()
    expect(problems).toEqual(["SpoolFull"])
  })

  it("any part of a plan may be left out or kept; wrong requests are errors in any case", async () => {
    const { RE, spool } = await setUp()
    function* failing(error: Error): Plan<number> {
      yield* bps.null()
      throw error
    }
    const away = new CommunicationError("gone")
    const wrong = new ObjectNotFound("no such experiment")
    const item = () => dataset("later")
    const run = async (error: Error, options: Parameters<typeof unlessAway>[1]) =>
      await RE.run(unlessAway(failing(error), options)).then(
        ({ value }) => value,
        thrown => thrown,
      )
    expect(await run(away, {})).toBe(away)
    expect(await run(away, { whenAway: "warn" })).toBeNull()
    expect(await run(wrong, { whenAway: "warn" })).toBe(wrong)
    expect(await run(away, { whenAway: "spool", spool })).toBeNull()
    expect(await spool.list()).toHaveLength(0)
    expect(await run(away, { whenAway: "spool", spool, item })).toBeNull()
    expect(await spool.list()).toHaveLength(1)
  })

  it("an upload is kept and started later", async () => {
    const { RE, spool, dm, sim } = await setUp()
    const dataDirectory = await temporaryDirectory()
    await writeFile(join(dataDirectory, "a.txt"), "x")
    const upload = {
      experiment,
      dataDirectory,
      file: "a.txt",
      destDirectory: "later",
      mode: "files" as const,
    }
    await sim.control.goAway()
    const item = () => uploadItem(upload)
    const { value } = await RE.run(unlessAway(uploadToDm(dm, upload), { whenAway: "spool", spool, item }))
    expect(value).toBeNull()
    await sim.control.comeBack()
    expect((await spool.send(dm)).sent).toHaveLength(1)
    await expect
      .poll(() => dm.cat.getExperimentFiles(experiment))
      .toMatchObject([{ experimentFilePath: "later/a.txt" }])
  })

  it.each([
    ["a connection that is refused", new CommunicationError("x"), true],
    ["a failure behind another", new Error("x", { cause: new CommunicationError("y") }), true],
    ["a session that is refused after a new login", new InvalidSession("x"), true],
    ["a wrong password", new AuthenticationError("x"), false],
    ["trouble with DM's database", new DmError("DbError", "x"), true],
    ["a missing object", new ObjectNotFound("x"), false],
    ["something else", new Error("x"), false],
    ["no error", null, false],
  ])("%s is told apart", (_, error, away) => {
    expect(isAway(error)).toBe(away)
  })
})

describe("what is on the disk", () => {
  it("is whole at every moment: nobody sees a part of an item", async () => {
    const { spool, directory } = await setUp()
    let adding = true
    const looks: number[] = []
    const look = async () => {
      while (adding) {
        for (const name of await readdir(directory).catch(() => [])) {
          if (name.endsWith(".json")) JSON.parse(await readFile(join(directory, name), "utf8"))
        }
        looks.push(1)
      }
    }
    const looking = look()
    await Promise.all(Array.from({ length: 30 }, (_, i) => spool.add(dataset(`${i}${"x".repeat(5000)}`))))
    adding = false
    await looking
    expect([looks.length > 0, (await spool.list()).length]).toEqual([true, 30])
  })
})
