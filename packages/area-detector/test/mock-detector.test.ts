import {
  AcquireLogic,
  AreaDetector,
  type DataLogic,
  type Hdf5Plugin,
  type PathProvider,
  runPaths,
  SimDetector,
  SimDriver,
  StatsPlugin,
  staticPaths,
} from "@ophyd-ts/area-detector"
import { boolean, connect, MockBackend, type SignalRW, StatusTimeoutError } from "@ophyd-ts/core"
import { holdPuts, onPut, putsOf, setMockValue } from "@ophyd-ts/core/testing"
import { bp, bpp, bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, test, vi } from "vitest"
import { recordingEngine } from "./support/documents.ts"
import { MockCamera } from "./support/mock-camera.ts"

async function mockDetector({
  name = "det",
  paths = staticPaths("/data"),
  timeout = 0.5,
}: {
  name?: string
  paths?: PathProvider
  timeout?: number
} = {}) {
  const det = new SimDetector("X:", { name, paths, plugins: { stats: true }, timeout })
  await connect(det, { mock: true })
  return { det, camera: new MockCamera(det) }
}

const mockHandler = (signal: SignalRW<unknown>) =>
  signal.backend instanceof MockBackend ? signal.backend.handler : null

test("a step scan announces one index of the file for each event, with statistics in the events", async () => {
  const { det } = await mockDetector()
  const { RE, of } = recordingEngine()
  const { exitStatus, reason } = await RE.run(bp.count([det], 3))
  expect([exitStatus, reason]).toEqual(["success", ""])
  const [descriptor] = of("descriptor")
  expect(descriptor!.data_keys.det_image).toMatchObject({
    dtype: "array",
    shape: [1, 6, 8],
    dtype_numpy: "<u2",
    external: "STREAM:",
  })
  expect(Object.keys(of("event")[0]!.data)).toEqual([
    "det_stats_total",
    "det_stats_min_value",
    "det_stats_max_value",
    "det_stats_mean_value",
    "det_stats_sigma",
  ])
  expect(descriptor!.hints.det).toEqual({ fields: ["det_stats_total"] })
  expect(of("stream_resource")).toMatchObject([
    {
      data_key: "det_image",
      mimetype: "application/x-hdf5",
      parameters: { dataset: "/entry/data/data", chunk_shape: [1, 6, 8] },
    },
  ])
  expect(of("stream_datum").map(({ indices, seq_nums }) => [indices, seq_nums])).toEqual(
    [0, 1, 2].map(i => [
      { start: i, stop: i + 1 },
      { start: i + 1, stop: i + 2 },
    ]),
  )
})

test("a file plugin that was asked for by name is the one that writes", async () => {
  const plugins = { hdf: true, bpm: [StatsPlugin, "Stats4:"], sum: "Stats5:", stats2: true } as const
  const det = new SimDetector("X:", { name: "det", paths: staticPaths("/data"), plugins })
  await connect(det, { mock: true })
  new MockCamera(det)
  expect(det.file).toBe(det.plugins.hdf)
  expect([...det.signals()].filter(({ name }) => name === "det_hdf_capture")).toHaveLength(1)
  expect([det.plugins.bpm.total.name, det.plugins.stats2.total.source]).toEqual([
    "det_bpm_total",
    "mock+ca://X:Stats2:Total_RBV",
  ])
  expect(det.plugins.sum.prefix).toBe("X:Stats5:")
  await det.stage()
  await det.trigger()
  expect(Object.keys(await det.read())).toContain("det_bpm_total")
  await det.unstage()
})

test("a plugin that is none of the standard ones needs its class", () => {
  const make = () => new SimDetector("X:", { name: "det", plugins: { odd: true } })
  expect(make).toThrow('"odd" is none of the standard plugins')
})

test("a missing directory fails the stage with its path before anything is acquired", async () => {
  const { det, camera } = await mockDetector()
  camera.directories.clear()
  await expect(det.stage()).rejects.toMatchObject({ code: "BAD_PATH", path: "/data" })
  expect(putsOf(det.cam.acquire)).toEqual([])
  expect(det.staged).toBe(false)
})

test("an acquisition that takes longer than the camera says fails in time, and the camera is stopped", async () => {
  const { det, camera } = await mockDetector()
  await det.stage()
  await det.prepare({ exposureTimeout: 0.05, livetime: 0.1 })
  const held = holdPuts(det.cam.acquire)
  const begun = performance.now()
  await expect(det.trigger()).rejects.toThrow(StatusTimeoutError)
  expect(performance.now() - begun).toBeGreaterThan(1000)
  expect(camera.log.at(-1)).toBe("stop")
  held.release()
  await det.unstage()
})

