import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import {
  checkAgainstWorkflow,
  DM_WorkflowConnector,
  type DmError,
  DmSpool,
  type DmWorkflow,
  dmErrorBehind,
  dmListWorkflows,
  requiredArguments,
  runDmWorkflow,
} from "../src/index.ts"
import { owner, second, setUp, temporaryDirectory } from "./support/service.ts"

const commands = (...texts: string[]): DmWorkflow => ({
  name: "w",
  stages: Object.fromEntries(texts.map((command, i) => [`${i + 1}`, { command }])),
})

describe("what a workflow needs", () => {
  it.each<[string, DmWorkflow, string[]]>([
    [
      "variables of commands",
      commands("/bin/wc -l $filePath", `echo $${"{gain}"} $filePath`),
      ["filePath", "gain"],
    ],
    ["nothing that a job has itself", commands("echo $id $owner $status"), []],
    ["no variables of the shell", commands("echo $HOME $USER \\$5 $$ $1 $(date) \\$notThis"), []],
    ["no variable that the command sets", commands("n=3; for f in a b; do echo $f $n; done"), []],
    [
      "no output of an earlier stage, but one of a later stage",
      {
        name: "w",
        stages: {
          "02": { command: "echo $early $late" },
          "01": { command: "date", outputVariableRegexList: ["(?P<early>\\d+)"] },
          "03": { command: "date", outputVariableRegexList: ["(?P<late>\\d+)"] },
        },
      },
      ["late"],
    ],
    [
      "variables of conditions and directories",
      { name: "w", stages: { "01": { command: "x", runIf: '"$mode" == "fast"', workingDir: "$where" } } },
      ["where", "mode"],
    ],
    ["nothing when it has no stages", { name: "w" }, []],
  ])("is found in its stages: %s", (_, workflow, names) => {
    expect(requiredArguments(workflow)).toEqual(names)
  })

  it("is held against the arguments, with every reason at once", () => {
    const workflow = {
      ...commands("echo $filePath"),
      arguments: { gain: { required: true }, mode: { choices: ["fast", "slow"] }, odd: 3 },
    } as DmWorkflow
    expect(() => checkAgainstWorkflow(workflow, { filePath: "/a", gain: 1, mode: "fast" })).not.toThrow()
    expect(() => checkAgainstWorkflow(workflow, { filePath: "", mode: "medium" })).toThrow(
      'arguments of workflow w: missing: filePath, gain; "mode" is medium, which is none of fast, slow',
    )
    expect(() =>
      checkAgainstWorkflow({ ...workflow, arguments: "odd" } as DmWorkflow, { filePath: 1 }),
    ).not.toThrow()
  })

  it("is asked for before each start: a job that would fail is not submitted", async () => {
    const { connect, RE, sim } = await setUp()
    const connector = connect({ workflowArgs: {} })
    await expect(RE.run(connector.runAsPlan())).rejects.toThrow(
      /workflow count-lines: refused .*arguments of workflow count-lines: missing: filePath/,
    )
    await expect(RE.run(connector.runAsPlan({ workflow: "no-such" }))).rejects.toThrow(/refused .*no-such/)
    expect(sim.control.count("startProcessingJob")).toBe(0)
    const unchecked = connect({ name: "unchecked", workflowArgs: {}, checkWorkflow: false })
    await expect(RE.run(unchecked.runAsPlan())).rejects.toMatchObject({ outcome: "failed" })
    expect(sim.control.count("startProcessingJob")).toBe(1)
  })

  it("is listed for the account, and for others", async () => {
    const { dm } = await setUp()
    expect(await dmListWorkflows(dm)).toMatchObject([{ name: "count-lines" }])
    expect(await dmListWorkflows(dm, "nobody")).toEqual([])
  })
})

