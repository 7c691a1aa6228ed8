import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import { DM_WorkflowConnector, type DmJob, InvalidRequest, type ListJobsOptions } from "../src/index.ts"
import { FakeProcessing, turn, unreachable, workflow } from "./support/fake-processing.ts"

/** Connectors that each watch a job of their own, on a clock that the test turns. */
async function setUp(count: number, others = 0) {
  const dm = new FakeProcessing()
  const clock = new TestClock()
  const asked: ListJobsOptions[] = []
  const { listProcessingJobs } = dm.proc
  dm.proc.listProcessingJobs = async (owner, options = {}) => {
    asked.push(options)
    const jobs = (await listProcessingJobs(owner, options)).reverse()
    const { skip = 0, limit = 5000, keyList } = options
    const keys = Array.isArray(keyList) ? keyList : []
    return jobs
      .slice(skip, skip + limit)
      .map(job => Object.fromEntries(Object.entries(job).filter(([key]) => keys.includes(key))) as DmJob)
  }
  const connectors = Array.from(
    { length: count },
    (_, i) => new DM_WorkflowConnector({ name: `c${i}`, client: dm, clock, workflow: "count-lines" }),
  )
  const statuses = connectors.map(connector => connector.startWorkflow({ timeout: Number.POSITIVE_INFINITY }))
  await settle()
  for (let i = 0; i < others; i += 1) dm.take({})
  const change = (i: number, change: Partial<DmJob>) => {
    const id = connectors[i]?.job?.id ?? ""
    dm.jobs.set(id, { ...dm.jobs.get(id), ...change } as DmJob)
  }
  const pass = async (seconds: number) => {
    for (let at = 0; at < seconds; at += 0.01) {
      clock.advance(0.01)
      await turn()
    }
    await settle()
  }
  const forget = () => {
    dm.polls = 0
    asked.length = 0
  }
  return { dm, clock, connectors, statuses, asked, change, pass, forget }
}

/** Answers come in groups, a turn each. */
async function settle(): Promise<void> {
  for (let i = 0; i < 40; i += 1) await turn()
}

