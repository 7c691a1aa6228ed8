import { type DataKey, Status, type StreamAsset } from "@ophyd-ts/core"
import { describe, expect, it } from "vitest"
import { bp, bpp, bps, DocumentRules, FailedStatus } from "../src/index.ts"
import { simDetector } from "../src/testing/index.ts"
import { names, ofKind, recording } from "./support/recording.ts"

const key = (extra: Partial<DataKey> = {}): DataKey => ({
  source: "sim",
  dtype: "number",
  shape: [],
  ...extra,
})

/** Takes three points by itself. */
const flyer = (name = "f") => ({
  name,
  kickoff: () => Status.finished(),
  complete: () => Status.finished(),
  describeCollect: () => ({ [`${name}_x`]: key(), [`${name}_y`]: key() }),
  *collect() {
    for (let i = 0; i < 3; i++) {
      yield {
        time: i,
        data: { [`${name}_x`]: i, [`${name}_y`]: i * i },
        timestamps: { [`${name}_x`]: i, [`${name}_y`]: i },
      }
    }
  },
})

/** Writes frames to a file of its own; `written` grows. */
function writer(name: string, written: () => number) {
  let resourceSent = false
  let sent = 0
  return {
    name,
    read: () => ({}),
    describe: () => ({ [name]: key({ external: "STREAM:", dtype: "array", shape: [4] }) }),
    describeCollect: () => ({ [name]: key({ external: "STREAM:", dtype: "array", shape: [4] }) }),
    getIndex: () => written(),
    *collectAssetDocs(index = written()): Iterable<StreamAsset> {
      if (index <= sent) return
      if (!resourceSent) {
        resourceSent = true
        yield {
          kind: "stream_resource",
          doc: {
            uid: `${name}-file`,
            data_key: name,
            mimetype: "application/x-hdf5",
            uri: "file://localhost/x.h5",
            parameters: {},
          },
        }
      }
      yield {
        kind: "stream_datum",
        doc: {
          uid: `${name}-${sent}`,
          stream_resource: `${name}-file`,
          indices: { start: sent, stop: index },
        },
      }
      sent = index
    },
  }
}

describe("a writer that goes on with its file in another run", () => {
  it("is announced in each of them, with the indices that belong to it", async () => {
    const { RE, docs } = recording()
    let frames = 0
    const trigger = () => {
      frames++
      return Status.finished()
    }
    const det = { ...writer("w", () => frames), trigger }
    await RE.run(bp.count([det], 2))
    await RE.run(bp.count([det], 1))
    const [first, second] = ofKind(docs, "start").map(({ uid }) => uid)
    expect(ofKind(docs, "stream_resource").map(({ uid, run_start }) => [uid, run_start])).toEqual([
      ["w-file", first],
      ["w-file", second],
    ])
    expect(
      ofKind(docs, "stream_datum").map(({ indices, seq_nums }) => [indices.start, seq_nums.start]),
    ).toEqual([
      [0, 1],
      [1, 2],
      [2, 1],
    ])
  })
})

