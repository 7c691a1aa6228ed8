import { bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it, vi } from "vitest"
import { DM_WorkflowCache, type DmJobError, DmWatchTimeout, waitForWorkflows } from "../src/index.ts"
import { second, setUp } from "./support/service.ts"

/** For ever, as far as a test is concerned. */
const long = second({ seconds: 3600 })

describe("a plan that waits for its workflow", () => {
  it("ends with the job when it is done", async () => {
    const { connect, RE } = await setUp()
    const { value } = await RE.run(connect().runAsPlan())
    expect(value).toMatchObject({ status: "done", stage: "03-NOTE" })
  })

  it("fails with stage, exit status and the end of stderr when a stage fails", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ exitStatus: 3, stdErr: "reading\nwc: no such file\n" }))
    const connector = connect()
    await expect(RE.run(connector.runAsPlan())).rejects.toMatchObject({
      name: "DmJobError",
      outcome: "failed",
      stage: "02-COUNT",
      exitStatus: 3,
      stderr: "reading\nwc: no such file",
    })
    expect(await connector.status.get()).toBe("failed")
  })

  it.each([
    ["aborted", "abortJob"],
    ["skipped", "skipJob"],
  ] as const)("fails when the job is %s, and the signal says so", async (outcome, act) => {
    const { connect, RE, sim } = await setUp({ timing: act === "skipJob" ? { pending: 3600 } : {} })
    sim.control.play(long)
    const connector = connect()
    const running = RE.run(connector.runAsPlan({ timeout: 999_999_999 })).catch(error => error)
    await expect.poll(() => connector.job?.id).toBeDefined()
    await sim.control[act](connector.job?.id ?? "")
    expect(await running).toMatchObject({ outcome })
    expect(await connector.status.get()).toBe(outcome)
  })

  it("fails at once when DM refuses the job", async () => {
    const { connect, RE } = await setUp()
    await expect(RE.run(connect().runAsPlan({ workflow: "no-such" }))).rejects.toMatchObject({
      outcome: "refused",
      cause: { code: "ObjectNotFound" },
    })
  })

  it("fails when its patience ends, or lets the job go, as it was told", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(long)
    const connector = connect()
    await expect(RE.run(connector.runAsPlan({ timeout: 0.3 }))).rejects.toBeInstanceOf(DmWatchTimeout)
    expect(await connector.status.get()).toBe("running")
    const { value } = await RE.run(connector.runAsPlan({ timeout: 0.3, onTimeout: "detach" }))
    expect([value?.status, connector.idle]).toEqual(["running", false])
  })

  it("can catch the failure and go on", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ exitStatus: 1 }))
    const connector = connect()
    const { value } = await RE.run(
      (function* (): Plan<string> {
        try {
          yield* connector.runAsPlan()
        } catch (error) {
          return (error as DmJobError).stage
        }
        return "no failure"
      })(),
    )
    expect(value).toBe("02-COUNT")
  })

  it("ends the watch when it is aborted, and the job goes on", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(long)
    const connector = connect()
    const running = RE.run(connector.runAsPlan())
    await expect.poll(() => connector.status.get()).toBe("running")
    await RE.abort("enough")
    expect(await running).toMatchObject({ exitStatus: "abort" })
    expect([connector.idle, sim.control.jobs[0]?.["status"]]).toEqual([true, "running"])
  })

  it("waits on for the same job after a pause", async () => {
    const { connect, RE, sim } = await setUp()
    let finish = () => {}
    const finished = new Promise<void>(resolve => {
      finish = resolve
    })
    sim.control.play(
      second(async context => {
        await context.outside(finished)
        return {}
      }),
    )
    const connector = connect()
    const running = RE.run(
      (function* (): Plan<unknown> {
        yield* bps.checkpoint()
        return yield* connector.runAsPlan()
      })(),
    )
    await expect.poll(() => connector.stageId.get()).toBe("02-COUNT")
    await RE.requestPause({ defer: false })
    const resumed = RE.resume()
    finish()
    await resumed
    expect((await running).exitStatus).toBe("success")
    expect(sim.control.count("startProcessingJob")).toBe(1)
  })
})

