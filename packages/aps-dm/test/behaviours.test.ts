/** What DM and the network do to acquisition, and what acquisition makes of it. More of it stands beside each part. */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it } from "vitest"
import {
  DM_WorkflowConnector,
  DmRoutes,
  type DmTransfer,
  dmDecodeJson,
  dmGetExperimentDatadirActiveDaq,
} from "../src/index.ts"
import { setUp as setUpFake } from "./support/fake-connector.ts"
import { unreachable } from "./support/fake-processing.ts"
import { experiment, owner, second, setUp } from "./support/service.ts"
import { send, TinyService } from "./support/tiny-service.ts"

describe("a workflow's job", () => {
  it("is done in the end although the service was gone for 30 s", async () => {
    const { dm, connector, pass, value, reports } = setUpFake()
    const status = connector.startWorkflow()
    await pass(2)
    dm.now({ status: "running", stage: "01-START" })
    await pass(2)
    let gone = true
    dm.failures.push(...Array.from({ length: 1000 }, () => () => gone && unreachable()()))
    await pass(30)
    expect([await value("connected"), await value("status"), status.done]).toEqual([false, "running", false])
    gone = false
    dm.now({ status: "done" })
    await pass(31)
    expect([await value("connected"), status.success]).toEqual([true, true])
    expect(reports.some(text => /no answer of DM, next try in \d+ s/.test(text))).toBe(true)
    expect(dm.polls).toBeLessThan(15)
  })

  it("is done in the end although each session lives for a moment only", async () => {
    const { connect, sim } = await setUp({ sessionSeconds: 0.1, workflows: [] })
    await sim.workflows.add({
      name: "count-lines",
      owner,
      stages: { "02-COUNT": { command: "x $filePath" } },
    })
    sim.control.play(second({ seconds: 1 }))
    expect(await connect().startWorkflow()).toMatchObject({ status: "done" })
    expect(sim.control.count("login")).toBeGreaterThan(5)
  })

  it.each([-12, -1, 1, 12])(
    "does not care that the cookie's date is wrong by %i hours: only the service knows when a session ends",
    async hours => {
      const { connect, sim } = await setUp({ sessionSeconds: 600, sessionCookieSkew: hours * 3600 })
      expect(await connect().startWorkflow()).toMatchObject({ status: "done" })
      expect(sim.control.count("login")).toBe(1)
    },
  )

  it("that fails in its second stage fails the plan with stage, exit status and the end of stderr", async () => {
    const { connect, RE, sim } = await setUp()
    sim.control.play(second({ exitStatus: 4, stdErr: `${"noise\n".repeat(1000)}the disk is full\n` }))
    const error = await RE.run(connect().runAsPlan()).catch(thrown => thrown)
    expect(error).toMatchObject({ outcome: "failed", stage: "02-COUNT", exitStatus: 4 })
    expect(error.message).toMatch(/the disk is full$/)
    expect(error.message.length).toBeLessThan(3000)
  })

  it.each(["aborted", "skipped"] as const)(
    "that is %s in DM fails the wait, and the status says so",
    async end => {
      const { connect, sim } = await setUp({ timing: { pending: 30 } })
      const connector = connect()
      const status = connector.startWorkflow()
      await expect.poll(() => connector.status.get()).toBe("pending")
      const id = connector.job?.id ?? ""
      await (end === "aborted" ? sim.control.abortJob(id) : sim.control.skipJob(id))
      await expect(Promise.resolve(status)).rejects.toThrow(new RegExp(`: ${end} after`))
      expect(await connector.status.get()).toBe(end)
    },
  )
})

