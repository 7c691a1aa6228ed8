import { CommunicationError, DmClient, InvalidSession, ObjectNotFound } from "@ophyd-ts/aps-dm"
import { describe, expect, it, vi } from "vitest"
import { startDmService } from "../../src/dm/index.ts"
import { cookieOf, login, raw, startSim, temporaryDirectory } from "./support.ts"

const owner = "s255user"
const workflows = [
  { name: "w", stages: { "01": { command: "/bin/sleep 10" }, "02": { command: "/bin/true" } } },
]

async function startJob() {
  const sim = await startSim({ workflows })
  const { id } = await sim.client.proc.startProcessingJob(owner, "w", { filePath: "f" })
  return { ...sim, id, get: () => sim.client.proc.getProcessingJobById(owner, id) }
}

async function startRaw() {
  const { dm, clock } = await startSim({ ports: "one", workflows })
  const Cookie = cookieOf(await login(dm.urls.ds))
  const get = (target = "/dm/daqs") => raw(dm.urls.daq, "GET", target, { headers: { Cookie } })
  return { dm, clock, get }
}

describe("trouble on demand", () => {
  it("connections are refused while the service is away; jobs go on, and it comes back on the same port", async () => {
    const { dm, clock, get } = await startJob()
    await dm.control.awayFor(30, "proc")
    await expect(get()).rejects.toThrow(CommunicationError)
    await clock.advance(20)
    await expect(get()).rejects.toThrow("refused")
    await clock.advance(20)
    await vi.waitFor(async () => expect((await get()).status).toBe("done"))
  })

  it("all services, or one, go away and come back by hand", async () => {
    const { dm, client } = await startSim()
    await dm.control.goAway("daq")
    await expect(client.daq.listDaqs()).rejects.toThrow(CommunicationError)
    expect(await client.ds.getExperimentsByStation()).toHaveLength(1)
    await dm.control.goAway()
    await expect(client.ds.getExperimentsByStation()).rejects.toThrow(CommunicationError)
    await dm.control.comeBack()
    expect(await client.daq.listDaqs()).toEqual([])
  })

  it("an answer is delayed on the service's clock", async () => {
    const { dm, clock, get } = await startRaw()
    dm.control.fault({ kind: "delay", seconds: 5 })
    let answered = false
    const answer = get().then(() => {
      answered = true
    })
    await vi.waitFor(() => expect(dm.control.count("login")).toBe(1))
    await clock.advance(4)
    await get()
    expect(answered).toBe(false)
    await vi.waitFor(async () => {
      await clock.advance(1)
      expect(answered).toBe(true)
    })
    await answer
  })

  it("the connection breaks before the work, or in the answer after it", async () => {
    const { dm, client } = await startSim({ workflows })
    const start = () => client.proc.startProcessingJob(owner, "w", { filePath: "f" })
    await client.proc.listWorkflows(owner)
    dm.control.fault({ kind: "dropRequest", call: "startProcessingJob" })
    await expect(start()).rejects.toThrow(CommunicationError)
    expect(dm.control.jobs).toHaveLength(0)
    dm.control.fault({ kind: "dropAnswer", call: "startProcessingJob" })
    await expect(start()).rejects.toThrow(CommunicationError)
    expect(dm.control.jobs).toHaveLength(1)
    expect(dm.control.count("startProcessingJob")).toBe(2)
    await start()
    expect(dm.control.jobs).toHaveLength(2)
  })

  it("a web page comes with 500", async () => {
    const { dm, get } = await startRaw()
    dm.control.fault({ kind: "html" })
    const answer = await get()
    expect(answer.status).toBe(500)
    expect(answer.body).toContain("<html>")
    expect(answer.headers["dm-status-code"]).toBeUndefined()
    expect((await get()).status).toBe(200)
  })

  it("401 comes at any time", async () => {
    const { dm, client, get } = await startJob()
    dm.control.fault({ kind: "unauthorized", service: "proc", call: "getProcessingJobById" })
    // The client logs in again by itself, once.
    expect((await get()).status).toBe("pending")
    dm.control.fault({ kind: "unauthorized", times: Number.POSITIVE_INFINITY })
    await expect(get()).rejects.toThrow(InvalidSession)
    dm.control.clearFaults()
    expect(await client.proc.listWorkflows(owner)).toHaveLength(1)
  })

  it("any DM error, as often as wanted, until it is taken back", async () => {
    const { dm, get } = await startRaw()
    using fault = dm.control.fault({
      kind: "refuse",
      type: "DbError",
      message: "disk full",
      call: "listDaqs",
      times: 9,
    })
    const answer = await get()
    expect([answer.status, answer.headers["dm-exception-type"]]).toEqual([200, "DbError"])
    expect(JSON.parse(answer.body)).toEqual({
      errorCode: 7,
      errorMessage: "disk full",
      exceptionType: "DbError",
    })
    expect((await get("/dm/uploads")).headers["dm-status-code"]).toBe("0")
    expect(fault.hits).toBe(1)
    fault.remove()
    expect((await get()).headers["dm-status-code"]).toBe("0")
  })

  it("a job has a status that nobody knows, or lacks optional keys", async () => {
    const { dm, clock, id, get } = await startJob()
    await clock.advance(1)
    await dm.control.freezeJob(id, { status: "meditating", stage: undefined, startTime: undefined })
    const job = await get()
    expect(job.status).toBe("meditating")
    expect(job).not.toHaveProperty("stage")
    expect(job).not.toHaveProperty("startTime")
    await clock.advance(100)
    expect((await get()).status).toBe("meditating")
  })

  it("an answer is changed on its way, without changing what the service knows", async () => {
    const { dm, get } = await startJob()
    dm.control.fault({
      kind: "change",
      change: job => ({ ...(job as object), stdOut: "x".repeat(5_000_000) }),
    })
    expect(String((await get())["stdOut"])).toHaveLength(5_000_000)
    expect(await get()).not.toHaveProperty("stdOut")
  })

  it("a job vanishes, is aborted, or is skipped", async () => {
    const { dm, client, clock, id, get } = await startJob()
    await dm.control.skipJob(id)
    expect(await get()).toMatchObject({ status: "skipped", endTime: expect.any(Number) })
    const second = await client.proc.startProcessingJob(owner, "w", { filePath: "f" })
    await clock.advance(1)
    await expect(dm.control.skipJob(second.id)).rejects.toThrow("only a pending one")
    await dm.control.abortJob(second.id)
    expect(await client.proc.getProcessingJobById(owner, second.id)).toMatchObject({
      status: "aborted",
      stage: "01",
    })
    await dm.control.vanishJob(second.id)
    await expect(client.proc.getProcessingJobById(owner, second.id)).rejects.toThrow(ObjectNotFound)
    await expect(dm.control.abortJob("none")).rejects.toThrow("does not exist")
  })
})