describe("flyers", () => {
  it("are kicked off, completed and collected into pages", async () => {
    const { RE, docs, log } = recording()
    await RE.run(bp.fly([flyer()]))
    expect(log).toEqual(["open_run", "kickoff f", "wait", "complete f", "wait", "collect f", "close_run"])
    expect(names(docs)).toEqual(["start", "descriptor", "event_page", "stop"])
    expect(ofKind(docs, "event_page")[0]).toMatchObject({
      seq_num: [1, 2, 3],
      data: { f_x: [0, 1, 2], f_y: [0, 1, 4] },
    })
    expect(ofKind(docs, "stop")[0]?.num_events).toEqual({ primary: 3 })
  })

  it("fly during a run, collected as single events if asked for", async () => {
    const { RE, docs } = recording()
    const rules = new DocumentRules()
    RE.subscribe(rules.subscriber, { strict: true })
    await RE.run(
      bpp.run({}, function* () {
        const f = flyer()
        yield* bps.kickoff(f, { wait: true })
        yield* bps.complete(f, { wait: true })
        return yield* bps.collect(f, { stream: true, name: "flown" })
      }),
    )
    expect(names(docs)).toEqual(["start", "descriptor", "event", "event", "event", "stop"])
    await RE.run(bpp.flyDuring([flyer()], bpp.run({}, bps.triggerAndRead([simDetector("d")], "still"))))
    expect(ofKind(docs, "stop")[1]?.num_events).toEqual({ still: 1, primary: 3 })
    rules.finish()
  })

  it("that write files give stream documents, as far as all of them have got", async () => {
    let [a, b] = [0, 0]
    const cams = [writer("a", () => a), writer("b", () => b)]
    let done = () => {}
    const fly = {
      ...flyer("trigger"),
      complete: () => Status.run({ name: "fly" }, () => new Promise<void>(r => (done = r))),
    }
    const { RE, docs } = recording()
    const rules = new DocumentRules()
    RE.subscribe(rules.subscriber, { strict: true })
    RE.subscribe(
      (_, doc) => {
        // What is written grows with what was collected.
        if ("indices" in doc && (doc.indices as { stop: number }).stop === 2) {
          a = b = 5
          done()
        }
      },
      { name: "stream_datum" },
    )
    a = 4
    b = 2
    await RE.run(
      bpp.run({}, function* () {
        yield* bps.declareStream(cams, "cams", { collect: true })
        yield* bps.kickoff(fly, { wait: true })
        yield* bps.collectWhileCompleting([fly], cams, { streamName: "cams", flushPeriod: 0.001 })
      }),
    )
    rules.finish()
    const data = ofKind(docs, "stream_datum").map(d => [d.stream_resource, d.indices, d.seq_nums])
    expect(data).toEqual([
      ["a-file", { start: 0, stop: 2 }, { start: 1, stop: 3 }],
      ["b-file", { start: 0, stop: 2 }, { start: 1, stop: 3 }],
      ["a-file", { start: 2, stop: 5 }, { start: 3, stop: 6 }],
      ["b-file", { start: 2, stop: 5 }, { start: 3, stop: 6 }],
    ])
    expect(ofKind(docs, "stop")[0]?.num_events).toEqual({ cams: 5 })
  })

  it("that write files may be read step by step: the event leaves their key out", async () => {
    let frames = 0
    const cam = Object.assign(
      writer("cam", () => frames),
      {
        trigger: () => {
          frames++
          return Status.finished()
        },
      },
    )
    const { RE, docs } = recording()
    const rules = new DocumentRules()
    RE.subscribe(rules.subscriber, { strict: true })
    await RE.run(bp.count([cam, simDetector("d")], 2))
    rules.finish()
    expect(names(docs)).toEqual([
      ...["start", "descriptor", "stream_resource", "stream_datum", "event", "stream_datum", "event", "stop"],
    ])
    expect(ofKind(docs, "event").map(e => Object.keys(e.data))).toEqual([["d"], ["d"]])
    expect(ofKind(docs, "stream_datum").map(d => d.seq_nums)).toEqual([
      { start: 1, stop: 2 },
      { start: 2, stop: 3 },
    ])
  })

  it("that fail end the wait with their reason, and what they hold is still collected", async () => {
    const { RE, docs } = recording()
    const bad = {
      ...flyer(),
      complete: () => Status.failed({ name: "f", action: "complete" }, new Error("lost trigger")),
    }
    await expect(RE.run(bp.fly([bad]))).rejects.toThrow(FailedStatus)
    expect(names(docs)).toEqual(["start", "descriptor", "event_page", "stop"])
    expect(ofKind(docs, "stop")[0]).toMatchObject({
      exit_status: "fail",
      reason: expect.stringContaining("lost trigger"),
    })
  })
})
