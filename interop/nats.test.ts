/** Documents over NATS JetStream, with the stock publisher and the stock consumer of bluesky-nats on the other side. */
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { makeStream, NatsDocuments, NatsPublisher, type NatsPublisherOptions } from "@ophyd-ts/exchange"
import { bp, bpp, bps, type DocumentArgs, DocumentRules, RunEngine } from "@ophyd-ts/run-engine"
import { peakAt, simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { NatsTestServer } from "./nats-server.ts"
import { peers, python } from "./peers.ts"

const script = (name: string): string => readFileSync(new URL(`./python/${name}`, import.meta.url), "utf8")

type Pair = [name: string, doc: Record<string, unknown>]

describe.skipIf(!peers().blueskyNats || !peers().natsServer)("documents over NATS JetStream", () => {
  let broker: NatsTestServer

  beforeAll(async () => {
    broker = await NatsTestServer.start()
    await makeStream({ servers: broker.url })
  })
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]()
  })

  /** A subject for one test, and readers and writers of it. */
  function channel() {
    const subject = `events.t${randomUUID().replaceAll("-", "")}`
    const publisher = (options: NatsPublisherOptions = {}) =>
      new NatsPublisher({
        servers: broker.url,
        subject,
        ackTimeout: 1,
        backOff: { longest: 0.5 },
        ...options,
      })
    const reader = (durable?: string) =>
      new NatsDocuments({
        servers: broker.url,
        subject: `${subject}.>`,
        ackWait: 1,
        ...(durable !== undefined && { durable }),
      })
    return { subject, publisher, reader }
  }

  /** An engine that remembers what it emitted, as it looks on the other side. */
  function engine(publisher: NatsPublisher) {
    const RE = new RunEngine({ metadata: { proposal: "2026-1" } })
    const emitted: Pair[] = []
    RE.subscribe((name, doc) => emitted.push(JSON.parse(JSON.stringify([name, doc])) as Pair))
    RE.subscribe(publisher.subscriber)
    return { RE, emitted }
  }

  /** Documents until so many runs have ended. */
  async function take(reader: NatsDocuments, runs: number): Promise<Pair[]> {
    const seen: Pair[] = []
    for await (const { name, doc } of reader) {
      seen.push([name, doc as unknown as Record<string, unknown>])
      if (name === "stop" && --runs === 0) break
    }
    return seen
  }

  it("reach the stock Python consumer as they were emitted, in order", async () => {
    const { subject, publisher: make } = channel()
    await using publisher = make()
    const { RE, emitted } = engine(publisher)
    const motor = simMotor("m")
    await RE.run(
      bpp.baseline([motor], bp.scan([simDetector("d", { value: peakAt(motor) })], motor, -1, 1, 5)),
    )
    await RE.run(bp.count([simDetector("d")], 2))
    await publisher.flush()
    const seen = await python<Pair>(script("nats_consume.py"), { args: [broker.url, `${subject}.>`, "2"] })
    expect(seen).toEqual(emitted)
  })

  it("of the stock Python publisher are read here as they were emitted, and keep the rules between documents", async () => {
    const { subject, reader: make } = channel()
    const emitted = await python<Pair>(script("nats_publish.py"), { args: [broker.url, subject] })
    await using reader = make()
    const seen = await take(reader, 2)
    expect(seen).toEqual(emitted)
    const rules = new DocumentRules()
    for (const [name, doc] of seen) rules.check(...([name, doc] as unknown as DocumentArgs))
    rules.finish()
  })

  it("are all there, once and in order, after the broker was killed and came back during the run; the plan did not wait", async () => {
    const { subject, publisher: makePublisher, reader: makeReader } = channel()
    const reports: string[] = []
    await using publisher = makePublisher({ report: r => reports.push(r.kind) })
    const { RE, emitted } = engine(publisher)
    await using reader = makeReader(`d${randomUUID()}`)
    const reading = take(reader, 1)
    const det = simDetector("d")
    let slowest = 0
    await RE.run(
      bpp.run({}, function* () {
        for (let i = 0; i < 300; i++) {
          const before = performance.now()
          yield* bps.triggerAndRead([det])
          slowest = Math.max(slowest, performance.now() - before)
          if (i === 50) yield* bps.call(() => publisher.flush())
          if (i === 100) yield* bps.call(() => broker.down())
        }
      }),
    )
    expect(slowest).toBeLessThan(500)
    expect(publisher.health.pending).toBeGreaterThan(0)
    await expect.poll(() => reports, { timeout: 10_000 }).toEqual(["away"])
    await broker.up()
    await publisher.flush(30)
    expect(reports).toEqual(["away", "back"])
    expect(await reading).toEqual(emitted)
    const python_ = await python<Pair>(script("nats_consume.py"), { args: [broker.url, `${subject}.>`, "1"] })
    expect(python_).toEqual(emitted)
  })

  it("go on for a durable reader where it stopped; what it left in the middle comes again", async () => {
    const { publisher: makePublisher, reader: makeReader } = channel()
    await using publisher = makePublisher()
    const { RE, emitted } = engine(publisher)
    await RE.run(bp.count([simDetector("d")], 5))
    await publisher.flush()
    const durable = `d${randomUUID()}`
    const first: string[] = []
    {
      await using reader = makeReader(durable)
      for await (const { name } of reader) {
        first.push(name)
        if (first.length === 3) break
      }
    }
    await broker.down("SIGTERM")
    await broker.up()
    await using again = makeReader(durable)
    const rest = await take(again, 1)
    expect(first).toEqual(emitted.slice(0, 3).map(([name]) => name))
    expect(rest).toEqual(emitted.slice(2))
  })

  it("wait for a broker that is not there yet when the plan starts", async () => {
    const { publisher: makePublisher, reader: makeReader } = channel()
    await broker.down("SIGTERM")
    await using publisher = makePublisher({ report: () => {} })
    const { RE, emitted } = engine(publisher)
    await RE.run(bp.count([simDetector("d")], 3))
    expect(publisher.health.pending).toBe(emitted.length)
    await broker.up()
    await publisher.flush(30)
    await using reader = makeReader()
    expect(await take(reader, 1)).toEqual(emitted)
  })

  it("say clearly when no stream takes their subject", async () => {
    const errors: string[] = []
    await using publisher = new NatsPublisher({
      servers: broker.url,
      subject: "elsewhere.x",
      patience: 0.5,
      report: r => r.kind === "lost" && errors.push(r.error.message),
    })
    const { RE } = engine(publisher)
    await RE.run(bp.count([simDetector("d")], 1))
    await expect.poll(() => errors, { timeout: 10_000 }).toHaveLength(1)
    expect(errors[0]).toContain("no stream takes this subject")
    expect(errors[0]).toContain("elsewhere.x.start")
  })
})