describe("jobs that are watched together", () => {
  it("are asked for with one list a period, by keys, and as a whole only when they have moved on", async () => {
    const { dm, asked, change, pass, forget, connectors, statuses } = await setUp(200)
    await pass(1.5)
    forget()
    await pass(3)
    expect([asked.length, dm.polls]).toEqual([3, 0])
    expect(asked[0]).toMatchObject({ skip: 0, limit: 400 })
    expect(asked[0]?.keyList).toEqual(expect.arrayContaining(["id", "status", "stage"]))
    expect(asked[0]?.keyList).not.toContain("workflow")
    change(7, { status: "running", stage: "01-START", runTime: 1 })
    change(8, { status: "done" })
    await pass(1)
    expect(dm.polls).toBe(2)
    expect([connectors[7]?.job?.stage, statuses[8]?.success, statuses[7]?.done]).toEqual([
      "01-START",
      true,
      false,
    ])
    change(7, { runTime: 2 })
    await pass(1)
    expect([await connectors[7]?.runTime.get(), dm.polls]).toEqual([2, 2])
  })

  it("end each in its own way", async () => {
    const { change, pass, statuses } = await setUp(10)
    change(0, { status: "failed" })
    for (let i = 1; i < 10; i += 1) change(i, { status: "done" })
    await pass(2)
    expect(statuses.map(status => status.success)).toEqual([false, ...Array.from({ length: 9 }, () => true)])
  })

  it("are asked for one by one while they are few", async () => {
    const { dm, asked, pass } = await setUp(3)
    await pass(2.1)
    expect([asked.length, dm.polls]).toEqual([0, 6])
  })

  it("are asked for by a list also when they are few, but have written so much that reading it takes time", async () => {
    const { dm, asked, change, pass, forget, connectors } = await setUp(1)
    change(0, { status: "running", stage: "02-COUNT", workflow: workflow({ stdOut: "x".repeat(100_000) }) })
    await pass(1.5)
    forget()
    await pass(3)
    expect([asked.length, dm.polls]).toEqual([3, 0])
    change(0, { status: "done" })
    await pass(1)
    expect([dm.polls, connectors[0]?.idle]).toEqual([1, true])
  })

  it("are found behind many younger ones, and what is too far back is asked for one by one", async () => {
    const near = await setUp(10, 250)
    await near.pass(1)
    near.forget()
    await near.pass(1)
    expect([near.asked.map(({ skip }) => skip), near.dm.polls]).toEqual([[0, 100, 200], 0])
    const far = await setUp(10, 3000)
    await far.pass(1.5)
    expect(far.asked.length).toBe(4)
    far.forget()
    // It is not tried again for a minute.
    await far.pass(3)
    expect([far.asked.length, far.dm.polls]).toEqual([0, 30])
  })

  it("are asked for in pages that never hold up the event loop for long, however long the list is", async () => {
    const { asked, pass } = await setUp(1000)
    await pass(2)
    for (const { limit } of asked) expect(limit).toBeLessThanOrEqual(500)
  })

  it("may be watched twice", async () => {
    const { dm, clock, connectors, change, pass, forget } = await setUp(5)
    const twice = new DM_WorkflowConnector({ name: "twice", client: dm, clock })
    const status = twice.attach(connectors[0]?.job?.id ?? "", { timeout: Number.POSITIVE_INFINITY })
    await pass(1.5)
    forget()
    await pass(2)
    expect(dm.polls).toBe(0)
    change(0, { status: "done" })
    await pass(1)
    expect([status.success, connectors[0]?.job?.status]).toEqual([true, "done"])
  })

  it("may ask at other times than most: a few alone do not make the list useless", async () => {
    const { dm, asked, connectors, pass, forget } = await setUp(12)
    for (const connector of connectors.slice(0, 2)) await connector.pollingPeriod.set(0.3)
    await pass(2.5)
    forget()
    await pass(3)
    // Ten by the list; two by themselves, but where their moments meet.
    expect(asked.length).toBe(3)
    expect(dm.polls).toBeGreaterThanOrEqual(16)
    expect(dm.polls).toBeLessThanOrEqual(20)
  })

  it("share the trouble of a service that is away: each shows it and waits longer", async () => {
    const { dm, connectors, pass, statuses, change } = await setUp(10)
    await pass(1)
    dm.listFailures.push(...Array.from({ length: 3 }, () => unreachable()))
    await pass(1)
    for (const connector of connectors) expect(await connector.serviceConnected.get()).toBe(false)
    for (let i = 0; i < 10; i += 1) change(i, { status: "done" })
    await pass(20)
    expect(statuses.every(status => status.success)).toBe(true)
    for (const connector of connectors) expect(await connector.serviceConnected.get()).toBe(true)
  })

  it("are asked for one by one where the service has no list, and the list is tried again later", async () => {
    const { dm, asked, pass, forget, connectors } = await setUp(10)
    dm.listFailures.push(() => {
      throw new InvalidRequest("no such call")
    })
    await pass(2.5)
    forget()
    await pass(3)
    expect([asked.length, dm.polls]).toEqual([0, 30])
    expect(await connectors[0]?.serviceConnected.get()).toBe(true)
    await pass(60.5)
    forget()
    await pass(3)
    expect([asked.length, dm.polls]).toEqual([3, 0])
  })

  it("that vanish are lost, and the others are not touched", async () => {
    const { dm, connectors, statuses, pass } = await setUp(10)
    dm.jobs.delete(connectors[0]?.job?.id ?? "")
    await pass(2)
    expect([statuses[0]?.done, await connectors[0]?.serviceConnected.get()]).toEqual([false, false])
    expect(statuses[1]?.done).toBe(false)
    expect(await connectors[1]?.serviceConnected.get()).toBe(true)
  })

  it("leave nothing behind when their watch ends", async () => {
    const { connectors, clock, dm, pass, forget } = await setUp(10)
    await Promise.all(connectors.map(connector => connector.stop()))
    await pass(1)
    forget()
    await pass(5)
    expect([dm.polls, dm.lists > 1, clock.pending]).toEqual([0, false, 0])
  })
})