test("settings are written in the order that the IOC needs, and put back in the opposite order", async () => {
  const { det } = await mockDetector()
  const log: string[] = []
  for (const signal of [
    det.file!.createDirectory,
    det.file!.filePath,
    det.file!.fileWriteMode,
    det.file!.capture,
  ] as SignalRW<unknown>[]) {
    const keep = mockHandler(signal)
    onPut(signal, (value, put) => {
      log.push(`${signal.name.slice("det_hdf_".length)} ${value}`)
      return keep?.(value, put)
    })
  }
  await det.stage()
  await det.trigger()
  await det.unstage()
  expect(log).toEqual([
    "file_path /data",
    "file_write_mode Stream",
    "capture true",
    "capture false",
    "file_write_mode Single",
  ])
})

test("exposures that the camera adds up, frames of an event and the exposure are set, and put back", async () => {
  const { det } = await mockDetector()
  await det.cam.numExposures.set(4)
  await det.stage()
  await det.prepare({ exposuresPerCollection: 2, collectionsPerEvent: 3, livetime: 0.5, deadtime: 0.1 })
  const { cam } = det
  const now = () =>
    Promise.all([cam.numExposures.get(), cam.numImages.get(), cam.acquireTime.get(), cam.acquirePeriod.get()])
  expect(await now()).toEqual([2, 3, 0.5, 0.6])
  await det.unstage()
  expect(await now()).toEqual([4, 0, 0, 0])
})

test("a file that cannot be closed fails the unstage with the IOC's reason, and all settings are put back", async () => {
  const { det } = await mockDetector()
  await det.stage()
  await det.trigger()
  onPut(det.file!.capture, on => {
    if (on) return
    setMockValue(det.file!.writeStatus, "Write error")
    setMockValue(det.file!.writeMessage, "Error closing file, status=3")
  })
  await expect(det.unstage()).rejects.toMatchObject({
    code: "WRITE_FAILED",
    reason: "Error closing file, status=3",
    file: expect.stringContaining("/data/"),
  })
  expect(await det.file!.fileWriteMode.get()).toBe("Single")
  expect(det.staged).toBe(false)
})

test("a plan that is aborted while its detector is being staged leaves nothing staged", async () => {
  const { det, camera } = await mockDetector()
  const { RE } = recordingEngine()
  await det.cam.imageMode.set("Continuous")
  const held = holdPuts(det.file!.fileTemplate)
  const running = RE.run(bp.count([det]))
  await vi.waitFor(() => expect(held.pending).toBe(1))
  const aborting = RE.abort("enough")
  await vi.waitFor(() => expect(RE.state).not.toBe("running"))
  held.end()
  await aborting
  expect(await running).toMatchObject({ exitStatus: "abort", problems: [] })
  await vi.waitFor(() => expect(det.staged).toBe(false))
  expect(await det.file!.fileWriteMode.get()).toBe("Single")
  expect(await det.file!.capture.get()).toBe(false)
  expect(camera.log).not.toContain("acquire")
})

test("a flight that is aborted while its file is being opened leaves the camera still and the file closed", async () => {
  const { RE } = recordingEngine()
  const paths = runPaths("/data")
  RE.subscribe(paths.subscriber)
  const { det, camera } = await mockDetector({ paths })
  setMockValue(det.cam.sizeX, 8)
  setMockValue(det.cam.sizeY, 6)
  function* flight(): Plan {
    yield* bps.openRun()
    yield* bps.prepare(det, { numberOfEvents: 3 }, { wait: true })
    yield* bps.declareStream([det], "primary", { collect: true })
    yield* bps.kickoff(det, { wait: true })
  }
  const held = holdPuts(det.file!.fileTemplate)
  const running = RE.run(bpp.stage([det], flight()))
  await vi.waitFor(() => expect(held.pending).toBe(1))
  const aborting = RE.abort("enough")
  await vi.waitFor(() => expect(det.describeCollect()).rejects.toMatchObject({ code: "NOT_STAGED" }))
  held.end()
  await aborting
  expect(await running).toMatchObject({ exitStatus: "abort", problems: [] })
  expect(det.staged).toBe(false)
  expect(camera.log).not.toContain("acquire")
  expect(await det.file!.capture.get()).toBe(false)
  expect(await det.file!.fileWriteMode.get()).toBe("Single")
})

