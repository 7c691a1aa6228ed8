import { describe, expect, it } from "vitest"
import {
  AuthorizationError,
  type DM_WorkflowConnector,
  type DmJobError,
  DmWatchTimeout,
  ObjectNotFound,
} from "../src/index.ts"
import { errorOf, setUp } from "./support/fake-connector.ts"
import { turn, unreachable, workflow } from "./support/fake-processing.ts"

describe("a workflow job", () => {
  it("that is done finishes its status with the job, and the signals have followed it", async () => {
    const { dm, connector, pass, value, clock } = setUp()
    const seen: string[] = []
    connector.status.subscribe(({ value: text }) => seen.push(text))
    const status = connector.startWorkflow({ args: { filePath: "/data/a.txt" } })
    await turn()
    expect([await value("job_id"), await value("status"), connector.idle]).toEqual([
      "00000001-job",
      "pending",
      false,
    ])
    dm.now({ status: "running", stage: "02-COUNT", runTime: 2.5 })
    await pass(1)
    expect([
      await value("stage_id"),
      await value("stage_index"),
      await value("stage_count"),
      await value("run_time"),
    ]).toEqual(["02-COUNT", 2, 3, 2.5])
    dm.now({ status: "done", stage: "03-NOTE", runTime: 4 })
    await pass(1)
    expect((await status).status).toBe("done")
    expect(seen).toEqual(["not_run", "starting", "pending", "running", "done"])
    expect([connector.idle, clock.pending]).toEqual([true, 0])
  })

  it("that fails says in which stage, with which exit status, and how stderr ended", async () => {
    const { dm, connector, pass, value } = setUp()
    const status = connector.startWorkflow()
    await turn()
    const stdErr = `${"noise\n".repeat(1000)}wc: /data/a.txt: No such file\n`
    dm.now({
      status: "failed",
      stage: "02-COUNT",
      workflow: workflow({ status: "failed", exitStatus: 3, stdErr }),
    })
    await pass(1)
    const error = errorOf(status) as DmJobError
    expect(error).toMatchObject({
      outcome: "failed",
      stage: "02-COUNT",
      exitStatus: 3,
      jobId: "00000001-job",
      workflow: "count-lines",
    })
    expect(error.message).toMatch(
      /^workflow count-lines, job 00000001: failed in stage 02-COUNT with exit status 3 after 1.0 s/,
    )
    expect(error.stderr.endsWith("wc: /data/a.txt: No such file")).toBe(true)
    expect(error.stderr.length).toBeLessThanOrEqual(2000)
    expect(status.error?.message).toContain("dm_workflow: run workflow")
    expect([
      await value("status"),
      await value("failed_stage"),
      await value("exit_status"),
      await value("error_message"),
    ]).toEqual(["failed", "02-COUNT", 3, error.stderr])
  })

  it.each([
    [
      "failed without a stage",
      { status: "failed", errorMessage: "Invalid input file specification." },
      "failed",
      /failed after .*: Invalid input file specification/,
    ],
    ["aborted", { status: "aborted" }, "aborted", /aborted after/],
    ["skipped", { status: "skipped" }, "skipped", /skipped after/],
  ])("that ended as %s fails its status at once and keeps DM's word", async (_, change, outcome, message) => {
    const { dm, connector, pass, value } = setUp()
    const status = connector.startWorkflow({ timeout: 999_999_999 })
    await turn()
    dm.now(change)
    await pass(1)
    expect(errorOf(status)).toMatchObject({ outcome, message: expect.stringMatching(message) })
    expect([await value("status"), connector.idle]).toEqual([change.status, true])
  })

  it("that DM refuses ends at once, and the next one can be started", async () => {
    const { dm, connector, pass, value, reports } = setUp()
    dm.submissions.push(() => {
      throw new AuthorizationError("no right for this station")
    })
    const status = connector.startWorkflow()
    await turn()
    expect(errorOf(status)).toMatchObject({
      outcome: "refused",
      job: null,
      cause: { code: "AuthorizationError" },
    })
    expect([await value("status"), await value("job_id"), await value("error_message")]).toEqual([
      "refused",
      "not_run",
      "no right for this station",
    ])
    expect(reports.at(-1)).toContain("refused after 0.0 s: no right for this station")
    const next = connector.startWorkflow()
    await turn()
    dm.now({ status: "done" })
    await pass(1)
    expect(next.success).toBe(true)
  })

  it("is not submitted when DM is away: one clear error", async () => {
    const { dm, connector } = setUp()
    dm.submissions.push(unreachable())
    const status = connector.startWorkflow()
    await turn()
    expect(errorOf(status)).toMatchObject({
      outcome: "refused",
      message: expect.stringContaining("connection refused"),
    })
    expect([dm.submitted.length, dm.lists]).toEqual([1, 0])
  })

  it("with a status that nobody knows is still active, and shown as it is", async () => {
    const { dm, connector, pass, value } = setUp()
    const status = connector.startWorkflow()
    await turn()
    dm.now({ status: "meditating" })
    await pass(3)
    expect([status.done, await value("status")]).toEqual([false, "meditating"])
    dm.now({ status: undefined, stage: undefined })
    await pass(2)
    expect([status.done, await value("status"), await value("stage_id")]).toEqual([false, "-n/a-", "-n/a-"])
    dm.now({ status: "done" })
    await pass(1)
    expect(status.success).toBe(true)
  })

  it("is watched on when polls fail: pauses grow, the connection is shown, DM's status stays", async () => {
    const { dm, connector, pass, value, reports } = setUp({ longestPause: 6 })
    const status = connector.startWorkflow()
    await turn()
    dm.now({ status: "running", stage: "01-START" })
    await pass(1)
    dm.failures.push(...Array.from({ length: 5 }, () => unreachable()))
    const polls: number[] = []
    for (let second = 1; second <= 24; second += 1) {
      const before = dm.polls
      await pass(1)
      if (dm.polls > before) polls.push(second)
      if (second === 3) expect([await value("connected"), await value("status")]).toEqual([false, "running"])
    }
    expect(polls).toEqual([1, 3, 7, 13, 19])
    dm.now({ status: "done" })
    await pass(7)
    expect([status.success, await value("connected")]).toEqual([true, true])
    expect(reports.filter(text => text.includes("DM answers again"))).toHaveLength(1)
    expect(reports.filter(text => text.includes("no answer of DM")).length).toBeGreaterThan(0)
  })

  it("that DM does not know any more is lost, but not for a moment's forgetting", async () => {
    const { dm, connector, pass, value } = setUp()
    const gone = () => {
      throw new ObjectNotFound("no such job")
    }
    const status = connector.startWorkflow()
    await turn()
    dm.failures.push(gone, gone)
    await pass(8)
    expect([status.done, await value("connected")]).toEqual([false, true])
    dm.failures.push(gone, gone, gone)
    await pass(12)
    expect(errorOf(status)).toMatchObject({
      outcome: "lost",
      message: expect.stringContaining("does not know it any more"),
    })
    expect(await value("status")).toBe("pending")
  })

  it("is lost when DM has not answered for too long", async () => {
    const { dm, connector, pass } = setUp({ lostAfter: 60 })
    const status = connector.startWorkflow({ timeout: Number.POSITIVE_INFINITY })
    await turn()
    dm.failures.push(...Array.from({ length: 50 }, () => unreachable()))
    await pass(100)
    expect(errorOf(status)).toMatchObject({
      outcome: "lost",
      message: expect.stringMatching(/has not answered for \d+ s/),
    })
  })

  it("reports its progress in stages", async () => {
    const { dm, connector, pass } = setUp()
    const progress: unknown[] = []
    const status = connector.startWorkflow()
    status.watch(({ current, target, fraction }) => progress.push([current, target, fraction]))
    await turn()
    dm.now({ status: "running", stage: "02-COUNT" })
    await pass(1)
    dm.now({ status: "done", stage: "03-NOTE" })
    await pass(1)
    expect(progress.at(-1)).toEqual([3, 3, 1])
    expect(progress).toContainEqual([1, 3, 1 / 3])
  })
})

