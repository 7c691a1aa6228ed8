import { type AreaDetectorError, SimDetector, StatsPlugin, staticPaths } from "@ophyd-ts/area-detector"
import { connect, type Readable } from "@ophyd-ts/core"
import { bp, bps, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { readDataset, Setup } from "./support/beamline.ts"
import { recordingEngine } from "./support/documents.ts"

/** The package's own error below those that carry it. */
function rootOf(error: unknown): AreaDetectorError {
  let at = error as Error
  while (at.cause instanceof Error && !("code" in at && /^[A-Z]+_/.test(String(at.code)) && isOurs(at)))
    at = at.cause
  return at as AreaDetectorError
}

const isOurs = (error: Error) =>
  error.constructor.name === "AreaDetectorError" ||
  Object.getPrototypeOf(error.constructor).name === "AreaDetectorError"

/** Runs the plan, which must fail, and gives the cause. */
const failure = async (RE: RunEngine, plan: Plan<unknown>): Promise<AreaDetectorError> =>
  rootOf(
    await RE.run(plan).then(
      () => expect.unreachable("the plan should have failed"),
      error => error,
    ),
  )

/** A run of two points, with something that happens between them. */
function* twoPoints(det: SimDetector, between: () => Promise<void>): Plan {
  yield* bps.stage(det)
  yield* bps.openRun()
  yield* bps.triggerAndRead([det])
  yield* bps.call(between)
  yield* bps.triggerAndRead([det])
  yield* bps.closeRun()
  yield* bps.unstage(det)
}

describe("trouble with an area detector", { timeout: 60_000 }, () => {
  let ad: Setup
  const mends: (() => void)[] = []
  beforeAll(async () => {
    ad = await Setup.start()
  })
  afterAll(() => ad[Symbol.asyncDispose]())
  beforeEach(() => {
    for (const mend of mends.splice(0)) mend()
  })

  const counter = async () => (await ad.client.ca.channel(ad.pv("cam1:ArrayCounter_RBV")).get()).value

  test("a missing directory fails the run with its path, and nothing is acquired", async () => {
    const det = await ad.detector({ paths: staticPaths(`${ad.directory}/nowhere`) })
    const before = await counter()
    const { RE, of } = recordingEngine()
    const error = await failure(RE, bp.count([det]))
    expect([error.code, error.message]).toEqual([
      "BAD_PATH",
      expect.stringContaining(`${ad.directory}/nowhere`),
    ])
    expect(of("start")).toEqual([])
    expect(await counter()).toBe(before)
    expect(det.staged).toBe(false)
  })

  test("a directory in which the IOC may not write fails the first point with the IOC's reason", async () => {
    const det = await ad.detector()
    mends.push(ad.ioc.addDetectorFault({ kind: "not-writable" }))
    const { RE } = recordingEngine()
    const error = await failure(RE, bp.count([det]))
    expect([error.code, error.message]).toEqual([
      "WRITE_FAILED",
      expect.stringContaining("permission denied"),
    ])
    expect(await det.file?.capture.get()).toBe(false)
  })

  test("a full disk ends the run with the IOC's reason, and leaves a file that can be read up to the last flushed frame", async () => {
    const det = await ad.detector({ file: { swmr: true } })
    mends.push(ad.ioc.addDetectorFault({ kind: "disk-full", afterFrames: 3 }))
    const { RE, of } = recordingEngine()
    const error = await failure(RE, bp.count([det], 10))
    expect([error.code, error.message]).toEqual(["WRITE_FAILED", expect.stringContaining("no space left")])
    expect(of("stop")[0]).toMatchObject({
      exit_status: "fail",
      reason: expect.stringContaining("no space left"),
    })
    expect(of("event")).toHaveLength(3)
    const [resource] = of("stream_resource")
    const { totals } = readDataset(resource?.uri ?? "", resource?.parameters["dataset"])
    expect(totals.length).toBeLessThanOrEqual(3)
    expect(
      of("event")
        .slice(0, totals.length)
        .map(event => event.data["det_stats_total"]),
    ).toEqual(totals)
    // The next run does not see the error of this one.
    for (const mend of mends.splice(0)) mend()
    expect((await RE.run(bp.count([det]))).exitStatus).toBe("success")
  })

  test("a dropped frame is reported, with how many", async () => {
    const det = await ad.detector()
    const { RE } = recordingEngine()
    mends.push(ad.ioc.addDetectorFault({ kind: "dropped-frames", plugin: "HDF1", frames: 2 }))
    function* plan() {
      yield* bps.stage(det)
      yield* bps.prepare(det, { collectionsPerEvent: 5 }, { wait: true })
      yield* bps.trigger(det, { wait: true })
    }
    expect(await failure(RE, plan())).toMatchObject({ code: "FRAMES_DROPPED", dropped: 2 })
  })

  test("a frame that the statistics missed is reported too", async () => {
    const det = await ad.detector()
    const { RE } = recordingEngine()
    mends.push(ad.ioc.addDetectorFault({ kind: "dropped-frames", plugin: "Stats1", frames: 1 }))
    const error = await failure(RE, bp.count([det], 2))
    expect([error.code, error.message]).toEqual(["FRAMES_DROPPED", expect.stringContaining("det_stats")])
  })

  test("the camera's error state fails the trigger with its message", async () => {
    const det = await ad.detector()
    mends.push(
      ad.ioc.addDetectorFault({ kind: "detector-error", message: "chiller too warm", afterFrames: 2 }),
    )
    const { RE, of } = recordingEngine()
    const error = await failure(RE, bp.count([det], 5))
    expect(error).toMatchObject({ code: "CAMERA_FAILED", state: "Error", reason: "chiller too warm" })
    expect(error.message).toContain("det_cam: the camera is in state Error: chiller too warm")
    expect(of("event")).toHaveLength(2)
  })

  test("an abort in mid-acquisition closes the file, stops the camera, and puts the old mode back", async () => {
    const det = await ad.detector()
    await det.cam.imageMode.set("Continuous")
    const { RE } = recordingEngine()
    function* long() {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { collectionsPerEvent: 1000, livetime: 0.02 }, { wait: true })
      yield* bps.triggerAndRead([det])
    }
    const running = RE.run(long())
    await vi.waitFor(async () => expect(await det.file?.numCaptured.get()).toBeGreaterThan(2), 10_000)
    await RE.abort("enough")
    const { exitStatus, problems } = await running
    expect([exitStatus, problems]).toEqual(["abort", []])
    expect(await det.cam.acquire.get()).toBe(false)
    expect(await det.file?.capture.get()).toBe(false)
    expect(await det.cam.imageMode.get()).toBe("Continuous")
    const captured = (await det.file?.numCaptured.get()) ?? 0
    const name = (await det.file?.fullFileName.get()) ?? ""
    expect(readDataset(`file://localhost${name}`, "/entry/data/data").shape).toEqual([captured, 16, 24])
  })

  test("a camera that is found in Continuous mode is stopped first, and not left running", async () => {
    const det = await ad.detector()
    await det.cam.imageMode.set("Continuous")
    await ad.put("cam1:Acquire", 1)
    await vi.waitFor(async () => expect(await det.cam.acquire.get()).toBe(true))
    const { RE, of } = recordingEngine()
    await RE.run(bp.count([det], 2))
    expect(readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data").shape).toEqual([2, 16, 24])
    expect(await det.cam.acquire.get()).toBe(false)
    expect(await det.cam.imageMode.get()).toBe("Continuous")
  })

  test.each([
    ["HDF1:EnableCallbacks", "det_hdf"],
    ["Stats1:EnableCallbacks", "det_stats"],
    ["cam1:ArrayCallbacks", "det_"],
  ])(
    "%s switched off by somebody in mid-run fails the next point, and says what was switched off",
    async (pv, who) => {
      const det = await ad.detector()
      const { RE, of } = recordingEngine()
      const error = await failure(
        RE,
        twoPoints(det, () => ad.put(pv, 0)),
      )
      expect(error.code).toBe("PLUGIN_DISABLED")
      expect(error.message).toContain(ad.pv(pv))
      expect(error.message).toContain(who)
      expect(of("event")).toHaveLength(1)
    },
  )

  test("statistics that are held back to a rate, and so missed the newest frame, fail the point and say why", async () => {
    const det = await ad.detector({ timeout: 1 })
    await det.plugins.stats.minCallbackTime.set(1000)
    const { RE, of } = recordingEngine()
    const error = await failure(RE, bp.count([det], 3))
    await det.plugins.stats.minCallbackTime.set(0)
    expect([error.code, error.message]).toEqual([
      "STALE_VALUES",
      expect.stringContaining("it has counted 0 of 1 1 s after the acquisition (does MinCallbackTime"),
    ])
    expect(of("event").length).toBeLessThan(2)
  })

  test("capturing that somebody ended fails the next point", async () => {
    const det = await ad.detector()
    const { RE } = recordingEngine()
    function* plan() {
      yield* bps.stage(det)
      yield* bps.trigger(det, { wait: true })
      yield* bps.call(() => ad.put("HDF1:Capture", 0))
      yield* bps.trigger(det, { wait: true })
    }
    expect((await failure(RE, plan())).code).toBe("CAPTURE_ENDED")
  })

  test("frames that somebody else takes meanwhile are noticed", async () => {
    const det = await ad.detector()
    const { RE } = recordingEngine()
    function* plan() {
      yield* bps.stage(det)
      yield* bps.trigger(det, { wait: true })
      yield* bps.call(async () => {
        await ad.client.ca.channel(ad.pv("cam1:Acquire")).put(1, { completion: true })
      })
      yield* bps.trigger(det, { wait: true })
    }
    expect((await failure(RE, plan())).code).toBe("WRONG_FRAME_COUNT")
  })

  test("a detector that is staged cannot be staged again, and says who has the camera", async () => {
    const [one, other] = [await ad.detector(), await ad.detector({ name: "twin" })]
    await one.stage()
    await expect(one.stage()).rejects.toMatchObject({ code: "REDUNDANT_STAGING" })
    const error = rootOf(await other.stage().catch(thrown => thrown))
    expect([error.code, error.message]).toEqual([
      "CLAIMED",
      expect.stringMatching(/^twin: .* has been staged by det for /),
    ])
    await one.unstage()
    await other.stage()
    await other.unstage()
  })

  test("two plans that want the same detector: the second one is refused before anything moves", async () => {
    const [one, other] = [await ad.detector(), await ad.detector({ name: "twin" })]
    const { RE } = recordingEngine()
    const second = new RunEngine()
    let refused: unknown
    const asked = vi.fn()
    await RE.run(
      bp.count([one], 2, {
        *perShot(detectors) {
          yield* bps.call(async () => {
            refused ??= await second.run(bp.count([other])).catch(error => error)
          })
          asked()
          yield* bps.oneShot(detectors)
        },
      }),
    )
    expect(rootOf(refused).code).toBe("CLAIMED")
    expect(asked).toHaveBeenCalledTimes(2)
  })

  test("a plugin of another type does not connect, and says which it is", async () => {
    const det = new SimDetector(`${ad.prefix}ad:`, {
      name: "det",
      client: ad.client,
      plugins: { odd: [StatsPlugin, "ROI1:"] },
    })
    await expect(connect(det, { timeout: 2 })).rejects.toThrow(/NDPluginROI, not a NDPluginStats/)
  })

  test("a plugin that listens to a port of none of the detector's devices fails the stage", async () => {
    const det = await ad.detector()
    await det.plugins.stats.ndArrayPort.set("ROI1")
    const error = rootOf(await det.stage().catch(thrown => thrown))
    expect([error.code, error.message]).toEqual([
      "WRONG_PORT",
      expect.stringContaining('det_stats takes its frames from port "ROI1"'),
    ])
    const both = await ad.detector({ name: "both", plugins: { stats: true, roi: true } })
    await both.stage()
    await both.unstage()
    await det.plugins.stats.ndArrayPort.set("SIM1")
  })

  test("a trigger that the camera does not know is refused before anything is written", async () => {
    const det = await ad.detector()
    await det.stage()
    await expect(det.prepare({ trigger: "external-level" })).rejects.toMatchObject({
      cause: { code: "BAD_TRIGGER_INFO", message: expect.stringContaining("only internal, external-edge") },
    })
    await expect(det.prepare({ collectionsPerEvent: 0 })).rejects.toThrow("collectionsPerEvent is 0")
    await det.unstage()
    expect(() => det.trigger()).toThrow(expect.objectContaining({ code: "NOT_STAGED" }))
  })
})

describe.each(["ca", "pva"] as const)("an IOC that goes away (%s)", { timeout: 60_000 }, protocol => {
  test("or never was there: the error names the records that every version has, and none of the others", async () => {
    await using ad = await Setup.start()
    const det = new SimDetector("nowhere:", {
      name: "det",
      client: ad.client,
      protocol,
      plugins: { stats: true },
    })
    const error = await connect(det, { timeout: 0.5 }).catch(thrown => thrown)
    expect(error.message).toContain(`det_cam_acquire ${protocol}://nowhere:cam1:Acquire_RBV: searching after`)
    expect(error.message).not.toContain("absent")
    expect(error.message).not.toContain("det_cam_gain")
  })

  test("killed in mid-acquisition: the run fails at once, and says what could not be put back", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol })
    const { RE, of } = recordingEngine()
    function* long() {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { collectionsPerEvent: 1000, livetime: 0.02 }, { wait: true })
      yield* bps.triggerAndRead([det])
    }
    const running = RE.run(long()).catch(error => error)
    await vi.waitFor(async () => expect(await det.file?.numCaptured.get()).toBeGreaterThan(2), 10_000)
    const killed = performance.now()
    const restart = await ad.kill()
    const error = await running
    expect(performance.now() - killed).toBeLessThan(5000)
    expect(error.message).toMatch(/^det: trigger failed after/)
    expect(of("stop")[0]?.exit_status).toBe("fail")
    await restart()
  })

  test("whose camera alone goes: the file is closed, the rest put back, and the reason is what failed first", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol })
    await det.cam.imageMode.set("Continuous")
    const { RE, of } = recordingEngine()
    function* perShot(detectors: readonly Readable[]) {
      yield* bps.oneShot(detectors)
      yield* bps.call(async () => {
        for (const name of ["Acquire", "Acquire_RBV"]) ad.ioc.disconnect(ad.pv(`cam1:${name}`))
        await vi.waitFor(() => expect(det.cam.acquire.connected).toBe(false))
      })
    }
    await expect(RE.run(bp.count([det], 3, { perShot }))).rejects.toThrow(
      /cam1:Acquire_RBV is lost and did not/,
    )
    expect(RE.lastResult?.reason).toContain("did not come back within 5 s")
    expect(of("stop")[0]?.reason).toBe(RE.lastResult?.reason)
    expect(RE.lastResult?.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /clean-up failed, too: .*Acquire_RBV is not connected, so the camera could not be stopped/,
      ),
    ])
    expect(det.staged).toBe(false)
    expect(await det.file?.capture.get()).toBe(false)
    expect(await det.file?.fileWriteMode.get()).toBe("Single")
    expect(await det.cam.imageMode.get()).toBe("Continuous")
    expect(readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data").shape).toEqual([1, 16, 24])
  })

  test("killed between two points: the clean-up does not wait for what is gone, and says what that is", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol, timeout: 3 })
    const { RE } = recordingEngine()
    let restart = async () => {}
    function* perShot(detectors: readonly Readable[]) {
      yield* bps.oneShot(detectors)
      yield* bps.call(async () => {
        restart = await ad.kill()
      })
    }
    const begun = performance.now()
    await expect(RE.run(bp.count([det], 3, { perShot }))).rejects.toThrow()
    expect(performance.now() - begun).toBeLessThan(20_000)
    const [problem] = RE.lastResult?.problems ?? []
    expect(problem?.message).toContain("so the camera could not be stopped")
    expect(problem?.message).toContain("so its file could not be closed")
    expect(problem?.message).toMatch(/and \d+ more are not connected and could not be put back/)
    await restart()
    // The claim was given back, and a new run sets everything anew.
    await vi.waitFor(() => expect([...det.signals()].every(({ connected }) => connected)).toBe(true), 20_000)
    expect((await RE.run(bp.count([det]))).exitStatus).toBe("success")
  })

  test("restarted between two points: the next point fails and says what is no longer as it was staged", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol })
    const { RE, of } = recordingEngine()
    const between = async () => {
      const restart = await ad.kill()
      await vi.waitFor(() => expect(det.cam.acquire.connected).toBe(false))
      await restart()
    }
    const error = await failure(RE, twoPoints(det, between))
    expect([error.code, error.message]).toEqual(["SETTINGS_LOST", expect.any(String)])
    expect(error.message).toMatch(
      /was the IOC restarted.*det_hdf_file_write_mode is "Single" instead of "Stream"/,
    )
    expect(of("event")).toHaveLength(1)
    // A new run stages anew.
    expect((await RE.run(bp.count([det]))).exitStatus).toBe("success")
  })

  test("a connection that is lost in mid-exposure: what the camera began then is not what the next try takes", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol })
    const { RE, of } = recordingEngine()
    const exposure = 1
    const frames = async () => {
      const { value } = await ad.client.ca.channel(ad.pv("cam1:ArrayCounter_RBV")).get()
      return Number(value)
    }
    let [before, seconds] = [0, 0]
    function* plan() {
      yield* bps.stage(det)
      yield* bps.openRun()
      yield* bps.prepare(det, { livetime: exposure }, { wait: true })
      before = yield* bps.call(frames)
      try {
        yield* bps.trigger(det, { group: "lost" })
        yield* bps.call(async () => {
          await vi.waitFor(async () => expect(await det.cam.acquire.get()).toBe(true))
          ad.ioc.disconnect(ad.pv("cam1:Acquire"))
          await vi.waitFor(() => expect(det.cam.acquire.connected).toBe(false))
        })
        yield* bps.wait("lost")
      } catch {}
      ad.ioc.reconnect(ad.pv("cam1:Acquire"))
      const begun = performance.now()
      yield* bps.triggerAndRead([det])
      seconds = (performance.now() - begun) / 1000
      yield* bps.closeRun()
      yield* bps.unstage(det)
    }
    await RE.run(plan())
    expect(of("event")).toHaveLength(1)
    expect(seconds).toBeGreaterThan(exposure)
    expect(await frames()).toBe(before + 1)
  })

  test("a connection that is lost and comes back to the same IOC does not end the run", async () => {
    await using ad = await Setup.start()
    const det = await ad.detector({ protocol })
    const { RE, of } = recordingEngine()
    const between = async () => {
      ad.ioc.disconnect(ad.pv("cam1:Acquire"))
      await vi.waitFor(() => expect(det.cam.acquire.connected).toBe(false))
      ad.ioc.reconnect(ad.pv("cam1:Acquire"))
    }
    await RE.run(twoPoints(det, between))
    expect(of("stream_datum").map(datum => datum.indices.start)).toEqual([0, 1])
  })
})