/** Pauses the run when `when` holds, lets `meanwhile` happen, goes on, and gives the indices that each detector announced. */
async function pausedOnce(plan: Plan<unknown>, when: () => Promise<void>, meanwhile: () => unknown) {
  const { RE, of } = recordingEngine()
  const running = RE.run(plan)
  await vi.waitFor(when)
  await RE.requestPause({ defer: false })
  await vi.waitFor(() => expect(RE.state).toBe("paused"))
  await meanwhile()
  await RE.resume()
  await running
  const indices: Record<string, number[][]> = {}
  for (const { stream_resource, indices: at } of of("stream_datum")) {
    const { data_key } = of("stream_resource").find(({ uid }) => uid === stream_resource)!
    indices[data_key] = [...(indices[data_key] ?? []), [at.start, at.stop]]
  }
  return indices
}

test("a frame that arrives after its point was broken off by a pause belongs to no point", async () => {
  const { det, camera } = await mockDetector({ timeout: 5 })
  const numCaptured = det.file!.numCaptured
  camera.late = true
  const indices = await pausedOnce(
    bp.count([det], 2),
    async () => {
      expect(camera.frames).toBe(1)
      expect(await det.cam.acquire.get()).toBe(false)
    },
    () => {
      camera.late = false
      setMockValue(numCaptured, 1)
    },
  )
  expect(indices["det_image"]).toEqual([
    [1, 2],
    [2, 3],
  ])
})

test("of two detectors one of which was paused in its exposure, both announce the frames of the second try", async () => {
  const one = await mockDetector({ name: "one" })
  const other = await mockDetector({ name: "other" })
  const { acquire } = other.det.cam
  const play = mockHandler(acquire as SignalRW<unknown>)
  const held = holdPuts(acquire)
  const indices = await pausedOnce(
    bp.count([one.det, other.det], 2),
    async () => {
      expect(held.pending).toBe(1)
      expect(await one.det.getIndex()).toBe(1)
    },
    () => {
      held.end()
      onPut(acquire, (...put) => play?.(...put))
    },
  )
  expect(indices["one_image"]).toEqual([
    [1, 2],
    [2, 3],
  ])
  expect(indices["other_image"]?.map(([start = 0, stop = 0]) => stop - start)).toEqual([1, 1])
})

test("when one of two detectors fails, the other is stopped, its file closed and its settings put back", async () => {
  const one = await mockDetector({ name: "one" })
  const other = await mockDetector({ name: "other" })
  const { RE } = recordingEngine()
  await other.det.cam.imageMode.set("Continuous")
  const held = holdPuts(other.det.cam.acquire)
  one.camera.failure = { state: "Error", message: "no power" }
  await expect(RE.run(bp.count([one.det, other.det]))).rejects.toThrow("no power")
  held.end()
  expect(RE.lastResult).toMatchObject({ problems: [] })
  expect(other.camera.log).toContain("stop")
  for (const { det, camera } of [one, other]) {
    expect(det.staged).toBe(false)
    expect(camera.log).toContain("end capture")
    expect(await det.file!.fileWriteMode.get()).toBe("Single")
  }
  expect(await other.det.cam.imageMode.get()).toBe("Continuous")
})

test.each([
  [0, 5],
  [1, "FRAMES_DROPPED"],
])(
  "a flight without end waits for the frames in the plugin's queue; with %i lost it ends with %s",
  async (lost, end) => {
    const { det } = await mockDetector({ timeout: 5 })
    await det.stage()
    const { numCaptured, queueUse, droppedArrays } = det.file!
    const held = holdPuts(det.cam.acquire)
    await det.prepare({ numberOfEvents: 0 })
    await det.kickoff()
    setMockValue(numCaptured, 3)
    setMockValue(queueUse, 2 + lost)
    const completing = det.complete()
    await vi.waitFor(async () => expect(await det.cam.acquire.get()).toBe(false))
    held.end()
    setMockValue(numCaptured, 5)
    setMockValue(droppedArrays, lost)
    setMockValue(queueUse, 0)
    if (lost === 0) {
      await completing
      expect(await det.getIndex()).toBe(end)
    } else await expect(completing).rejects.toMatchObject({ cause: { code: end } })
    await det.unstage()
  },
)

test("asks for values after the counters that tell how new they are: the other way round they may be older", async () => {
  const { det } = await mockDetector()
  const { arrayCounter, total } = det.plugins.stats
  const asked: string[] = []
  await det.stage()
  await det.trigger()
  for (const signal of [arrayCounter, total]) {
    const { backend } = signal
    const read = backend.read.bind(backend)
    backend.read = () => {
      asked.push(signal.name)
      return read()
    }
  }
  await det.trigger()
  // The camera of this test asks the counter, too.
  expect(asked.slice(-2)).toEqual(["det_stats_array_counter", "det_stats_total"])
  await det.unstage()
})

