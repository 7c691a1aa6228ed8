import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { InvalidArgument, ObjectAlreadyExists, ObjectNotFound, stageOrder } from "@ophyd-ts/aps-dm"
import { describe, expect, it } from "vitest"
import type { CommandRule, DmServiceOptions } from "../../src/dm/index.ts"
import { startSim } from "./support.ts"

const owner = "s255user"
type Stages = Record<string, Record<string, unknown>>

/** A service with the workflow `w` of these stages, and a way to run it to its end. */
async function startWith(
  stages: Stages,
  commands: CommandRule[] = [],
  options: Partial<DmServiceOptions> = {},
) {
  const sim = await startSim({ workflows: [{ name: "w", stages }], commands, ...options })
  const start = (args: Record<string, unknown> = { filePath: "/dev/null" }) =>
    sim.client.proc.startProcessingJob(owner, "w", args)
  const get = (id: string) => sim.client.proc.getProcessingJobById(owner, id)
  const run = async (args?: Record<string, unknown>) => {
    const { id } = await start(args)
    await sim.clock.advance(60)
    return get(id)
  }
  return { ...sim, start, get, run }
}

const commandsOf = (job: Awaited<ReturnType<Awaited<ReturnType<typeof startWith>>["get"]>>) =>
  stageOrder(job.workflow).flatMap(stage =>
    Object.values(job.workflow?.stages?.[stage]?.childProcesses ?? {}).map(child =>
      String(child.command).replace("/usr/bin/sudo -u s255user -- ", ""),
    ),
  )