describe("the service", () => {
  it("notes requests without their arguments", async () => {
    const { dm, client } = await startSim()
    await client.ds.getExperimentsByStation()
    await expect(client.ds.getExperimentByName("none")).rejects.toThrow()
    expect(dm.control.requests.map(({ call, status, dmStatusCode }) => [call, status, dmStatusCode])).toEqual(
      [
        ["login", 200, 0],
        ["getExperimentsByStation", 200, 0],
        ["getExperimentByName", 200, 14],
      ],
    )
    expect(JSON.stringify(dm.control.requests)).not.toContain("simulated")
  })

  it("gives the variables of a beamline's account, and the same identifiers for the same seed", async () => {
    const ids = async () => {
      const { dm, client } = await startSim({ workflows, seed: 7 })
      const environment = dm.environment()
      expect(environment).toMatchObject({ DM_STATION_NAME: "255IDZ", DM_PROC_WEB_SERVICE_URL: dm.urls.proc })
      return (await client.proc.startProcessingJob(owner, "w", { filePath: "f" })).id
    }
    expect(await ids()).toBe(await ids())
  })

  it("follows a route table that a site has corrected", async () => {
    const { DmRoutes } = await import("@ophyd-ts/aps-dm")
    const routes = new DmRoutes().with({ listDaqs: { path: "/allDaqs" } })
    const { dm, client } = await startSim({ routes, ports: "one" })
    expect(await client.daq.listDaqs()).toEqual([])
    const old = new DmClient(dm.config({ routes: new DmRoutes() }))
    await expect(old.daq.listDaqs()).rejects.toThrow()
    old.close()
  })

  it("closes at once with everything under way, on the real clock too", async () => {
    const dm = await startDmService({
      dataRoot: await temporaryDirectory(),
      workflows,
      experiments: [{ name: "e" }],
    })
    const source = await temporaryDirectory()
    const client = new DmClient(dm.config())
    await client.daq.startDaq("e", source)
    await client.proc.startProcessingJob(owner, "w", { filePath: "f" })
    await vi.waitFor(() => expect(dm.control.jobs[0]?.status).toBe("running"))
    dm.control.fault({ kind: "delay", seconds: 1000 })
    const waiting = expect(client.daq.listDaqs()).rejects.toThrow(CommunicationError)
    await vi.waitFor(() => expect(dm.control.requests.length).toBeGreaterThan(2))
    await dm.control.awayFor(1000)
    await dm.close()
    await dm.close()
    await waiting
    client.close()
    expect(dm.control.problems).toEqual([])
  })

  it("leaves nothing open when one of its ports is taken", async () => {
    const { dm } = await startSim()
    const taken = Number(new URL(dm.urls.aps).port)
    const dataRoot = await temporaryDirectory()
    await expect(startDmService({ dataRoot, controlPort: taken })).rejects.toThrow("EADDRINUSE")
    await expect(startDmService({ dataRoot, ports: "one", port: taken })).rejects.toThrow("EADDRINUSE")
  })

  it("needs a user", async () => {
    await expect(startDmService({ dataRoot: await temporaryDirectory(), users: [] })).rejects.toThrow(
      "at least one user",
    )
  })
})
