/** Runs written by our TiledWriter, read by stock Python, and beside the same documents written by bluesky's own. */
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { float64Array, softSignal, stringArray, table } from "@ophyd-ts/core"
import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { type DeliveryReport, TiledWriter } from "@ophyd-ts/exchange"
import { bp, bpp, bps, type NamedDocument, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { peakAt, simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type PythonScript, peers, startPython } from "./peers.ts"
import { TiledTestServer } from "./tiled-server.ts"

interface Seen {
  type: string
  start: Record<string, unknown>
  stop: Record<string, unknown> | null
  notes: string[] | null
  streams: Record<
    string,
    {
      data: Record<string, unknown[]>
      configuration: Record<string, unknown>
      data_keys: Record<string, unknown>
      updates: number
      seq_num: number[] | null
      hints: Record<string, unknown>
    }
  >
  tree: unknown
  documents: [string, Record<string, unknown>][]
}

const script = readFileSync(new URL("./python/tiled_peer.py", import.meta.url), "utf8")

describe.skipIf(!peers().tiled)("runs in a Tiled catalogue", { timeout: 180_000 }, () => {
  let server: TiledTestServer
  let peer: PythonScript<unknown>

  beforeAll(async () => {
    server = await TiledTestServer.start()
    peer = startPython(script, { args: [server.url, server.apiKey], timeout: 600 })
    // Its imports alone take a while on a busy machine.
  }, 300_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await server?.[Symbol.asyncDispose]()
  })

  const makeWriter = (options: Partial<ConstructorParameters<typeof TiledWriter>[0]> = {}) =>
    new TiledWriter({ url: server.url, apiKey: server.apiKey, backOff: { longest: 0.5 }, ...options })

  const ask = async (request: unknown): Promise<unknown> => {
    peer.send(request)
    return peer.next()
  }

  const read = async (uid: string): Promise<Seen> => (await ask({ read: uid })) as Seen

  /** Plain JSON, as it arrives on the other side. */
  const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

  /** Runs a plan with the writer attached; gives the documents too. */
  async function record(plan: Plan<unknown>, writer: TiledWriter): Promise<NamedDocument[]> {
    const RE = new RunEngine({ metadata: { proposal: "2026-1", nested: { list: [1, 2.5, "three", null] } } })
    const documents: NamedDocument[] = []
    RE.subscribe((...[name, doc]) => documents.push({ name, doc } as NamedDocument))
    RE.subscribe(writer.subscriber)
    await RE.run(plan).catch(() => {})
    expect(RE.lastResult?.problems).toEqual([])
    return documents
  }

  const uidOf = (documents: readonly NamedDocument[]): string => documents[0]!.doc.uid as string

  /** The same documents as another run. */
  function renamed(documents: readonly NamedDocument[]): NamedDocument[] {
    const ids = new Map<string, string>()
    for (const { doc } of documents) ids.set(doc.uid as string, randomUUID())
    const text = JSON.stringify(documents)
    const replaced = [...ids].reduce((t, [from, to]) => t.replaceAll(from, to), text)
    return JSON.parse(replaced) as NamedDocument[]
  }

  /** What bluesky's own writer makes of these documents. */
  async function byBluesky(documents: readonly NamedDocument[]): Promise<Seen> {
    const copies = renamed(documents)
    await ask({ write: copies.map(({ name, doc }) => [name, doc]) })
    return read(uidOf(copies))
  }

  const events = (documents: readonly NamedDocument[], stream: string) => {
    const uids = documents.flatMap(d => (d.name === "descriptor" && d.doc.name === stream ? [d.doc.uid] : []))
    return documents.flatMap(d => (d.name === "event" && uids.includes(d.doc.descriptor) ? [d.doc] : []))
  }

  it("are read by bluesky's own reader as the documents they were", async () => {
    await using writer = makeWriter()
    const [x, y] = [simMotor("x"), simMotor("y", { position: 3 })]
    const det = simDetector("det", { value: peakAt(x) })
    const documents = await record(bpp.baseline([x, y], bp.gridScan([det], x, -1, 1, 3, y, 0, 1, 2)), writer)
    await writer.flush()
    const seen = await read(uidOf(documents))

    expect(seen.type).toBe("BlueskyRunV3")
    expect(seen.start).toEqual(plain(documents[0]!.doc))
    expect(seen.stop).toEqual(plain(documents.at(-1)!.doc))
    expect(Object.keys(seen.streams)).toEqual(["baseline", "primary"])
    for (const name of ["baseline", "primary"]) {
      const stream = seen.streams[name]!
      const descriptor = documents.find(d => d.name === "descriptor" && d.doc.name === name)!
        .doc as unknown as { configuration: Record<string, { data: unknown }>; hints: unknown }
      const rows = events(documents, name)
      expect(stream.seq_num).toEqual(rows.map(e => e.seq_num))
      expect(stream.data["time"]).toEqual(rows.map(e => e.time))
      for (const key of Object.keys(rows[0]!.data))
        expect(stream.data[key]).toEqual(rows.map(e => e.data[key]))
      for (const [obj, conf] of Object.entries(descriptor.configuration))
        expect(stream.configuration[obj]).toMatchObject(plain({ data: conf.data }))
      expect(stream.hints).toEqual(descriptor.hints)
    }
    const kinds = documents.map(d => d.name)
    expect(seen.documents.map(([name]) => name).sort()).toEqual(kinds.sort())
    expect(writer.health).toEqual({ pending: 0, away: null, lost: [] })
  })

  it("have the same tree, columns, metadata and data as when bluesky's TiledWriter writes the documents", async () => {
    await using writer = makeWriter()
    const [x, y] = [simMotor("x"), simMotor("y")]
    const det = simDetector("det", { value: peakAt(x) })
    const documents = await record(bpp.baseline([y], bp.scan([det], x, -1, 1, 4)), writer)
    await writer.flush()
    const ours = await read(uidOf(documents))
    const theirs = await byBluesky(documents)
    expect(ours.tree).toEqual(theirs.tree)
    expect(ours.streams).toEqual(theirs.streams)
    expect({ ...ours.start, uid: "" }).toEqual({ ...theirs.start, uid: "" })
    expect(Object.keys(ours.stop!)).toEqual(Object.keys(theirs.stop!))
    expect(ours.notes?.toSorted()).toEqual(theirs.notes?.toSorted())
  })

  it("carry every kind of value, and a second configuration", async () => {
    await using writer = makeWriter()
    const documents = strangeRun()
    for (const { name, doc } of documents)
      writer.subscriber(...([name, doc] as Parameters<typeof writer.subscriber>))
    await writer.flush()
    const ours = await read(uidOf(documents))
    const theirs = await byBluesky(documents)
    expect(ours.tree).toEqual(theirs.tree)
    expect(ours.streams).toEqual(theirs.streams)
    expect(ours.notes?.toSorted()).toEqual(theirs.notes?.toSorted())
    expect(ours.streams["primary"]!.data["label"]).toEqual(["a", "bö", "c"])
  })

  it("carry tables as text, in JSON", async () => {
    await using writer = makeWriter()
    const steps = softSignal(table({ x: float64Array, label: stringArray }), {
      name: "steps",
      initial: { x: Float64Array.of(0.5, 1), label: ["a", "b"] },
    })
    const documents = await record(bp.count([steps], 2), writer)
    await writer.flush()
    const { streams, notes } = await read(uidOf(documents))
    const text = '{"x":[0.5,1],"label":["a","b"]}'
    expect(streams["primary"]!.data["steps"]).toEqual([text, text])
    expect(notes ?? []).toEqual([])
  })

  it("of a plan that failed say so", async () => {
    await using writer = makeWriter()
    const det = simDetector("det")
    const documents = await record(
      bpp.run({ plan_name: "broken" }, function* () {
        yield* bps.triggerAndRead([det])
        throw new Error("the beam went away")
      }),
      writer,
    )
    await writer.flush()
    const seen = await read(uidOf(documents))
    expect(seen.stop).toMatchObject({
      exit_status: "fail",
      reason: expect.stringContaining("the beam went away"),
    })
    expect(seen.streams["primary"]!.data["det"]).toEqual([1])
  })

  it("appear while the scan still runs, and a plan that follows strictly finds its events there", async () => {
    await using writer = makeWriter({ strict: true })
    const det = simDetector("det")
    const RE = new RunEngine()
    RE.subscribe(writer.subscriber, { strict: true })
    let during: Seen | undefined
    const { runUids } = await RE.run(
      (function* () {
        const run = yield* bps.openRun()
        yield* bps.triggerAndRead([det])
        yield* bps.triggerAndRead([det])
        yield* bps.call(async () => {
          during = await read(run)
        })
        yield* bps.closeRun()
      })(),
    )
    expect(during!.start["uid"]).toBe(runUids[0])
    expect(during!.stop).toBeNull()
    expect(during!.streams["primary"]!.seq_num).toEqual([1, 2])
  })

  it("are complete, each event once, after the server was killed and came back in the middle; the plan did not wait", async () => {
    const reports: DeliveryReport[] = []
    await using writer = makeWriter({ report: r => reports.push(r), flushInterval: 0.05 })
    const det = simDetector("det")
    let killed = 0
    let slowest = 0
    const documents = await record(
      bpp.run({}, function* () {
        for (let i = 0; i < 200; i++) {
          const before = performance.now()
          yield* bps.triggerAndRead([det])
          slowest = Math.max(slowest, performance.now() - before)
          if (i === 20) yield* bps.call(() => writer.flush())
          if (i === 40) yield* bps.call(() => server.down())
          if (i === 41) killed = performance.now()
        }
      }),
      writer,
    )
    expect(performance.now() - killed).toBeLessThan(2000)
    expect(slowest).toBeLessThan(500)
    await expect.poll(() => reports.map(r => r.kind)).toEqual(["away"])
    await server.up()
    await writer.flush(30)
    expect(reports.map(r => r.kind)).toEqual(["away", "back"])
    const seen = await read(uidOf(documents))
    expect(seen.streams["primary"]!.seq_num).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    expect(seen.stop).toMatchObject({ num_events: { primary: 200 } })
  })

  it("that did not arrive are kept in the spool, whole, and delivered later", async () => {
    const spool = join(server.folder, "spool")
    const reports: DeliveryReport[] = []
    const det = simDetector("det")
    // Starting the server anew would take seconds: the way to it is cut.
    await using way = await TcpProxy.start({ port: server.port })
    const url = `http://127.0.0.1:${way.port}`
    const writer = makeWriter({ url, spool, report: r => reports.push(r) })
    const kept = await record(
      bpp.run({}, function* () {
        yield* bps.triggerAndRead([det])
        yield* bps.call(() => writer.flush())
        yield* bps.call(() => way.close())
        yield* bps.triggerAndRead([det])
      }),
      writer,
    )
    await writer.close(0.2)
    const file = join(spool, `${uidOf(kept)}.jsonl`)
    expect(reports.find(r => r.kind === "lost")).toMatchObject({ run: uidOf(kept), spooled: file })
    expect(await readdir(spool)).toEqual([`${uidOf(kept)}.jsonl`])

    const half = await read(uidOf(kept))
    expect(half.stop).toBeNull()
    await using later = makeWriter({ spool })
    expect(await later.resend()).toEqual({ sent: [uidOf(kept)], failed: [] })
    expect(await readdir(spool)).toEqual([])
    const seen = await read(uidOf(kept))
    expect(seen.streams["primary"]!.seq_num).toEqual([1, 2])
    expect(seen.stop).toEqual(plain(kept.at(-1)!.doc))
  })

  it("are refused with the server's words when the key is wrong, and the plan goes on", async () => {
    const reports: DeliveryReport[] = []
    await using writer = makeWriter({ apiKey: "wrong", report: r => reports.push(r) })
    const documents = await record(bp.count([simDetector("det")], 2), writer)
    await expect.poll(() => reports).toHaveLength(1)
    expect(reports[0]).toMatchObject({
      kind: "lost",
      run: uidOf(documents),
      error: { code: "REFUSED", status: 401 },
    })
  })

  it("register the files of a detector, so that the reader finds its frames in them", async () => {
    await using writer = makeWriter()
    const file = join(server.folder, "frames.h5")
    await ask({ frames: file })
    const documents = fileRun(file)
    for (const { name, doc } of documents)
      writer.subscriber(...([name, doc] as Parameters<typeof writer.subscriber>))
    await writer.flush()
    const ours = await read(uidOf(documents))
    const theirs = await byBluesky(documents)
    expect(ours.tree).toEqual(theirs.tree)
    expect(ours.streams["primary"]!.data["cam"]).toEqual(theirs.streams["primary"]!.data["cam"])
    expect((ours.streams["primary"]!.data["cam"] as number[][][])[3]).toEqual([
      [18, 19, 20],
      [21, 22, 23],
    ])
  })
})

