/** The files that a detector's documents announce are what Python's readers find there: event-model, h5py, bluesky. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SimDetector, staticPaths, type TriggerInfo } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { bps, documentToJson, type NamedDocument, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { CaClient } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type PythonScript, peers, startPython } from "./peers.ts"

const reader = readFileSync(new URL("./python/area_detector_reader.py", import.meta.url), "utf8")

interface Found {
  readonly documents: number
  readonly files: {
    shape: number[]
    chunks: number[]
    dtype: string
    totals: number[]
    announced: number[]
    adapter: number[]
  }[]
}

describe.skipIf(!(peers().bluesky && peers().eventModel))("documents of an area detector", () => {
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  const directory = mkdtempSync(join(tmpdir(), "area-detector-"))
  let beamline: EmbeddedBeamline
  let client: CaClient
  let readers: PythonScript<Found>
  let det: SimDetector<{ stats: true }>
  let documents: NamedDocument[] = []
  const RE = new RunEngine()
  RE.subscribe((name, doc) => void documents.push({ name, doc } as NamedDocument))

  beforeAll(async () => {
    readers = startPython<Found>(reader, { timeout: 300 })
    beamline = await startBeamline({ prefix, areaDetector: { sensor: [40, 30] } })
    client = new CaClient(beamline.clientConfig().ca)
    const paths = staticPaths(directory)
    const file = { framesPerChunk: 2, attributes: { NDArrayUniqueId: "<i4", m1: "<f8" } } as const
    det = new SimDetector(`${prefix}ad:`, { name: "det", client, paths, file, plugins: { stats: true } })
    await connect(det, { timeout: 20 })
    await det.cam.acquireTime.set(0.002)
    await det.file?.queueSize.set(1000)
  })
  afterAll(async () => {
    await readers?.[Symbol.asyncDispose]()
    await client?.close()
    await beamline?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Runs the plan, lets Python read its documents and files. */
  async function read(plan: Plan<unknown>): Promise<Found["files"][number]> {
    documents = []
    await RE.run(plan)
    const file = join(directory, "documents.jsonl")
    const lines = documents.map(({ name, doc }) => `["${name}",${documentToJson(doc)}]\n`)
    writeFileSync(file, lines.join(""))
    readers.send(file)
    const found = await readers.next()
    expect(found.documents).toBe(documents.length)
    const [image, ids, motor] = found.files
    expect([ids?.dtype, motor?.dtype]).toEqual(["<i4", "<f8"])
    for (const attribute of [ids, motor]) {
      expect(attribute?.shape).toEqual([image?.shape[0]])
      expect(attribute?.announced).toEqual(attribute?.shape)
      expect(attribute?.adapter).toEqual(attribute?.totals)
    }
    return image as Found["files"][number]
  }

  function* steps(points: number, info: TriggerInfo): Plan {
    yield* bps.stage(det)
    yield* bps.openRun()
    yield* bps.prepare(det, info, { wait: true })
    for (let i = 0; i < points; i++) yield* bps.triggerAndRead([det])
    yield* bps.closeRun()
    yield* bps.unstage(det)
  }

  it.each([1, 3])(
    "of a step scan with %i frames per point are valid and lead to its frames",
    async frames => {
      const found = await read(steps(4, { collectionsPerEvent: frames }))
      expect(found).toMatchObject({ shape: [4 * frames, 30, 40], chunks: [2, 30, 40], dtype: "<u2" })
      expect(found.announced).toEqual(found.shape)
      expect(found.adapter).toEqual(found.totals)
      const totals = documents.flatMap(({ name, doc }) =>
        name === "event" ? [doc.data["det_stats_total"]] : [],
      )
      expect(totals).toEqual([0, 1, 2, 3].map(i => found.totals[(i + 1) * frames - 1]))
    },
  )

  it("of a flight too", async () => {
    function* flight(): Plan {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { numberOfEvents: 6, collectionsPerEvent: 2, livetime: 0.01 }, { wait: true })
      yield* bps.declareStream([det], "primary", { collect: true })
      yield* bps.kickoff(det, { wait: true })
      yield* bps.collectWhileCompleting([det], [det], { streamName: "primary", flushPeriod: 0.05 })
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    const found = await read(flight())
    expect(found.shape).toEqual([12, 30, 40])
    expect(found.announced).toEqual([12, 30, 40])
    expect(found.adapter).toEqual(found.totals)
  })

  it("of frames in colour as well", async () => {
    await det.cam.colorMode.set("RGB1")
    const found = await read(steps(2, {}))
    expect(found).toMatchObject({ shape: [2, 30, 40, 3], announced: [2, 30, 40, 3] })
  })
})