describe("the patience of a watch", () => {
  it("ends with an error of its own and leaves DM's status alone", async () => {
    const { dm, connector, pass, value, clock } = setUp()
    const status = connector.startWorkflow({ timeout: 5 })
    await turn()
    dm.now({ status: "running", stage: "02-COUNT" })
    await pass(6)
    expect(errorOf(status)).toBeInstanceOf(DmWatchTimeout)
    expect(status.error?.message).toContain(
      "after 5 s of watching job 00000001 still running in stage 02-COUNT",
    )
    expect([await value("status"), connector.idle, clock.pending]).toEqual(["running", true, 0])
  })

  it("may end without one: the status is finished with the job as it is, and the watch goes on", async () => {
    const { dm, connector, pass, value } = setUp()
    const status = connector.startWorkflow({ timeout: 5, onTimeout: "detach" })
    await turn()
    dm.now({ status: "running" })
    await pass(6)
    expect([status.success, status.value?.status, connector.idle]).toEqual([true, "running", false])
    dm.now({ status: "failed", stage: "01-START" })
    await pass(2)
    expect([await value("status"), connector.idle]).toEqual(["failed", true])
  })

  it("also covers a submission that is not answered", async () => {
    const { dm, connector, pass } = setUp()
    dm.submissions.push(() => new Promise(() => {}))
    const status = connector.startWorkflow({ timeout: 5 })
    await pass(6)
    expect(errorOf(status)?.message).toContain("no answer to its submission, so it may have been started")
    expect(connector.idle).toBe(true)
  })
})