describe("a plan that does not wait", () => {
  it("leaves the job to a watcher in the background, which ends with the job", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ seconds: 0.3 }))
    const reports: string[] = []
    const connector = connect({ write: text => reports.push(text) })
    const { value } = await RE.run(connector.runAsPlan({ wait: false }))
    expect(value?.id).toBe(sim.control.jobs[0]?.["id"])
    expect(connector.idle).toBe(false)
    await connector.whenIdle()
    expect(await connector.status.get()).toBe("done")
    expect(reports.at(-1)).toMatch(/is done after/)
  })

  it("may wait for it later, whether it has ended meanwhile or not", async () => {
    const { connect, RE, sim } = await setUp()
    const connector = connect()
    await expect(RE.run(connector.waitAsPlan())).rejects.toThrow("dm_workflow: no job was started")
    await RE.run(connector.runAsPlan({ wait: false }))
    expect((await RE.run(connector.waitAsPlan())).value).toMatchObject({ status: "done" })
    sim.control.play(second({ exitStatus: 1 }))
    await RE.run(connector.runAsPlan({ wait: false }))
    await connector.whenIdle()
    await expect(RE.run(connector.waitAsPlan())).rejects.toMatchObject({ outcome: "failed" })
  })

  it("does not end the watch when a later wait is interrupted", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(long)
    const connector = connect()
    await RE.run(connector.runAsPlan({ wait: false }))
    const waiting = RE.run(connector.waitAsPlan())
    await expect.poll(() => connector.status.get()).toBe("running")
    await RE.abort()
    await waiting
    expect(connector.idle).toBe(false)
  })

  it("hears at once when DM refuses the job", async () => {
    const { connect, RE } = await setUp()
    await expect(RE.run(connect().runAsPlan({ workflow: "no-such", wait: false }))).rejects.toMatchObject({
      outcome: "refused",
    })
  })

  it("leaves nothing behind when its connector ends first", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(long)
    {
      await using connector = connect()
      await RE.run(connector.runAsPlan({ wait: false }))
    }
    const polls = sim.control.count("getProcessingJobById")
    await sim.control.settled()
    expect(sim.control.count("getProcessingJobById")).toBe(polls)
  })

  it("lets the next plan wait for several, and tells which did not end well", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(
      { stage: "02-COUNT", command: "*bad*", play: { seconds: 0.2, exitStatus: 1 } },
      { stage: "02-COUNT", command: "*slow*", play: { seconds: 0.4 } },
    )
    const cache = new DM_WorkflowCache()
    for (const key of ["good", "bad", "slow"]) cache.defineWorkflow(key, connect({ name: key }))
    await RE.run(
      (function* (): Plan<void> {
        for (const [key, connector] of cache)
          yield* connector.runAsPlan({ wait: false, args: { filePath: `/${key}` } })
      })(),
    )
    await expect(RE.run(waitForWorkflows(cache.connectors, { timeout: 0.05 }))).rejects.toThrow(
      /not ended within 0.05 s: .*slow: workflow count-lines/,
    )
    const { value } = await RE.run(cache.waitWorkflows())
    expect(value?.map(connector => connector.name)).toEqual(["bad"])
    expect(cache.summary("jobs").split("\n")).toEqual([
      "jobs",
      expect.stringMatching(/^# {2}process {2}status {2}runTime {2}started +id$/),
      expect.anything(),
      expect.stringMatching(/^1 {2}good +done +\d\.\d\d +2\d{3}-.*Z +[\da-f]{8}$/),
      expect.stringMatching(/^2 {2}bad +failed/),
      expect.stringMatching(/^3 {2}slow +done/),
    ])
    expect(cache.outputs("03-NOTE")["good"]).toEqual([
      sim.control.jobs.find(job => job["filePath"] === "/good")?.["id"],
    ])
    expect(() => cache.defineWorkflow("good", connect())).toThrow(/"good" is taken/)
    expect(() => cache.get("none")).toThrow(/no "none"/)
  })
})

describe("two connectors", () => {
  it("do not share arguments", async () => {
    const { connect, RE, sim } = await setUp()
    const [a, b] = [
      connect({ name: "a", workflowArgs: { filePath: "/a", only: "a" } }),
      connect({ name: "b" }),
    ]
    await RE.run(a.runAsPlan())
    await RE.run(b.runAsPlan({ args: { flag: true } }))
    const [last, first] = sim.control.jobs
    expect(first).toMatchObject({ filePath: "/a", only: "a" })
    expect(last).toMatchObject({ filePath: "/dev/null", flag: "True" })
    expect(last).not.toHaveProperty("only")
  })
})