test("frames that could not be flushed are announced when somebody asks again", async () => {
  const det = new SimDetector("X:", { name: "det", paths: staticPaths("/data"), file: { swmr: true } })
  await connect(det, { mock: true })
  new MockCamera(det)
  await det.stage()
  await det.prepare({ numberOfEvents: 3 })
  await det.kickoff()
  await det.complete()
  const { flushNow } = det.file as Hdf5Plugin
  const collect = async () => {
    const ranges: unknown[] = []
    for await (const { kind, doc } of det.collectAssetDocs())
      if (kind === "stream_datum") ranges.push(doc["indices"])
    return ranges
  }
  onPut(flushNow, () => {
    throw new Error("the circuit was lost")
  })
  await expect(collect()).rejects.toThrow("the circuit was lost")
  onPut(flushNow, () => {})
  expect(await collect()).toEqual([{ start: 0, stop: 3 }])
  expect(await collect()).toEqual([])
  await det.unstage()
})

test("a data logic of one's own takes part from stage to unstage, and may refuse a point", async () => {
  const log: string[] = []
  let bad = false
  const counting = (): DataLogic => ({
    open: async ({ detector }) => void log.push(`open ${detector}`),
    begin: (_info, { clean }) => void log.push(`begin ${clean}`),
    finish: async frames => {
      log.push(`finish ${frames}`)
      if (bad) throw new Error("the frame is too dark")
      return false
    },
    close: async () => void log.push("close"),
  })
  const det = new AreaDetector("X:", { name: "det", driver: SimDriver, data: [counting] })
  await connect(det, { mock: true })
  new MockCamera(det)
  await det.stage()
  await det.trigger()
  await det.trigger()
  bad = true
  await expect(det.trigger()).rejects.toThrow("det: trigger failed after")
  await det.unstage()
  const points = ["begin false", "finish 1", "begin true", "finish 1", "begin true", "finish 1"]
  expect(log).toEqual(["open det", ...points, "close"])
})

describe("a flight by an external trigger", () => {
  async function armed(exposureTimeout: number) {
    const { det, camera } = await mockDetector()
    await det.stage()
    const held = holdPuts(det.cam.acquire)
    await det.prepare({ trigger: "external-edge", numberOfEvents: 3, exposureTimeout })
    return { det, camera, held }
  }

  test("is armed when it is prepared, so that no pulse is missed, and complete when all frames are there", async () => {
    const { det, held } = await armed(10)
    expect(await det.cam.triggerMode.get()).toBe("External")
    expect(held.pending).toBe(1)
    await det.kickoff()
    const completing = det.complete()
    const events: (number | undefined)[] = []
    completing.watch(progress => events.push(progress.current))
    for (const frames of [1, 2, 3]) {
      setMockValue(det.file!.numCaptured, frames)
      await vi.waitFor(() => expect(events.at(-1)).toBe(frames))
    }
    expect(await det.getIndex()).toBe(3)
    expect(completing.done).toBe(false)
    held.release()
    await completing
    held.end()
    await det.unstage()
  })

  test("waits for a camera that says itself when it is armed", async () => {
    class Armed extends SimDriver {
      readonly armed = this.signal.r(boolean, "Armed_RBV", { kind: "omitted" })
    }
    const arm = (cam: Armed) => new AcquireLogic(cam, { armed: cam.armed })
    const det = new AreaDetector("X:", { name: "det", driver: Armed, arm })
    await connect(det, { mock: true })
    new MockCamera(det)
    await det.stage()
    const held = holdPuts(det.cam.acquire)
    const preparing = det.prepare({ trigger: "external-edge", numberOfEvents: 3 })
    await vi.waitFor(() => expect(held.pending).toBe(1))
    expect(preparing.done).toBe(false)
    setMockValue(det.cam.armed, true)
    await preparing
    held.end()
    await det.unstage()
  })

  test("whose pulses stop to come fails when the next exposure is overdue, and stops the camera", async () => {
    const { det, camera, held } = await armed(0.2)
    await det.kickoff()
    const completing = det.complete()
    setMockValue(det.file!.numCaptured, 1)
    await expect(completing).rejects.toThrow(StatusTimeoutError)
    await vi.waitFor(() => expect(camera.log).toContain("stop"))
    held.end()
    await det.unstage()
  })
})