describe("a second job of the same workflow", () => {
  const slow = { timing: { pending: 0.02, finalizing: 0.02, command: 0.1 } }
  const times = (jobs: readonly Record<string, unknown>[]) =>
    jobs
      .map(job => [Number(job["submissionTime"]), Number(job["endTime"])] as const)
      .sort(([a], [b]) => a - b)

  it("runs beside the first one unless told otherwise", async () => {
    const { connect, sim } = await setUp(slow)
    const [a, b] = [connect({ name: "a" }), connect({ name: "b" })]
    await Promise.all([a.startWorkflow(), b.startWorkflow()])
    const [one, two] = times(sim.control.jobs)
    expect(two?.[0]).toBeLessThan(one?.[1] ?? 0)
  })

  it("waits for it when it is to queue, whoever started the first one; jobs of a queue go one by one", async () => {
    const { connect, sim, dm } = await setUp(slow)
    await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/other" })
    const reports: string[] = []
    const queued = ["a", "b", "c"].map(name =>
      connect({ name, policy: "queue", write: text => reports.push(text) }),
    )
    const statuses = queued.map(connector => connector.startWorkflow())
    await expect.poll(() => queued[0]?.status.get()).toBe("queued")
    await Promise.all(statuses)
    const all = times(sim.control.jobs)
    expect(all).toHaveLength(4)
    for (const [i, [, end]] of all.entries())
      expect(all[i + 1]?.[0] ?? Number.POSITIVE_INFINITY).toBeGreaterThan(end)
    expect(reports[0]).toMatch(/^a: workflow count-lines waits for the end of job [0-9a-f]{8}$/)
  })

  it("is refused when it is to be rejected, and says which job is in its way", async () => {
    const { connect, sim, RE, dm } = await setUp(slow)
    const first = await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/other" })
    await expect(RE.run(connect().runAsPlan({ policy: "reject" }))).rejects.toThrow(
      new RegExp(`refused .* job ${first.id} of it is (pending|running), and its policy is reject`),
    )
    expect(sim.control.jobs).toHaveLength(1)
    await expect.poll(async () => (await dm.proc.getProcessingJobById(owner, first.id)).status).toBe("done")
    expect((await RE.run(connect({ name: "later" }).runAsPlan({ policy: "reject" }))).value?.status).toBe(
      "done",
    )
  })

  it("does not care about jobs of other workflows", async () => {
    const { connect, RE, dm } = await setUp()
    await dm.proc.addWorkflow({ name: "other", owner, stages: { "1": { command: "x" } } })
    const { id } = await dm.proc.startProcessingJob(owner, "other", { filePath: "/other" })
    expect((await RE.run(connect().runAsPlan({ policy: "reject" }))).value?.id).not.toBe(id)
  })

  it("that waits for its turn can be given up, and lets the next one through", async () => {
    const { connect, sim, dm } = await setUp()
    const { id } = await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/other" })
    await sim.control.freezeJob(id, { status: "meditating" })
    const [a, b] = [connect({ name: "a", policy: "queue" }), connect({ name: "b", policy: "queue" })]
    const first = a.startWorkflow()
    const next = b.startWorkflow()
    await expect.poll(() => a.status.get()).toBe("queued")
    await a.stop()
    expect(first.error).not.toBeNull()
    await expect.poll(() => b.status.get()).toBe("queued")
    await sim.control.vanishJob(id)
    await next
    expect(sim.control.jobs).toHaveLength(1)
  })
})

describe("the unique argument of a submission", () => {
  it("may be one of the user's, with the user's value", async () => {
    const { connect, sim } = await setUp()
    sim.control.fault({ kind: "dropAnswer", call: "startProcessingJob" })
    const connector = connect({ tagArgument: "run_uid" })
    const job = await connector.startWorkflow({ args: { run_uid: "0123" } })
    expect(job).toMatchObject({ run_uid: "0123", status: "done" })
    expect(job).not.toHaveProperty("submission_tag")
    expect(sim.control.jobs).toHaveLength(1)
  })

  it("may be left out; a lost answer then leaves it unknown whether the job was started, and nothing is repeated", async () => {
    const { connect, sim } = await setUp()
    const connector = connect({ tagArgument: false })
    expect(await connector.startWorkflow()).not.toHaveProperty("submission_tag")
    sim.control.fault({ kind: "dropAnswer", call: "startProcessingJob" })
    const error = await Promise.resolve(connector.startWorkflow()).catch(e => dmErrorBehind(e))
    expect(error).toMatchObject({ outcome: "refused", cause: { outcomeUnknown: true } })
    expect(sim.control.jobs).toHaveLength(2)
  })
})