describe("trouble with the service", () => {
  it("two answers of status 500 while a job runs are no more than a pause", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.fault({ kind: "html", call: "getProcessingJobById", times: 2 })
    const connector = connect()
    const connected: boolean[] = []
    connector.serviceConnected.subscribe(({ value }) => connected.push(value))
    expect((await RE.run(connector.runAsPlan())).exitStatus).toBe("success")
    expect(connected).toEqual([true, false, true])
  })

  it("a service that goes away and comes back while a job runs loses nothing", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ seconds: 0.5 }))
    const connector = connect()
    const running = RE.run(connector.runAsPlan())
    await expect.poll(() => connector.status.get()).toBe("running")
    await sim.control.goAway()
    await expect.poll(() => connector.serviceConnected.get()).toBe(false)
    expect(await connector.status.get()).toBe("running")
    await sim.control.comeBack()
    expect((await running).exitStatus).toBe("success")
    expect(await connector.serviceConnected.get()).toBe(true)
  })

  it("sessions that end again and again are normal life", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ seconds: 0.5 }))
    const ending = setInterval(() => sim.control.expireSessions(), 50)
    try {
      expect((await RE.run(connect().runAsPlan())).exitStatus).toBe("success")
    } finally {
      clearInterval(ending)
    }
    expect(sim.control.count("login")).toBeGreaterThan(2)
  })

  it("a submission whose answer is lost starts one job and not two", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.fault({ kind: "dropAnswer", call: "startProcessingJob" })
    expect((await RE.run(connect().runAsPlan())).value).toMatchObject({ status: "done" })
    expect(sim.control.jobs).toHaveLength(1)
  })

  it("a submission that never arrived is sent again", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.fault({ kind: "dropRequest", call: "startProcessingJob" })
    expect((await RE.run(connect().runAsPlan())).value).toMatchObject({ status: "done" })
    expect(sim.control.jobs).toHaveLength(1)
  })

  it("DM that is away at the start is one clear error", async () => {
    const { connect, RE, sim } = await setUp()
    await sim.control.goAway()
    await expect(RE.run(connect().runAsPlan())).rejects.toThrow(
      /workflow count-lines: refused after .*DM processing service, login: connection refused \(POST http:/,
    )
  })

  it("a job that vanishes is lost, a status that nobody knows is not", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(long)
    const connector = connect()
    const running = RE.run(connector.runAsPlan()).catch(error => error)
    await expect.poll(() => connector.status.get()).toBe("running")
    const id = connector.job?.id ?? ""
    await sim.control.freezeJob(id, { status: "meditating", stage: undefined, runTime: undefined })
    await expect.poll(() => connector.status.get()).toBe("meditating")
    expect([connector.idle, await connector.stageId.get(), await connector.runTime.get()]).toEqual([
      false,
      "-n/a-",
      -1,
    ])
    await sim.control.vanishJob(id)
    expect(await running).toMatchObject({ outcome: "lost" })
  })

  it("a new program takes up the watch of a job that runs", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ seconds: 0.3 }))
    const before = connect()
    const { value } = await RE.run(before.runAsPlan({ wait: false }))
    await before.stop()
    const after = connect()
    expect(await after.attach(value?.id ?? "")).toMatchObject({ status: "done" })
  })
})

describe("a run", () => {
  it("records the connector's signals like those of any device", async () => {
    const { connect, RE } = await setUp()
    const connector = connect()
    const events: Record<string, unknown>[] = []
    RE.subscribe((name, doc) => {
      if (name === "event") events.push((doc as { data: Record<string, unknown> }).data)
    })
    await RE.run(
      (function* (): Plan<void> {
        yield* bps.openRun()
        yield* connector.runAsPlan()
        yield* bps.triggerAndRead([connector], "dm_workflow")
        yield* bps.closeRun()
      })(),
    )
    expect(events).toEqual([
      expect.objectContaining({
        dm_workflow_job_id: connector.job?.id,
        dm_workflow_status: "done",
        dm_workflow_exit_status: -1,
      }),
    ])
    await vi.waitFor(() => expect(connector.idle).toBe(true))
  })
})