describe("a processing job", () => {
  it("is pending, runs its stages in sorted order, is finalized and done", async () => {
    const { clock, start, get } = await startWith(
      {
        "02-COUNT": { command: "/usr/bin/wc -l $filePath", outputVariableRegexList: ["(?P<nLines>\\d+)"] },
        "01-START": { command: "/bin/date +%s", outputVariableRegexList: ["(?P<t0>\\d+)"] },
        "03-NOTE": { command: "/bin/echo $id $nLines $flag" },
      },
      [{ command: "*/wc -l *", play: { stdOut: "12 lines\n", seconds: 10 } }],
      { timing: { pending: 5, finalizing: 5, command: 0 } },
    )
    const submitted = await start({ filePath: "/data/a.txt", flag: true })
    expect(submitted).toMatchObject({
      status: "pending",
      owner,
      countFiles: 0,
      filePath: "/data/a.txt",
      flag: true,
      submissionTime: 1_780_000_000,
      submissionTimestamp: "2026/05/28 15:26:40 CDT",
      workflow: { name: "w", owner, userAccount: owner, version: 1 },
    })
    expect(submitted).not.toHaveProperty("stage")
    expect(submitted).not.toHaveProperty("startTime")
    await clock.advance(4)
    expect((await get(submitted.id)).status).toBe("pending")
    await clock.advance(2)
    const running = await get(submitted.id)
    expect(running).toMatchObject({
      status: "running",
      stage: "02-COUNT",
      countFiles: 1,
      startTime: 1_780_000_005,
    })
    expect(running).not.toHaveProperty("runTime")
    expect(running["t0"]).toBe("1780000005")
    expect(running.workflow?.stages?.["01-START"]).toMatchObject({
      nQueuedChildProcesses: 0,
      nRunningChildProcesses: 0,
      nCompletedChildProcesses: 1,
    })
    const active = running.workflow?.stages?.["02-COUNT"]
    expect(active).toMatchObject({ nQueuedChildProcesses: 0, nRunningChildProcesses: 1 })
    expect(active).not.toHaveProperty("nCompletedChildProcesses")
    const child = active?.childProcesses?.["1"]
    expect(child).toMatchObject({
      childProcessNumber: 1,
      stageId: "02-COUNT",
      command: "/usr/bin/sudo -u s255user -- /usr/bin/wc -l /data/a.txt",
      status: "running",
      userAccount: owner,
    })
    for (const key of ["exitStatus", "stdOut", "stdErr", "endTime"]) expect(child).not.toHaveProperty(key)
    expect(running.workflow?.stages?.["03-NOTE"]).toEqual({ command: "/bin/echo $id $nLines $flag" })
    await clock.advance(10)
    expect((await get(submitted.id)).status).toBe("finalizing")
    await clock.advance(5)
    const done = await get(submitted.id)
    expect(done).toMatchObject({
      status: "done",
      stage: "03-NOTE",
      endTime: 1_780_000_020,
      runTime: 15,
      nLines: "12",
    })
    expect(commandsOf(done).at(-1)).toBe(`/bin/echo ${submitted.id} 12 True`)
    expect(done.workflow?.stages?.["02-COUNT"]?.childProcesses?.["1"]).toMatchObject({
      status: "done",
      exitStatus: 0,
      stdOut: "12 lines\n",
      stdErr: "",
      runTime: 10,
    })
  })

  it("fails at once without an input file, and keeps no stage", async () => {
    const { clock, start, get } = await startWith({ "01": { command: "/bin/true" } })
    for (const args of [{}, { filePath: "" }, { other: "x" }]) {
      const { id, status } = await start(args)
      expect(status).toBe("pending")
      await clock.advance(0.002)
      const job = await get(id)
      expect(job).toMatchObject({
        status: "failed",
        errorMessage: "Invalid input file specification.",
        countFiles: 0,
      })
      expect(job).not.toHaveProperty("stage")
    }
  })

  it("fails at the stage whose command fails; later stages keep only their definition", async () => {
    const { run } = await startWith(
      { "01": { command: "/bin/true" }, "02": { command: "analyze" }, "03": { command: "/bin/true" } },
      [{ workflow: "w", stage: "02", play: { exitStatus: 3, stdErr: "no peak\n", stdOut: "part" } }],
    )
    const job = await run()
    expect(job).toMatchObject({ status: "failed", stage: "02" })
    expect(job).not.toHaveProperty("errorMessage")
    expect(job.workflow?.stages?.["02"]).toMatchObject({
      nFailedChildProcesses: 1,
      nQueuedChildProcesses: 0,
      nRunningChildProcesses: 0,
      childProcesses: { "1": { status: "failed", exitStatus: 3, stdErr: "no peak\n", stdOut: "part" } },
    })
    expect(job.workflow?.stages?.["02"]).not.toHaveProperty("nCompletedChildProcesses")
    expect(job.workflow?.stages?.["03"]).toEqual({ command: "/bin/true" })
  })

  it("never runs a shell: a command that nothing plays is not found", async () => {
    const { run } = await startWith({ "01": { command: "touch /tmp/should-not-exist; id" } })
    const job = await run()
    expect(job.workflow?.stages?.["01"]?.childProcesses?.["0"]).toMatchObject({
      exitStatus: 127,
      stdErr: expect.stringContaining("touch: command not found"),
    })
  })

  it("skips a stage whose runIf is false", async () => {
    const { run } = await startWith({
      "01": { command: "/bin/echo x", outputVariableRegexList: ["(?P<kind>\\w)"] },
      "02": { command: "/bin/false", runIf: '"$kind" != "x" and "$kind" in ["y"]' },
      "03": { command: "/bin/echo end", runIf: '"$kind" == "x"' },
    })
    const job = await run()
    expect(job.status).toBe("done")
    expect(job.workflow?.stages?.["02"]).toMatchObject({ status: "skipped" })
    expect(job.workflow?.stages?.["02"]).not.toHaveProperty("childProcesses")
    expect(commandsOf(job)).toEqual(["/bin/echo x", "/bin/echo end"])
  })

  it.each(["$undefined == 1", "__import__('os')", "1 <"])(
    "fails with a message when runIf is %s and cannot be understood",
    async runIf => {
      const { run } = await startWith({ "01": { command: "/bin/true", runIf } })
      const job = await run()
      expect(job).toMatchObject({ status: "failed", stage: "01" })
      expect(job.errorMessage).toMatch(/^stage 01: expression /)
    },
  )

  it("parses a condition after substitution, so quotes in a value change it, but nothing is executed", async () => {
    const { run } = await startWith({ "01": { command: "/bin/false", runIf: '"$text" == "b"' } })
    expect((await run({ filePath: "f", text: 'x" or "' })).status).toBe("failed")
    expect((await run({ filePath: "f", text: "a" })).status).toBe("done")
  })

  it("repeats a stage until its condition holds, with new children", async () => {
    const { run } = await startWith(
      {
        "01": {
          command: "ask",
          outputVariableRegexList: ["state=(?P<state>\\w+)"],
          repeatPeriod: 2,
          repeatUntil: '"$state" == "ready"',
          maxRepeats: 5,
        },
        "02": { command: "/bin/echo $state" },
      },
      [{ stage: "01", play: ({ repeat }) => ({ stdOut: `state=${repeat < 3 ? "busy" : "ready"}` }) }],
    )
    const job = await run()
    expect(job).toMatchObject({ status: "done", state: "ready" })
    expect(Object.keys(job.workflow?.stages?.["01"]?.childProcesses ?? {})).toEqual(["0", "1", "2", "3"])
    expect(Object.keys(job.workflow?.stages?.["02"]?.childProcesses ?? {})).toEqual(["4"])
    expect(job.runTime).toBeGreaterThan(6)
  })

  it("fails when it runs out of repeats", async () => {
    const { run } = await startWith({
      "01": { command: "/bin/true", repeatPeriod: 1, repeatUntil: '"a" == "b"', maxRepeats: 2 },
    })
    const job = await run()
    expect(job).toMatchObject({ status: "failed", stage: "01" })
    expect(job.errorMessage).toBe('stage 01: still not "a" == "b" after 2 repeats')
    expect(job.workflow?.stages?.["01"]?.nCompletedChildProcesses).toBe(3)
  })

  it("has one child per file, one after the other or several at once", async () => {
    const slow: CommandRule = { command: "work *", play: { seconds: 10 } }
    const { clock, start, get } = await startWith(
      { "01": { command: "work $filePath" }, "02": { command: "work $filePath", parallelExec: true } },
      [slow],
      { parallelChildren: 2, timing: { pending: 0, finalizing: 0 } },
    )
    const { id } = await start({ filePathList: ["a", "b", "c"] })
    await clock.advance(5)
    const serial = await get(id)
    expect(serial.countFiles).toBe(3)
    expect(serial.workflow?.stages?.["01"]).toMatchObject({
      nQueuedChildProcesses: 2,
      nRunningChildProcesses: 1,
    })
    await clock.advance(30)
    const parallel = await get(id)
    expect(parallel.workflow?.stages?.["02"]).toMatchObject({
      nQueuedChildProcesses: 1,
      nRunningChildProcesses: 2,
    })
    await clock.advance(20)
    const done = await get(id)
    expect(done.status).toBe("done")
    expect(done.runTime).toBeCloseTo(50)
    expect(commandsOf(done)).toEqual(["a", "b", "c", "a", "b", "c"].map(file => `work ${file}`))
  })

  it("fails when one of several children fails, and leaves the rest queued", async () => {
    const { run } = await startWith(
      { "01": { command: "work $filePath", parallelExec: true } },
      [
        { command: "work b", play: { exitStatus: 1, seconds: 1 } },
        { command: "work *", play: { seconds: 5 } },
      ],
      { parallelChildren: 2 },
    )
    const job = await run({ filePathList: "a, b, c, d" })
    expect(job.status).toBe("failed")
    expect(job.workflow?.stages?.["01"]).toMatchObject({
      nQueuedChildProcesses: 2,
      nRunningChildProcesses: 0,
      nCompletedChildProcesses: 1,
      nFailedChildProcesses: 1,
    })
  })

  it("may be played by TypeScript functions that read the input and store results in the experiment", async () => {
    const { dm, client, run } = await startWith({ "01": { command: "sum $filePath" } }, [
      {
        stage: "01",
        play: async context => {
          const numbers = (await readFile(await context.inputFile(), "utf8")).split(" ").map(Number)
          const sum = numbers.reduce((a, b) => a + b, 0)
          await context.store(`sums/${context.jobId}.txt`, String(sum))
          return { stdOut: `sum=${sum}` }
        },
      },
    ])
    const { dataDirectory, analysisDirectory } = dm.experiments.byName("tomo-2026-1")
    await writeFile(join(String(dataDirectory), "in.txt"), "1 2 3")
    const job = await run({ filePath: "in.txt", experimentName: "tomo-2026-1" })
    expect(job.status).toBe("done")
    expect(await readFile(join(String(analysisDirectory), "sums", `${job.id}.txt`), "utf8")).toBe("6")
    expect(await client.cat.getExperimentFile("tomo-2026-1", `sums/${job.id}.txt`)).toMatchObject({
      fileSize: 1,
    })
    const lost = await run({ filePath: "none.txt", experiment: "tomo-2026-1" })
    const child = lost.workflow?.stages?.["01"]?.childProcesses?.["0"]
    expect(child).toMatchObject({
      exitStatus: 1,
      stdErr: "file none.txt of experiment tomo-2026-1 does not exist\n",
    })
    expect((await run({ filePath: "x" })).status).toBe("failed")
  })

  it("shows outputs of a running child as null where that is asked for", async () => {
    const options = { runningChildOutputs: "null" as const }
    const { dm, clock, start } = await startWith({ "01": { command: "sleep 10" } }, [], options)
    await start()
    await clock.advance(1)
    expect(dm.control.jobs[0]).toHaveProperty(
      ["workflow", "stages", "01", "childProcesses", "0", "exitStatus"],
      null,
    )
    await clock.advance(20)
    expect(dm.control.jobs[0]).toHaveProperty(
      ["workflow", "stages", "01", "childProcesses", "0", "exitStatus"],
      0,
    )
  })

  it("belongs to its submitter, or to whom workflowJobOwner names", async () => {
    const { client, start } = await startWith({ "01": { command: "/bin/true" } })
    const { id } = await start({ filePath: "f", workflowJobOwner: "boss" })
    expect(await client.proc.getProcessingJobById("boss", id)).toMatchObject({ owner: "boss" })
    await expect(client.proc.getProcessingJobById(owner, id)).rejects.toThrow(ObjectNotFound)
  })

  it("is refused for an unknown workflow, and for arguments with the names of a job's keys", async () => {
    const { client, start } = await startWith({ "01": { command: "/bin/true" } })
    await expect(client.proc.startProcessingJob(owner, "none", { filePath: "f" })).rejects.toThrow(
      ObjectNotFound,
    )
    for (const key of ["status", "id", "workflow", "stage"]) {
      await expect(start({ filePath: "f", [key]: "x" })).rejects.toThrow(InvalidArgument)
    }
  })

  it("is listed newest first, by keys, query, skip and limit", async () => {
    const { client, clock, start } = await startWith({ "01": { command: "/bin/true" } })
    const ids = []
    for (const n of [0, 1, 2]) ids.push((await start({ filePath: `${n}`, n })).id)
    await clock.advance(10)
    const list = (options: object) => client.proc.listProcessingJobs(owner, options)
    expect((await list({})).map(job => job.id)).toEqual(ids.toReversed())
    expect(Object.keys((await list({}))[0] ?? {})).not.toContain("workflow")
    expect((await list({ keyList: "ALL", queryDict: { n: 1 } }))[0]).toMatchObject({
      n: 1,
      workflow: { name: "w" },
    })
    expect(await list({ keyList: ["n"], skip: 1, limit: 1 })).toEqual([{ n: 1 }])
    await expect(list({ keyList: "SOME" })).rejects.toThrow(InvalidArgument)
  })

  it("fails with a message when an output pattern does not end, also in parallel children", async () => {
    const patterns = { outputVariableRegexList: ["(?P<t>(a+)+)b"] }
    const play: CommandRule = { play: { stdOut: "a".repeat(50) } }
    for (const parallelExec of [false, true]) {
      const { run } = await startWith({ "01": { command: "out", ...patterns, parallelExec } }, [play])
      expect((await run()).errorMessage).toMatch(/^stage 01: pattern .* took longer/)
    }
  })
})