describe("a list of many jobs", () => {
  const routes = new DmRoutes()
  const bulk = "x".repeat(2000)

  /** 3,000 jobs of which a list with everything has more than 5 MB. */
  async function manyJobs() {
    const jobs: Record<string, unknown>[] = Array.from({ length: 3000 }, (_, i) => ({
      id: `job-${i}`,
      owner,
      status: "done",
      submission_tag: `${i}`,
      workflow: { name: "w", owner, stages: { "01": { command: bulk } } },
    }))
    let sent = 0
    const service = await TinyService.start((request, response) => {
      const found = routes.match(request.verb, request.target, { service: "proc" })
      if (found?.route.call === "startProcessingJob") {
        const args = found.args["argsDict"] as Record<string, unknown>
        jobs.splice(1500, 0, { id: "new", owner, status: "running", ...args, workflow: { name: "w" } })
        response.destroy()
        return
      }
      if (found?.route.call === "getProcessingJobById") {
        return send(response, { ...jobs.find(job => job["id"] === found.args["jobId"]), status: "done" })
      }
      if (found?.route.call !== "listProcessingJobs") return send(response, { name: "w", owner, stages: {} })
      const { keyList, skip, limit } = found.args
      const keys = keyList as string[]
      const page = jobs.slice(Number(skip), Number(skip) + Number(limit))
      const body =
        String(keyList) === "ALL"
          ? page
          : page.map(job => Object.fromEntries(keys.map(key => [key, job[key]])))
      sent += JSON.stringify(body).length
      send(response, body)
    })
    return { service, sent: () => sent, everything: JSON.stringify(jobs).length }
  }

  it("is asked for by keys and in pages, also to find a job whose submission was not answered", async () => {
    const { service, sent, everything } = await manyJobs()
    await using _ = service
    await using client = service.client()
    await using connector = new DM_WorkflowConnector({ name: "dm", client, workflow: "w" })
    await connector.pollingPeriod.set(0.02)
    expect(await connector.startWorkflow()).toMatchObject({ id: "new", status: "done" })
    expect(everything).toBeGreaterThan(5_000_000)
    expect(sent()).toBeLessThan(300_000)
    const lists = service.calls.filter(
      ({ target }) => target.includes("processingJobsByOwner") && target.includes("keyList"),
    )
    for (const { target } of lists) {
      const limit = Number(/limit=(\d+)/.exec(target)?.[1])
      expect(limit).toBeLessThanOrEqual(500)
      const keys = dmDecodeJson(decodeURIComponent(/keyList=([^&]*)/.exec(target)?.[1] ?? ""))
      expect(keys).toEqual(["id", "owner", "submissionTime", "submission_tag"])
    }
  })
})

describe("a DAQ", () => {
  it.each([
    ["pending", true],
    ["running", true],
    ["finalizing", false],
    ["done", false],
    ["failed", false],
    ["aborting", false],
    ["aborted", false],
    ["skipped", false],
    ["meditating", false],
    [undefined, false],
  ])("that is %s is found by experiment and directory: %s", async (status, found) => {
    const daqs: DmTransfer[] = [
      { id: "1", experimentName: "other", dataDirectory: "/d", status: "running" },
      { id: "2", experimentName: experiment, dataDirectory: "/d/", status: "running" },
      { id: "3", experimentName: experiment, dataDirectory: "/d", status },
    ]
    const daq = { listDaqs: async () => daqs }
    const active = await dmGetExperimentDatadirActiveDaq({ daq } as never, experiment, "/d")
    expect(active?.id).toBe(found ? "3" : undefined)
  })
})

describe("a plan", () => {
  it("goes on with its messages while DM takes seconds for every answer", async () => {
    const { connect, sim, RE } = await setUp()
    sim.control.play(second({ seconds: 60 }))
    const connectors = Array.from({ length: 20 }, (_, i) => connect({ name: `w${i}` }))
    for (const connector of connectors) connector.startWorkflow({ timeout: 60 })
    await Promise.all(connectors.map(({ status }) => expect.poll(() => status.get()).toBe("running")))
    sim.control.fault({ kind: "delay", seconds: 2, times: Number.POSITIVE_INFINITY })
    const loop = monitorEventLoopDelay({ resolution: 1 })
    const messages = function* (): Plan<void> {
      for (let i = 0; i < 300; i += 1) yield* bps.sleep(0.001)
    }
    const began = performance.now()
    loop.enable()
    await RE.run(messages())
    loop.disable()
    // One answer alone would take 2 s. The typical turn is what counts: single ones belong to the machine.
    expect(performance.now() - began).toBeLessThan(2000)
    expect(loop.percentile(50) / 1e6).toBeLessThan(10)
  })
})
