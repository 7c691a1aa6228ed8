import { EventEmitter } from "node:events"
import { runPaths, type SimDetector } from "@ophyd-ts/area-detector"
import { bp, bps, type Plan } from "@ophyd-ts/run-engine"
import { handleInterrupts } from "@ophyd-ts/run-engine/node"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { readDataset, Setup } from "./support/beamline.ts"
import { recordingEngine } from "./support/documents.ts"

describe("a flight", { timeout: 60_000 }, () => {
  let ad: Setup
  beforeAll(async () => {
    ad = await Setup.start()
  })
  afterAll(() => ad[Symbol.asyncDispose]())

  function* fly(det: SimDetector, info: Parameters<SimDetector["prepare"]>[0], during?: () => Plan): Plan {
    yield* bps.stage(det)
    yield* bps.openRun()
    yield* bps.prepare(det, info, { wait: true })
    yield* bps.declareStream([det], "primary", { collect: true })
    yield* bps.kickoff(det, { wait: true })
    if (during !== undefined) yield* during()
    yield* bps.collectWhileCompleting([det], [det], { streamName: "primary", flushPeriod: 0.05 })
    yield* bps.closeRun()
    yield* bps.unstage(det)
  }

  test("announces its frames while they are taken, and all of them in the end", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    const begun = fly(det, { numberOfEvents: 20, collectionsPerEvent: 2, livetime: 0.01 })
    expect((await RE.run(begun)).exitStatus).toBe("success")
    expect(of("descriptor")[0]?.data_keys).toEqual({
      det_image: expect.objectContaining({ shape: [2, 16, 24], external: "STREAM:" }),
    })
    const datums = of("stream_datum")
    expect(datums.length).toBeGreaterThan(1)
    let next = 0
    for (const { indices, seq_nums } of datums) {
      expect(indices.start).toBe(next)
      expect(seq_nums).toEqual({ start: indices.start + 1, stop: indices.stop + 1 })
      next = indices.stop
    }
    expect(next).toBe(20)
    expect(of("stop")[0]?.num_events).toEqual({ primary: 20 })
    expect(readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data").shape).toEqual([40, 16, 24])
  })

  test("tells how far it is", async () => {
    const det = await ad.detector()
    await det.stage()
    await det.prepare({ numberOfEvents: 10, livetime: 0.01 })
    await det.kickoff()
    const seen: (number | undefined)[] = []
    const completing = det.complete()
    completing.watch(progress => seen.push(progress.current))
    await completing
    expect(seen.at(-1)).toBe(10)
    expect(seen.length).toBeGreaterThan(2)
    await det.unstage()
  })

  test("without end is ended by complete", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    const wait = function* (): Plan {
      yield* bps.call(() => vi.waitFor(async () => expect(await det.getIndex()).toBeGreaterThan(3), 10_000))
    }
    await RE.run(fly(det, { numberOfEvents: 0, livetime: 0.01 }, wait))
    const { stop } = of("stream_datum").at(-1)?.indices ?? { stop: 0 }
    expect(stop).toBeGreaterThan(3)
    expect(readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data").shape).toEqual([stop, 16, 24])
    expect(await det.cam.acquire.get()).toBe(false)
  })

  test("a full disk ends it at once, not when the camera has finished", async () => {
    const det = await ad.detector()
    const mend = ad.ioc.addDetectorFault({ kind: "disk-full", afterFrames: 5 })
    const { RE, of } = recordingEngine()
    const begun = performance.now()
    await expect(RE.run(fly(det, { numberOfEvents: 3000, livetime: 0.01 }))).rejects.toThrow("no space left")
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(of("stop")[0]?.exit_status).toBe("fail")
    expect(await det.cam.acquire.get()).toBe(false)
    mend()
  })

  test("that is aborted announces what it has taken, stops the camera and closes the file", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    const running = RE.run(fly(det, { numberOfEvents: 3000, livetime: 0.01 }))
    await vi.waitFor(() => expect(of("stream_datum").length).toBeGreaterThan(1), 10_000)
    await RE.abort("enough")
    expect((await running).problems).toEqual([])
    const { stop } = of("stream_datum").at(-1)?.indices ?? { stop: 0 }
    const { shape } = readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data")
    expect(shape[0]).toBeGreaterThanOrEqual(stop)
    expect(await det.cam.acquire.get()).toBe(false)
    expect(await det.file?.capture.get()).toBe(false)
  })

  test("of several detectors gives no index that one of them has not", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    const slower = {
      name: "slow",
      kickoff: () => det.kickoff(),
      getIndex: () => 3,
      describeCollect: () => ({
        slow: { source: "x", dtype: "array" as const, shape: [1], external: "STREAM:" },
      }),
      *collectAssetDocs() {},
    }
    function* plan(): Plan {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { numberOfEvents: 10, livetime: 0.001 }, { wait: true })
      yield* bps.declareStream([det, slower], "primary", { collect: true })
      yield* bps.kickoff(det, { wait: true })
      yield* bps.complete(det, { wait: true })
      yield* bps.collect([det, slower as never], { name: "primary" })
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    await RE.run(plan())
    expect(of("stream_datum").at(-1)?.indices.stop).toBe(3)
    expect(of("stop")[0]?.num_events).toEqual({ primary: 3 })
  })

  test("cannot be kicked off unprepared, or completed before kickoff", async () => {
    const det = await ad.detector()
    await det.stage()
    await expect(det.kickoff()).rejects.toThrow("prepare it before kickoff")
    await det.prepare({ numberOfEvents: 5 })
    await expect(det.complete()).rejects.toThrow("kick it off before complete")
    await expect(det.trigger()).rejects.toThrow("use kickoff and complete")
    await det.unstage()
  })
})