const now = 1_795_000_000.25

/** Values of every kind, a key with a name that the table needs itself, a configuration that changes. */
function strangeRun(): NamedDocument[] {
  const [run, first, second] = [randomUUID(), randomUUID(), randomUUID()]
  const keys = {
    whole: { source: "s", dtype: "integer", shape: [] },
    fraction: { source: "s", dtype: "number", shape: [] },
    on: { source: "s", dtype: "boolean", shape: [] },
    label: { source: "s", dtype: "string", shape: [] },
    time: { source: "s", dtype: "number", shape: [] },
    short: { source: "s", dtype: "array", shape: [3], dtype_numpy: "<f8" },
    counts: { source: "s", dtype: "array", shape: [2], dtype_numpy: "<i8" },
    names: { source: "s", dtype: "array", shape: [2], dtype_numpy: "<U4" },
    spectrum: { source: "s", dtype: "array", shape: [20], dtype_numpy: "<f4" },
    image: { source: "s", dtype: "array", shape: [4, 5], dtype_numpy: "<u2" },
  }
  const descriptor = (uid: string, gain: number) => ({
    uid,
    time: now,
    run_start: run,
    name: "primary",
    data_keys: keys,
    object_keys: { obj: Object.keys(keys) },
    configuration: {
      obj: {
        data: { gain },
        timestamps: { gain: now },
        data_keys: { gain: { source: "s", dtype: "integer", shape: [] } },
      },
    },
    hints: { obj: { fields: ["whole"] } },
  })
  const event = (seq_num: number, descriptorUid: string) => {
    const data = {
      whole: 2 ** 40 + seq_num,
      fraction: seq_num / 3,
      on: seq_num === 2,
      label: ["a", "bö", "c"][seq_num - 1],
      time: seq_num + 0.5,
      short: [seq_num, 0.5, -1],
      counts: [seq_num, seq_num + 1],
      names: ["p", "qr"],
      spectrum: Array.from({ length: 20 }, (_, i) => i * seq_num),
      image: Array.from({ length: 4 }, (_, i) => Array.from({ length: 5 }, (_, j) => i * 10 + j)),
    }
    const timestamps = Object.fromEntries(Object.keys(data).map(key => [key, now + seq_num]))
    return {
      uid: randomUUID(),
      time: now + seq_num,
      seq_num,
      descriptor: descriptorUid,
      data,
      timestamps,
      filled: {},
    }
  }
  return [
    { name: "start", doc: { uid: run, time: now, plan_name: "strange", big: 1e300 } },
    { name: "descriptor", doc: descriptor(first, 1) },
    { name: "event", doc: event(1, first) },
    { name: "event", doc: event(2, first) },
    { name: "descriptor", doc: descriptor(second, 2) },
    { name: "event", doc: event(3, second) },
    {
      name: "stop",
      doc: {
        uid: randomUUID(),
        time: now + 9,
        run_start: run,
        exit_status: "success",
        reason: "",
        num_events: { primary: 3 },
      },
    },
  ] as unknown as NamedDocument[]
}

