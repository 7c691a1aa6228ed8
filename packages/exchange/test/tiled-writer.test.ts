import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bp, bpp, bps, RunEngine, type RunStart } from "@ophyd-ts/run-engine"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type DeliveryReport, TiledWriter, type TiledWriterOptions } from "../src/index.ts"
import { FakeTiled, type Fault, type Request } from "./support/fake-tiled.ts"

let tiled: FakeTiled
let folder: string
let reports: DeliveryReport[]
beforeEach(async () => {
  tiled = await FakeTiled.start()
  folder = mkdtempSync(join(tmpdir(), "ophyd-ts-tiled-"))
  reports = []
})
afterEach(async () => {
  await tiled[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const makeWriter = (options: Partial<TiledWriterOptions> = {}) =>
  new TiledWriter({
    url: tiled.url,
    apiKey: "k",
    backOff: { first: 0.01, longest: 0.05 },
    flushInterval: 0.01,
    report: r => reports.push(r),
    ...options,
  })

const det = simDetector("det")

/** An engine that writes, and the start documents of its runs. */
function engine(writer: TiledWriter, strict = false) {
  const RE = new RunEngine()
  const starts: RunStart[] = []
  RE.subscribe((_name, doc) => starts.push(doc as RunStart), { name: "start" })
  RE.subscribe(writer.subscriber, { strict })
  return { RE, starts }
}

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

describe("a run in the catalogue", () => {
  it("has a container with start and stop, one per stream, a table in each, all closed at the end", async () => {
    await using writer = makeWriter({ container: ["raw"] })
    tiled.nodes.set("raw", { family: "container" } as never)
    const { RE, starts } = engine(writer)
    await RE.run(bpp.baseline([simMotor("m")], bp.count([det], 3)), {
      tiled_specs: ["XAS"],
      tiled_access_tags: ["x"],
    })
    await writer.flush()
    const { uid } = starts[0]!
    const run = tiled.node("raw", uid)!
    expect(run.specs).toEqual([
      { name: "XAS", version: null },
      { name: "BlueskyRun", version: "3.0" },
    ])
    expect(run.metadata["start"]).toMatchObject({ uid, plan_name: "count" })
    expect(run.metadata["start"]).not.toHaveProperty("tiled_specs")
    expect(run.metadata["stop"]).toMatchObject({ exit_status: "success" })
    const below = [...tiled.nodes.keys()]
      .filter(k => k.startsWith(`raw/${uid}/`))
      .map(k => k.slice(uid.length + 5))
    expect(below.sort()).toEqual(["baseline", "baseline/internal", "primary", "primary/internal"])
    expect([...tiled.nodes].filter(([k]) => k !== "raw").every(([, node]) => node.closed)).toBe(true)
    expect(tiled.requests.every(r => r.key === "Apikey k")).toBe(true)
    expect(reports).toEqual([])
  })

  it("gets its events in few requests when they come fast, and soon when they come slowly", async () => {
    await using writer = makeWriter()
    const { RE, starts } = engine(writer)
    await RE.run(
      bpp.run({}, function* () {
        for (let i = 0; i < 500; i++) yield* bps.triggerAndRead([det])
        yield* bps.call(() => expect.poll(() => tiled.numbers(starts[0]!.uid)).toHaveLength(500))
        yield* bps.triggerAndRead([det])
        yield* bps.call(() => expect.poll(() => tiled.numbers(starts[0]!.uid)).toHaveLength(501))
      }),
    )
    await writer.flush()
    expect(tiled.numbers(starts[0]!.uid)).toEqual(oneTo(501))
    expect(tiled.requests.filter(r => r.endpoint === "table/partition").length).toBeLessThan(60)
  })

  it("of two that are open at once are kept apart", async () => {
    await using writer = makeWriter()
    const { RE, starts } = engine(writer)
    const inner = (key: string) => bpp.setRunKey(key, bp.count([det], 2))
    await RE.run(
      (function* () {
        yield* bpp.setRunKey(
          "outer",
          bpp.run({ which: "outer" }, function* () {
            yield* bps.triggerAndRead([det])
            yield* inner("inner")
            yield* bps.triggerAndRead([det])
          }),
        )
      })(),
    )
    await writer.flush()
    for (const { uid } of starts) expect(tiled.numbers(uid)).toEqual([1, 2])
    expect(starts).toHaveLength(2)
  })
})

describe("documents of flyers", () => {
  const send = (writer: TiledWriter, documents: [string, object][]) => {
    for (const pair of documents) writer.subscriber(...(pair as Parameters<typeof writer.subscriber>))
  }
  const key = { source: "s", dtype: "number", shape: [] }
  const descriptor = (data_keys: object) => ({
    uid: "d",
    time: 1,
    run_start: "r",
    name: "fly",
    data_keys,
    object_keys: {},
    configuration: {},
    hints: {},
  })
  const stop = { uid: "s", time: 9, run_start: "r", exit_status: "success", reason: "", num_events: {} }

  it("in pages are rows of the table", async () => {
    await using writer = makeWriter()
    send(writer, [
      ["start", { uid: "r", time: 0 }],
      ["descriptor", descriptor({ x: key })],
      [
        "event_page",
        {
          descriptor: "d",
          uid: ["a", "b"],
          seq_num: [1, 2],
          time: [5, 6],
          data: { x: [0.5, 1.5] },
          timestamps: { x: [7, 8] },
        },
      ],
      ["stop", stop],
    ])
    await writer.flush()
    expect(tiled.node("r", "fly", "internal")!.rows).toEqual([
      { seq_num: 1n, time: 5, x: 0.5, ts_x: 7 },
      { seq_num: 2n, time: 6, x: 1.5, ts_x: 8 },
    ])
  })

  it("that point into files register them once, then say how they grow; what cannot be registered is noted", async () => {
    await using writer = makeWriter()
    const external = { ...key, dtype: "array", shape: [2], external: "STREAM:" }
    const resource = (uid: string, data_key: string, mimetype: string) => ({
      uid,
      data_key,
      mimetype,
      uri: "file://localhost/f",
      parameters: { dataset: "/x" },
      run_start: "r",
    })
    const datum = (stream_resource: string, start: number, stop: number) => ({
      uid: `${stream_resource}/${start}`,
      stream_resource,
      descriptor: "d",
      indices: { start, stop },
      seq_nums: { start: start + 1, stop: stop + 1 },
    })
    send(writer, [
      ["start", { uid: "r", time: 0 }],
      ["descriptor", descriptor({ cam: external, log: external })],
      ["stream_resource", resource("h", "cam", "application/x-hdf5")],
      ["stream_resource", resource("c", "log", "text/csv;header=absent")],
      ["stream_datum", datum("h", 0, 3)],
      ["stream_datum", datum("c", 0, 3)],
    ])
    await writer.flush()
    const shape = () =>
      (tiled.node("r", "fly", "cam")!.source as { structure: { shape: number[] } }).structure.shape
    expect(shape()).toEqual([3, 2])
    send(writer, [
      ["stream_datum", datum("h", 3, 5)],
      ["stop", stop],
    ])
    await writer.flush()
    expect(shape()).toEqual([5, 2])
    expect(tiled.node("r", "fly", "cam")!.source).toMatchObject({ id: 7, management: "external" })
    expect(tiled.node("r")!.metadata["notes"]).toEqual([
      expect.stringMatching(/^Not registered: .*"log".*joined end to end/),
    ])
    expect(tiled.requests.filter(r => r.method === "PUT" && r.endpoint === "data_source")).toHaveLength(1)
  })
})

/** A fault for the first `n` requests of a kind. */
const first = (n: number, fault: Fault, is: (request: Request) => boolean) => {
  let left = n
  return (request: Request) => (is(request) && left-- > 0 ? fault : null)
}

describe("a server with faults", () => {
  const kinds: [string, (r: Request) => boolean][] = [
    ["making a node", r => r.method === "POST"],
    ["appending rows", r => r.method === "PATCH" && r.endpoint === "table/partition"],
    ["counting rows", r => r.method === "GET"],
    ["the stop document", r => r.method === "PATCH" && r.endpoint === "metadata"],
    ["anything", () => true],
  ]
  const faults: Fault[] = [503, 429, "before", "after"]

  it.each(kinds.flatMap(([kind, is]) => faults.map(fault => [fault, kind, is] as const)))(
    "(%s, at %s) gets every event once",
    async (fault, _kind, is) => {
      await using writer = makeWriter()
      const { RE, starts } = engine(writer)
      tiled.fault = first(3, fault, is)
      await RE.run(bp.count([det], 4))
      await writer.flush()
      expect(tiled.numbers(starts[0]!.uid)).toEqual([1, 2, 3, 4])
      expect(tiled.node(starts[0]!.uid)!.metadata["stop"]).toMatchObject({ num_events: { primary: 4 } })
      expect(reports.filter(r => r.kind === "lost")).toEqual([])
    },
  )

  it("that does not answer is asked again", async () => {
    await using writer = makeWriter({ timeout: 0.1 })
    const { RE, starts } = engine(writer)
    tiled.fault = first(1, "silence", r => r.endpoint === "table/partition")
    await RE.run(bp.count([det], 2))
    await writer.flush()
    expect(tiled.numbers(starts[0]!.uid)).toEqual([1, 2])
    expect(reports[0]).toMatchObject({
      kind: "away",
      error: { code: "UNREACHABLE", message: /no answer within 0.1 s/ },
    })
  })

  it("that refuses loses the run without an end that looks complete; the next run is written", async () => {
    await using writer = makeWriter({ spool: folder })
    const { RE, starts } = engine(writer)
    tiled.fault = first(1, 422, r => r.endpoint === "table/partition")
    await RE.run(bp.count([det], 2))
    await RE.run(bp.count([det], 2))
    await writer.flush()
    const [lost, kept] = starts.map(s => s.uid) as [string, string]
    expect(tiled.node(lost)!.metadata["stop"]).toBeUndefined()
    expect(tiled.numbers(kept)).toEqual([1, 2])
    expect(reports).toMatchObject([
      {
        kind: "lost",
        run: lost,
        error: { code: "REFUSED", status: 422 },
        spooled: join(folder, `${lost}.jsonl`),
      },
    ])
    expect(readdirSync(folder)).toEqual([`${lost}.jsonl`])
    expect(await writer.resend()).toEqual({ sent: [lost], failed: [] })
    expect(tiled.numbers(lost)).toEqual([1, 2])
    expect(tiled.node(lost)!.metadata["stop"]).toMatchObject({ num_events: { primary: 2 } })
    expect(readdirSync(folder)).toEqual([])
    expect(writer.health.lost).toEqual([])
  })

  it("that stays away fills the queue up to its bound, and the run is left to the spool", async () => {
    const writer = makeWriter({ spool: folder, maxPending: 10 })
    const { RE, starts } = engine(writer)
    tiled.fault = () => 503
    const { problems } = await RE.run(bp.count([det], 100))
    expect(problems).toEqual([])
    const { uid } = starts[0]!
    await expect.poll(() => reports.map(r => r.kind).sort()).toEqual(["away", "lost"])
    expect(reports.find(r => r.kind === "lost")).toMatchObject({ run: uid, error: { code: "OVERFLOW" } })
    expect(writer.health.pending).toBeLessThanOrEqual(11)
    await writer.close(0.05)
    expect(existsSync(join(folder, `${uid}.jsonl`))).toBe(true)
    tiled.fault = () => null
    await using later = makeWriter({ spool: folder })
    expect((await later.resend()).sent).toEqual([uid])
    expect(tiled.numbers(uid)).toEqual(oneTo(100))
  })

  it("is among the problems of the run when nobody listens to reports", async () => {
    const writer = new TiledWriter({ url: tiled.url, backOff: { first: 0.01 } })
    const { RE } = engine(writer)
    tiled.fault = () => 503
    const { problems } = await RE.run(
      bpp.run({}, function* () {
        yield* bps.triggerAndRead([det])
        yield* bps.call(() => expect.poll(() => writer.health.away).not.toBeNull())
        yield* bps.triggerAndRead([det])
      }),
    )
    expect(problems).toHaveLength(1)
    expect(problems[0]!.message).toContain("said 503")
    await writer.close(0)
  })
})

describe("a strict writer", () => {
  it("has each event in the catalogue before the plan goes on", async () => {
    await using writer = makeWriter({ strict: true })
    const { RE, starts } = engine(writer, true)
    const seen: number[] = []
    await RE.run(
      bpp.run({}, function* () {
        for (let i = 0; i < 3; i++) {
          yield* bps.triggerAndRead([det])
          yield* bps.call(() => void seen.push(tiled.numbers(starts[0]!.uid).length))
        }
      }),
    )
    expect(seen).toEqual([1, 2, 3])
  })

  it("fails the plan when the server stays away longer than its patience", async () => {
    await using writer = makeWriter({ strict: true, patience: 0.1 })
    const { RE } = engine(writer, true)
    tiled.fault = r => (r.endpoint === "table/partition" ? 503 : null)
    await expect(RE.run(bp.count([det], 2))).rejects.toThrow(/said 503/)
    expect(RE.lastResult?.exitStatus).toBe("fail")
  })
})

it("what cannot be an address is refused at once, and a resend needs a spool", async () => {
  expect(() => new TiledWriter({ url: "nowhere" })).toThrow(expect.objectContaining({ code: "ARGUMENT" }))
  await using writer = makeWriter()
  await expect(writer.resend()).rejects.toMatchObject({ code: "ARGUMENT" })
})