describe("a watch", () => {
  it.each([
    ["stop()", (c: DM_WorkflowConnector) => c.stop()],
    ["the end of `await using`", (c: DM_WorkflowConnector) => c[Symbol.asyncDispose]()],
    ["cancelling the status", async (c: DM_WorkflowConnector) => c.running?.cancel(new Error("enough"))],
  ])("is ended by %s; nothing is left behind, the job goes on in DM", async (_, end) => {
    const { dm, connector, pass, value, clock } = setUp()
    const status = connector.startWorkflow()
    await turn()
    dm.now({ status: "running" })
    await pass(1)
    await end(connector)
    await turn()
    const { polls } = dm
    await pass(30)
    expect([status.done, status.success, connector.idle, clock.pending]).toEqual([true, false, true, 0])
    expect([dm.polls, await value("status")]).toEqual([polls, "running"])
  })

  it("cannot be doubled: a second start says who, what and since when", async () => {
    const { connector, pass, dm } = setUp()
    connector.startWorkflow()
    await pass(3)
    expect(() => connector.startWorkflow({ workflow: "other" })).toThrow(
      /dm_workflow: cannot start workflow other: workflow count-lines \(job 00000001-job\) has been watched for 3.0 s/,
    )
    expect(() => connector.attach("x")).toThrow(/cannot attach to job x/)
    expect(dm.submitted).toHaveLength(1)
  })

  it("leaves the subscriptions of users alone", async () => {
    const { dm, connector, pass } = setUp()
    const seen: string[] = []
    connector.status.subscribe(({ value }) => seen.push(value))
    for (let round = 0; round < 2; round += 1) {
      connector.startWorkflow()
      await turn()
      dm.now({ status: "done" })
      await pass(1)
    }
    expect(seen.filter(text => text === "done")).toHaveLength(2)
  })

  it("follows a changed polling period", async () => {
    const { dm, connector, pass } = setUp()
    await connector.pollingPeriod.set(5)
    connector.startWorkflow()
    await pass(21)
    expect(dm.polls).toBe(4)
    expect(() => connector.pollingPeriod.set(0)).toThrow()
    expect(() => connector.reportingPeriod.set(0.5)).toThrow()
  })

  it("can be taken up for a job that runs already, with the job's own owner", async () => {
    const { dm, connector, pass, value } = setUp({ workflow: "" })
    dm.take({})
    dm.now({ status: "running", owner: "s255staff" })
    const status = connector.attach("00000001-job", { owner: "s255staff" })
    await turn()
    expect([await value("status"), await value("workflow"), await value("job_id")]).toEqual([
      "running",
      "count-lines",
      "00000001-job",
    ])
    dm.now({ status: "done" })
    await pass(1)
    expect(status.success).toBe(true)
    expect(dm.submitted).toEqual([])
  })
})