describe("a step scan that is interrupted", { timeout: 60_000 }, () => {
  test("by a pause in mid-acquisition takes the point again, and passes over the frames of the first try", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    let slow = false
    function* plan(): Plan {
      yield* bps.stage(det)
      yield* bps.openRun()
      for (let i = 0; i < 3; i++) {
        yield* bps.mv(det.cam.acquireTime, i === 1 && !slow ? 30 : 0.001)
        yield* bps.checkpoint()
        yield* bps.triggerAndRead([det])
      }
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    const running = RE.run(plan())
    await vi.waitFor(async () => {
      expect(of("event")).toHaveLength(1)
      expect(await det.cam.acquire.get()).toBe(true)
    }, 10_000)
    await RE.requestPause({ defer: false })
    await vi.waitFor(() => expect(RE.state).toBe("paused"), 10_000)
    expect(await det.cam.acquire.get()).toBe(false)
    slow = true
    await det.cam.acquireTime.set(0.001)
    await RE.resume()
    await running
    const { totals } = readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data")
    const indices = of("stream_datum").map(datum => datum.indices.start)
    expect(indices).toHaveLength(3)
    expect(of("event").map(event => event.data["det_stats_total"])).toEqual(indices.map(i => totals[i]))
  })
})

test("Ctrl-C twice in mid-acquisition pauses with the camera stopped; an abort from there closes the file", {
  timeout: 60_000,
}, async () => {
  await using ad = await Setup.start()
  const det = await ad.detector()
  await det.cam.acquireTime.set(60)
  const { RE, of } = recordingEngine()
  const source = new EventEmitter()
  let answer: (choice: "abort") => void = () => {}
  const ask = () =>
    new Promise<"abort">(resolve => {
      answer = resolve
    })
  using _handler = handleInterrupts(RE, { write: () => {}, source, ask })
  const running = RE.run(bp.count([det], 2))
  await vi.waitFor(async () => expect(await det.cam.acquire.get()).toBe(true), 10_000)
  source.emit("SIGINT")
  source.emit("SIGINT")
  await vi.waitFor(() => expect(RE.state).toBe("paused"), 10_000)
  expect(await det.cam.acquire.get()).toBe(false)
  expect(await det.file?.capture.get()).toBe(true)
  answer("abort")
  expect(await running).toMatchObject({ exitStatus: "abort", problems: [] })
  expect(await det.file?.capture.get()).toBe(false)
  expect(of("stop")[0]?.exit_status).toBe("abort")
})

test("files are named by the run's uid, one for each run, also of runs within one stage", {
  timeout: 60_000,
}, async () => {
  await using ad = await Setup.start()
  const { RE, of } = recordingEngine()
  const paths = runPaths(ad.directory)
  RE.subscribe(paths.subscriber)
  const det = await ad.detector({ paths })
  await RE.run(bp.count([det], 2))
  function* twoRuns(): Plan {
    yield* bps.stage(det)
    for (let i = 0; i < 2; i++) {
      yield* bps.openRun()
      yield* bps.triggerAndRead([det])
      yield* bps.closeRun()
    }
    yield* bps.unstage(det)
  }
  await RE.run(twoRuns())
  const files = of("stream_resource").map(({ uri, run_start }) => [uri.split("/").at(-1), run_start])
  expect(files).toEqual(of("start").map(({ uid }) => [`${uid}.h5`, uid]))
  expect(files).toHaveLength(3)
  expect(of("stream_datum").map(datum => datum.indices.start)).toEqual([0, 1, 0, 0])
})

test("a region that was changed since the last frame is described as it will be", {
  timeout: 60_000,
}, async () => {
  await using ad = await Setup.start()
  const det = await ad.detector()
  const { RE, of } = recordingEngine()
  await RE.run(bp.count([det]))
  await det.cam.sizeX.set(20)
  await det.cam.binY.set(2)
  await det.stage()
  await det.prepare({ numberOfEvents: 2 })
  expect((await det.describeCollect())["det_image"]?.shape).toEqual([1, 8, 20])
  await det.kickoff()
  await det.complete()
  const documents = []
  for await (const asset of det.collectAssetDocs()) documents.push(asset)
  expect(documents[0]?.doc["parameters"]).toMatchObject({ chunk_shape: [1, 8, 20] })
  await det.unstage()
  expect(of("stream_resource")).toHaveLength(1)
})
