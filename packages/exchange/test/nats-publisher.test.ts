import { createServer } from "node:net"
import { bp, RunEngine } from "@ophyd-ts/run-engine"
import { simDetector } from "@ophyd-ts/run-engine/testing"
import { beforeAll, describe, expect, it } from "vitest"
import { type DeliveryReport, NatsDocuments, NatsPublisher, type NatsPublisherOptions } from "../src/index.ts"

/** A port that nobody listens on. */
let servers = ""
beforeAll(async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  servers = `nats://127.0.0.1:${port}`
})

const makePublisher = (options: NatsPublisherOptions = {}) => {
  const reports: DeliveryReport[] = []
  const publisher = new NatsPublisher({
    servers,
    backOff: { first: 0.01, longest: 0.05 },
    report: r => reports.push(r),
    ...options,
  })
  return { publisher, reports }
}

describe("a publisher without a broker", () => {
  it("does not hold the plan up, says so once, and names what it gave up when it is closed", async () => {
    const { publisher, reports } = makePublisher()
    const RE = new RunEngine()
    RE.subscribe(publisher.subscriber)
    const { runUids, problems } = await RE.run(bp.count([simDetector("d")], 20))
    expect(problems).toEqual([])
    expect(publisher.health.pending).toBe(23)
    await expect.poll(() => publisher.health.away?.message).toContain("connection refused")
    await publisher.close(0.05)
    expect(reports.map(r => r.kind)).toEqual(["away", "lost"])
    expect(reports[1]).toMatchObject({ run: runUids[0], error: { code: "CLOSED" } })
  })

  it("keeps no more documents than its bound", async () => {
    const { publisher, reports } = makePublisher({ maxPending: 5 })
    const RE = new RunEngine()
    RE.subscribe(publisher.subscriber)
    await RE.run(bp.count([simDetector("d")], 20))
    expect(reports.find(r => r.kind === "lost")).toMatchObject({ error: { code: "OVERFLOW" } })
    expect(publisher.health.pending).toBeLessThanOrEqual(6)
    await publisher.close(0)
  })

  it("fails a plan that asked it to be strict", async () => {
    const { publisher } = makePublisher({ strict: true, patience: 0.1 })
    const RE = new RunEngine()
    RE.subscribe(publisher.subscriber, { strict: true })
    await expect(RE.run(bp.count([simDetector("d")], 2))).rejects.toThrow(
      /publish events\.volatile\.start|connect/,
    )
    await publisher.close(0)
  })

  it("refuses a subject that cannot be published to", () => {
    for (const subject of ["a.>", "a..b", "", "a b", "*"])
      expect(() => makePublisher({ subject })).toThrow(expect.objectContaining({ code: "ARGUMENT" }))
  })
})

it("a reader without a broker tells of it and ends when it is closed", async () => {
  const problems: string[] = []
  const documents = new NatsDocuments({
    servers,
    backOff: { first: 0.01 },
    problem: e => problems.push(e.code),
  })
  const reading = (async () => {
    for await (const _ of documents) throw new Error("nothing can come")
  })()
  await expect.poll(() => problems.length).toBeGreaterThan(1)
  expect(new Set(problems)).toEqual(new Set(["UNREACHABLE"]))
  await documents.close()
  await reading
})
