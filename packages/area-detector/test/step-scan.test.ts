import { readdir } from "node:fs/promises"
import { isPresent, SimDetector } from "@ophyd-ts/area-detector"
import { bp, bps } from "@ophyd-ts/run-engine"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { readDataset, Setup } from "./support/beamline.ts"
import { recordingEngine } from "./support/documents.ts"

describe("a step scan on the embedded beamline", { timeout: 60_000 }, () => {
  let ad: Setup
  beforeAll(async () => {
    ad = await Setup.start()
  })
  afterAll(() => ad[Symbol.asyncDispose]())

  test.each(["ca", "pva"] as const)(
    "captures on a plugin that never saw a frame, and announces the file and one index for each event (%s)",
    async protocol => {
      await using own = await Setup.start()
      const det = await own.detector({ protocol })
      expect(await det.file?.arrayCounter.get()).toBe(0)
      const { RE, of } = recordingEngine()
      const { exitStatus, reason } = await RE.run(bp.count([det], 4))
      expect([exitStatus, reason]).toEqual(["success", ""])
      expect(of("descriptor")[0]?.data_keys["det_image"]).toMatchObject({
        shape: [1, 16, 24],
        dtype_numpy: "<u2",
        external: "STREAM:",
        source: `${protocol}://${own.pv("HDF1:FullFileName_RBV")}`,
      })
      expect(of("stream_datum").map(datum => datum.indices)).toEqual(
        [0, 1, 2, 3].map(i => ({ start: i, stop: i + 1 })),
      )
      const [resource] = of("stream_resource")
      const { shape, totals } = readDataset(resource?.uri ?? "", resource?.parameters["dataset"])
      expect(shape).toEqual([4, 16, 24])
      expect(of("event").map(event => event.data["det_stats_total"])).toEqual(totals)
    },
  )

  test("takes n points of m frames: the plugin's count, the indices and the file agree", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    let captured = 0
    function* plan() {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { collectionsPerEvent: 3, livetime: 0.002 }, { wait: true })
      for (let i = 0; i < 4; i++) yield* bps.triggerAndRead([det])
      captured = (yield* bps.rd(det.file!.numCaptured)) as number
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    await RE.run(plan())
    expect(captured).toBe(12)
    expect(of("descriptor")[0]?.data_keys["det_image"]?.shape).toEqual([3, 16, 24])
    expect(of("stream_datum").at(-1)?.indices).toEqual({ start: 3, stop: 4 })
    expect(of("descriptor")[0]?.configuration["det"]?.data["det_cam_acquire_time"]).toBe(0.002)
    const [resource] = of("stream_resource")
    const { shape, totals } = readDataset(resource?.uri ?? "", resource?.parameters["dataset"])
    expect(shape).toEqual([12, 16, 24])
    // The values of an event are those of its newest frame.
    expect(of("event").map(event => event.data["det_stats_total"])).toEqual([2, 5, 8, 11].map(i => totals[i]))
  })

  test("reads statistics of the frame just taken, also from a slow plugin and a camera that waits for none", async () => {
    await using old = await Setup.start()
    for (const gone of ["cam1:WaitForPlugins", "cam1:AcquireBusy"]) old.ioc.disconnect(old.pv(gone))
    const det = await old.detector()
    expect(det.cam.absent().map(signal => signal.name)).toEqual(
      expect.arrayContaining(["det_cam_wait_for_plugins", "det_cam_acquire_busy"]),
    )
    old.ioc.addDetectorFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 0.05 })
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 3))
    const [resource] = of("stream_resource")
    const { totals } = readDataset(resource?.uri ?? "", resource?.parameters["dataset"])
    expect(of("event").map(event => event.data["det_stats_total"])).toEqual(totals)
  })

  test("records that an older ADCore lacks are absent, and all the rest works", async () => {
    await using old = await Setup.start()
    const gone = [
      "HDF1:SWMRMode",
      "HDF1:SWMRMode_RBV",
      "Stats1:Net_RBV",
      "cam1:NumExposures",
      "HDF1:WriteStatus",
    ]
    for (const name of gone) old.ioc.disconnect(old.pv(name))
    const det = await old.detector()
    const unconnected = new SimDetector("X:", { name: "x" })
    await expect(unconnected.cam.numExposures.get()).rejects.toMatchObject({ code: "UNCONNECTED" })
    expect(isPresent(det.cam.numExposures)).toBe(false)
    expect(isPresent(det.cam.gain)).toBe(true)
    await expect(det.cam.numExposures.get()).rejects.toMatchObject({ code: "ABSENT" })
    const { RE, of } = recordingEngine()
    expect((await RE.run(bp.count([det], 2))).exitStatus).toBe("success")
    expect(of("descriptor")[0]?.configuration["det"]?.data).not.toHaveProperty("det_cam_num_exposures")
  })

  test("leaves the camera as it was", async () => {
    const det = await ad.detector()
    await det.cam.imageMode.set("Continuous")
    await det.cam.numImages.set(7)
    await det.file?.enableCallbacks.set(false)
    det.stageSignals.set(det.cam.gain, 5)
    const gain = await det.cam.gain.get()
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det]))
    expect(of("descriptor")[0]?.configuration["det"]?.data["det_cam_gain"]).toBe(5)
    expect(await det.cam.gain.get()).toBe(gain)
    expect(await det.cam.imageMode.get()).toBe("Continuous")
    expect(await det.cam.numImages.get()).toBe(7)
    expect(await det.file?.enableCallbacks.get()).toBe(false)
    expect(await det.file?.capture.get()).toBe(false)
    expect(await det.cam.acquire.get()).toBe(false)
  })

  test("writes no file when it has no paths, and still reads its plugins", async () => {
    const det = await ad.detector({ paths: undefined })
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 2))
    expect(of("stream_resource")).toEqual([])
    expect(of("event")).toHaveLength(2)
    expect(det.file).toBe(null)
  })

  test("primes a plugin that does not open its file lazily, and says so when it was not primed", async () => {
    await using fresh = await Setup.start()
    const det = await fresh.detector({ file: { lazyOpen: false } })
    await expect(det.stage()).rejects.toMatchObject({ code: "UNPRIMED" })
    await det.prime()
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 2))
    const [resource] = of("stream_resource")
    expect(readDataset(resource?.uri ?? "", "/entry/data/data").shape).toEqual([2, 16, 24])
  })

  test("announces no frame that a reader of the open file could not see, in SWMR mode", async () => {
    const det = await ad.detector({ file: { swmr: true } })
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 2))
    expect(of("stream_resource")[0]?.parameters["swmr"]).toBe(true)
    expect(await det.file?.capture.get()).toBe(false)
  })

  test("writes all frames also with a file plugin that is set to take few of them, and leaves it so", async () => {
    const det = await ad.detector()
    await det.file?.minCallbackTime.set(100)
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 3))
    const [resource] = of("stream_resource")
    expect(readDataset(resource?.uri ?? "", "/entry/data/data").shape).toEqual([3, 16, 24])
    expect(await det.file?.minCallbackTime.get()).toBe(100)
  })

  test("writes one TIFF file for each frame, and tells readers how they are called", async () => {
    // A provider of one's own that numbers its files: the number is taken by the frames.
    const paths = () => ({ directory: ad.directory, fileName: "frame", numbered: true })
    const det = await ad.detector({ paths, file: { format: "tiff" } })
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 3))
    const [resource] = of("stream_resource")
    expect(resource).toMatchObject({
      mimetype: "multipart/related;type=image/tiff",
      uri: `file://localhost${ad.directory}/`,
      parameters: {
        template: expect.stringMatching(/^frame_[0-9a-f]{8}_\{:06d\}\.tif$/),
        chunk_shape: [1, 16, 24],
      },
    })
    const template = String(resource?.parameters["template"])
    const names = [0, 1, 2].map(i => template.replace("{:06d}", String(i).padStart(6, "0")))
    expect((await readdir(ad.directory)).filter(name => name.endsWith(".tif")).sort()).toEqual(names)
  })

  test("tells readers the right TIFF files also when one could not be written and its point was taken again", async () => {
    const det = await ad.detector({ file: { format: "tiff" } })
    const { RE, of } = recordingEngine()
    function* plan() {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.triggerAndRead([det])
      const mend = ad.ioc.addDetectorFault({ kind: "not-writable", plugin: "TIFF1" })
      try {
        yield* bps.trigger(det, { wait: true })
        expect.unreachable("nothing may be written")
      } catch (error) {
        expect(String(error)).toContain("permission denied")
      }
      mend()
      yield* bps.triggerAndRead([det])
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    await RE.run(plan())
    const template = String(of("stream_resource")[0]?.parameters["template"])
    const names = of("stream_datum").map(({ indices }) =>
      template.replace("{:06d}", String(indices.start).padStart(6, "0")),
    )
    const written = await readdir(ad.directory)
    expect(written.filter(name => name.startsWith(template.slice(0, 36))).sort()).toEqual(names)
  })

  test("lets the IOC number files of one name, if a provider asks for it", async () => {
    const paths = () => ({ directory: ad.directory, fileName: "count", numbered: true })
    const det = await ad.detector({ paths })
    const { RE, of } = recordingEngine()
    for (let i = 0; i < 2; i++) await RE.run(bp.count([det]))
    const names = of("stream_resource").map(({ uri }) => uri.split("/").at(-1) ?? "")
    expect(names[0]).toMatch(/^count_\d{6}\.h5$/)
    const number = Number(names[0]?.slice(6, 12))
    expect(names[1]).toBe(`count_${String(number + 1).padStart(6, "0")}.h5`)
  })

  test("goes on in one file through the runs of one stage, each of which announces it", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    function* plan() {
      yield* bps.stage(det)
      for (let i = 0; i < 2; i++) {
        yield* bps.openRun()
        yield* bps.triggerAndRead([det])
        yield* bps.closeRun()
      }
      yield* bps.unstage(det)
    }
    await RE.run(plan())
    const resources = of("stream_resource")
    expect(resources.map(({ run_start }) => run_start)).toEqual(of("start").map(({ uid }) => uid))
    expect(new Set(resources.map(({ uri }) => uri)).size).toBe(1)
    expect(of("stream_datum").map(({ indices, seq_nums }) => [indices.start, seq_nums.start])).toEqual([
      [0, 1],
      [1, 1],
    ])
  })
})