/** A detector whose frames are in a file. */
function fileRun(file: string): NamedDocument[] {
  const [run, descriptor, resource] = [randomUUID(), randomUUID(), randomUUID()]
  const datum = (start: number, stop: number) => ({
    name: "stream_datum",
    doc: {
      uid: randomUUID(),
      stream_resource: resource,
      descriptor,
      indices: { start, stop },
      seq_nums: { start: start + 1, stop: stop + 1 },
    },
  })
  return [
    { name: "start", doc: { uid: run, time: now } },
    {
      name: "descriptor",
      doc: {
        uid: descriptor,
        time: now,
        run_start: run,
        name: "primary",
        data_keys: {
          cam: { source: "s", dtype: "array", shape: [2, 3], dtype_numpy: "<u2", external: "STREAM:" },
        },
        object_keys: { cam: ["cam"] },
        configuration: {},
        hints: {},
      },
    },
    {
      name: "stream_resource",
      doc: {
        uid: resource,
        run_start: run,
        data_key: "cam",
        mimetype: "application/x-hdf5",
        uri: `file://localhost${file}`,
        parameters: { dataset: "/entry/data/data", chunk_shape: [1, 2, 3] },
      },
    },
    datum(0, 1),
    datum(1, 4),
    {
      name: "stop",
      doc: {
        uid: randomUUID(),
        time: now,
        run_start: run,
        exit_status: "success",
        reason: "",
        num_events: { primary: 4 },
      },
    },
  ] as unknown as NamedDocument[]
}
