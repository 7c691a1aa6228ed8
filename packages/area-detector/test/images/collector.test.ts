import { bpp, bps, type EventPage, RunEngine } from "@ophyd-ts/run-engine"
import { PvAny, t } from "pvxs-node"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { type Frame, FrameCollector, type FrameCollectorOptions, PvaFrames } from "../../src/images/index.ts"
import { ImageServer } from "./support.ts"

const patient = { timeout: 20_000 }

describe("a frame collector", () => {
  let images: ImageServer
  let frames: PvaFrames
  beforeEach(async () => {
    images = await ImageServer.open()
    frames = new PvaFrames(images.name, { client: images.client })
  })
  afterEach(() => images[Symbol.asyncDispose]())

  const collector = (options: Partial<FrameCollectorOptions> = {}): FrameCollector =>
    new FrameCollector(frames, { name: "spot", quiet: 0.2, ...options })

  it("gives one event for each frame of a fly scan, with the columns that were asked for", async () => {
    const seen: number[] = []
    const spot = collector({
      columns: { first: frame => Number(frame.data[0]), twice: frame => 2 * Number(frame.data[0]) },
      onFrame: frame => seen.push(frame.uniqueId),
    })
    images.post(100) // Taken before, so of no concern.
    const RE = new RunEngine()
    const pages: EventPage[] = []
    RE.subscribe((_, doc) => void pages.push(doc as EventPage), { name: "event_page" })
    await RE.run(
      bpp.run({}, function* () {
        yield* bps.prepare(spot, { frames: 30 }, { wait: true })
        yield* bps.kickoff(spot, { wait: true })
        yield* bps.call(() => {
          for (let id = 1; id <= 10; id++) images.post(id)
        })
        // Its end is asked for while frames are still to come.
        yield* bps.complete(spot, { group: "flight" })
        yield* bps.call(async () => {
          for (let id = 11; id <= 30; id++) {
            await vi.waitFor(() => expect(spot.received).toBeGreaterThan(id - 8), patient)
            images.post(id)
          }
        })
        yield* bps.wait("flight")
        yield* bps.collect(spot, { name: "images" })
      }),
    )
    const ids = Array.from({ length: 30 }, (_, i) => i + 1)
    expect(seen).toEqual(ids)
    expect(pages).toHaveLength(1)
    expect(pages[0]).toMatchObject({
      data: { spot_unique_id: ids, spot_first: ids, spot_twice: ids.map(id => 2 * id) },
      timestamps: { spot_first: ids.map(id => 1000 + id) },
      time: ids.map(id => 1000 + id),
    })
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  it("ends a series of unknown length when no more frames come", async () => {
    const spot = collector({ quiet: 1 })
    const RE = new RunEngine()
    const pages: EventPage[] = []
    RE.subscribe((_, doc) => void pages.push(doc as EventPage), { name: "event_page" })
    await RE.run(
      bpp.run({}, function* () {
        yield* bps.kickoff(spot, { wait: true })
        yield* bps.call(() => {
          for (let id = 1; id <= 3; id++) images.post(id)
        })
        yield* bps.complete(spot, { wait: true })
        yield* bps.collect(spot)
      }),
    )
    expect(pages[0]?.data["spot_unique_id"]).toEqual([1, 2, 3])
  })

  it("expects nothing of a flight that was aborted in the next one", async () => {
    const spot = collector()
    await spot.prepare({ frames: 5 })
    await spot.kickoff()
    spot.stop()
    await spot.kickoff()
    images.post(1)
    await vi.waitFor(() => expect(spot.received).toBe(1), patient)
    await spot.complete()
    expect(spot.collect()).toHaveLength(1)
  })

  it("fails when frames were lost, unless gaps are allowed", async () => {
    for (const [allowSkipped, first] of [
      [false, 1],
      [true, 5],
    ] as const) {
      const spot = collector({ allowSkipped })
      await spot.prepare({ frames: 4 })
      await spot.kickoff()
      images.post(first)
      images.post(first + 3)
      const complete = spot.complete()
      if (allowSkipped) await complete
      else {
        await expect(complete).rejects.toMatchObject({
          cause: { code: "IMAGE_LOST", message: "spot: 2 of 4 frames were lost on the way" },
        })
      }
      expect(spot).toMatchObject({ received: 2, skipped: 2 })
      expect(spot.collect().map(event => event.data["spot_unique_id"])).toEqual([first, first + 3])
      expect(spot.collect()).toEqual([])
    }
  })

  it("fails when frames stay away, and says how many came", async () => {
    const spot = collector({ patience: 0.3 })
    await spot.prepare({ frames: 3 })
    await spot.kickoff()
    images.post(1)
    await expect(spot.complete()).rejects.toMatchObject({
      cause: { code: "IMAGE_TIMEOUT", message: "spot: 1 of 3 frames came, and no other within 0.3 s" },
    })
  })

  it("fails with what a column threw, and with a frame that cannot be used", async () => {
    const broken = collector({
      columns: {
        x: () => {
          throw new Error("no such pixel")
        },
      },
    })
    await broken.prepare({ frames: 1 })
    await broken.kickoff()
    images.post(1)
    await expect(broken.complete()).rejects.toThrow("no such pixel")

    const decoding = new FrameCollector(new PvaFrames(images.name, { client: images.client, decode: true }), {
      name: "spot",
    })
    await decoding.prepare({ frames: 1 })
    await decoding.kickoff()
    images.pv.post({
      codec: { name: "zfp", parameters: new PvAny(t.int, 6) },
      uniqueId: 2,
      value: { name: "ubyteValue", value: [1] },
    } as never)
    await expect(decoding.complete()).rejects.toMatchObject({ cause: { code: "IMAGE_CODEC" } })
  })

  it("can be stopped on its flight", async () => {
    const spot = collector()
    await spot.prepare({ frames: 5 })
    await spot.kickoff()
    const complete = spot.complete()
    images.post(1)
    await vi.waitFor(() => expect(spot.received).toBe(1), patient)
    spot.stop()
    await expect(complete).rejects.toMatchObject({
      cause: { code: "IMAGE_ABORTED", message: "spot: stopped after 1 of 5 frames" },
    })
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  it("is not kicked off where there is nothing, and wants whole numbers of frames", async () => {
    const nowhere = new FrameCollector(new PvaFrames("nobody", { client: images.client }), {
      name: "spot",
      patience: 0.1,
    })
    await expect(nowhere.kickoff()).rejects.toThrow(/spot: kick off did not finish within/)
    await expect(collector().prepare({ frames: 0 })).rejects.toMatchObject({ cause: { code: "IMAGE_INPUT" } })
    await expect(collector().complete()).rejects.toThrow(/was not kicked off/)
  })

  it("describes its columns", () => {
    const spot = collector({ columns: { total: (frame: Frame) => frame.size } })
    expect(spot.describeCollect()).toEqual({
      spot_unique_id: { source: frames.source, dtype: "integer", shape: [], dtype_numpy: "<i8" },
      spot_total: { source: frames.source, dtype: "number", shape: [], dtype_numpy: "<f8" },
    })
    expect(spot.hints).toEqual({ fields: ["spot_total"] })
  })
})