describe("a workflow when DM is away", () => {
  it("fails the plan, is left out, or is started later from the spool, as was decided", async () => {
    const { connect, RE, sim, dm } = await setUp()
    const spool = new DmSpool({ directory: join(await temporaryDirectory(), "spool") })
    const connector = connect()
    await sim.control.goAway()
    await expect(RE.run(runDmWorkflow(connector))).rejects.toMatchObject({ outcome: "refused" })
    const problems: DmError[] = []
    const onProblem = (error: DmError) => problems.push(error)
    expect((await RE.run(runDmWorkflow(connector, { whenAway: "warn", onProblem }))).value).toBeNull()
    expect(problems).toMatchObject([{ outcome: "refused" }])
    const call = { args: { filePath: "/a" }, whenAway: "spool" as const, spool }
    expect((await RE.run(runDmWorkflow(connector, call))).value).toBeNull()
    await sim.control.comeBack()
    expect((await spool.send(dm)).sent).toMatchObject([{ what: "job of workflow count-lines" }])
    expect(sim.control.jobs).toMatchObject([{ filePath: "/a" }])
    expect((await RE.run(runDmWorkflow(connector, call))).value).toMatchObject({ status: "done" })
    const untagged = connect({ name: "untagged", tagArgument: false })
    await expect(RE.run(runDmWorkflow(untagged, call))).rejects.toThrow(/unique argument/)
  })
})

describe("after a restart", () => {
  const script = fileURLToPath(new URL("./support/start-and-wait.ts", import.meta.url))

  /** A program of its own that starts a job and waits for it. */
  async function startElsewhere(
    environment: Readonly<Record<string, string>>,
    file: string,
  ): Promise<ChildProcess> {
    const args = ["--import", "tsx", "--conditions=@ophyd-ts/source", script, file]
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    })
    onTestFinished(() => void child.kill("SIGKILL"))
    await once(child.stdout as NodeJS.ReadableStream, "data")
    return child
  }

  it.each(["its id", "its file"])(
    "of a process that was killed while its job ran, the watch is taken up by %s and finished",
    async by => {
      const { connect, sim, dm } = await setUp()
      sim.control.play(second({ seconds: 3 }))
      const file = join(await temporaryDirectory(), "scan_1.h5")
      await writeFile(file, "x")
      await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/other" })
      const child = await startElsewhere(sim.environment(), file)
      child.kill("SIGKILL")
      await once(child, "exit")
      const id = String(sim.control.jobs.find(job => job["filePath"] === file)?.["id"])
      const connector = connect()
      const status = connector.attach(by === "its id" ? id : { file }, { timeout: 60 })
      await expect.poll(() => connector.status.get()).toMatch(/pending|running/)
      expect(await status).toMatchObject({ id, status: "done" })
      expect(sim.control.count("startProcessingJob")).toBe(2)
    },
    60_000,
  )

  it("the job of a file is the last one that was started for it; without one the error says so", async () => {
    const { connect, dm } = await setUp()
    const start = (filePath: string) =>
      dm.proc.startProcessingJob(owner, "count-lines", { filePath, number: "7" })
    await start("/a")
    const { id } = await start("/a")
    await start("/b")
    expect(await connect().attach({ file: "/a" })).toMatchObject({ id })
    const byOther = connect({ name: "other" }).attach({ file: "7", argument: "number" })
    expect(await byOther).toMatchObject({ filePath: "/b" })
    await expect(connect({ name: "none" }).attach({ file: "/c" })).rejects.toThrow(
      /no job of s255user was started with filePath = \/c/,
    )
  })

  it("an attached job has the connector's name in documents like one that was started", async () => {
    const { dm } = await setUp()
    const connector = new DM_WorkflowConnector({ name: "mine", client: dm })
    const { id } = await dm.proc.startProcessingJob(owner, "count-lines", { filePath: "/a" })
    await connector.attach(id)
    expect(await connector.read()).toMatchObject({
      mine_job_id: { value: id },
      mine_status: { value: "done" },
    })
  }, 20_000)
})