describe("workflows", () => {
  const document = { name: "one", owner, description: "first", stages: { "01": { command: "/bin/true" } } }

  it("are added, listed, fetched, updated as a whole, and deleted", async () => {
    const { client } = await startSim()
    const added = await client.proc.addWorkflow(document)
    expect(added).toMatchObject({
      ...document,
      version: 1,
      userAccount: owner,
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
    })
    await expect(client.proc.addWorkflow(document)).rejects.toThrow(ObjectAlreadyExists)
    expect(await client.proc.listWorkflows(owner)).toEqual([added])
    expect(await client.proc.listWorkflows("other")).toEqual([])
    const updated = await client.proc.updateWorkflow({ ...document, description: "second" })
    expect(updated).toMatchObject({ id: added.id, version: 2, description: "second" })
    expect(await client.proc.getWorkflowByName(owner, "one")).toEqual(updated)
    expect(await client.proc.getWorkflowById(owner, String(added.id))).toEqual(updated)
    expect(await client.proc.upsertWorkflow({ ...document, name: "two" })).toMatchObject({ version: 1 })
    expect(await client.proc.upsertWorkflow({ ...document, name: "two" })).toMatchObject({ version: 2 })
    await client.proc.deleteWorkflowByName(owner, "one")
    await expect(client.proc.getWorkflowByName(owner, "one")).rejects.toThrow(ObjectNotFound)
    await expect(client.proc.updateWorkflow(document)).rejects.toThrow(ObjectNotFound)
  })

  it("do not change a job that runs already", async () => {
    const { client } = await startSim({ workflows: [document] })
    const { id } = await client.proc.startProcessingJob(owner, "one", { filePath: "f" })
    await client.proc.updateWorkflow({ ...document, description: "second" })
    expect(await client.proc.getProcessingJobById(owner, id)).toMatchObject({
      workflow: { description: "first" },
    })
  })

  it.each([
    ["no name", { name: "" }, '"name"'],
    ["no stages", { stages: {} }, "at least one stage"],
    ["stages as a list", { stages: [] }, "at least one stage"],
    ["a stage without command", { stages: { "01": {} } }, 'stage 01: "command"'],
    [
      "a pattern that is none",
      { stages: { "01": { command: "x", outputVariableRegexList: ["("] } } },
      "stage 01: pattern",
    ],
    [
      "an output variable named status",
      { stages: { "01": { command: "x", outputVariableRegexList: ["(?P<status>x)"] } } },
      "status",
    ],
    ["repeats without an end", { stages: { "01": { command: "x", repeatUntil: "1 == 2" } } }, "maxRepeats"],
    ["a negative period", { stages: { "01": { command: "x", repeatPeriod: -1 } } }, "not negative"],
  ])("with %s are refused", async (_, change, message) => {
    const { dm } = await startSim()
    expect(() => dm.workflows.add({ ...document, ...change })).toThrow(message)
  })
})
