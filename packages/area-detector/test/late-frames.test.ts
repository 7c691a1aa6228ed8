import { bps, type Plan } from "@ophyd-ts/run-engine"
import { beforeEach, describe, expect, test, vi } from "vitest"
import { readDataset, Setup } from "./support/beamline.ts"
import { recordingEngine } from "./support/documents.ts"

/** The plan within a stage and a run. */
function* within(det: Awaited<ReturnType<Setup["detector"]>>, points: Plan): Plan {
  yield* bps.stage(det)
  yield* bps.openRun()
  yield* points
  yield* bps.closeRun()
  yield* bps.unstage(det)
}

describe("with a camera that does not wait for its plugins, a frame that comes late", {
  timeout: 60_000,
}, () => {
  let ad: Setup
  beforeEach(async () => {
    ad = await Setup.start()
    for (const gone of ["cam1:WaitForPlugins", "cam1:AcquireBusy"]) ad.ioc.disconnect(ad.pv(gone))
    return () => ad[Symbol.asyncDispose]()
  })

  /** The sum of the frame that each event announces, and the sum in the event. */
  function pairs(of: ReturnType<typeof recordingEngine>["of"], stream: string): [unknown, unknown][] {
    const { totals } = readDataset(of("stream_resource")[0]?.uri ?? "", "/entry/data/data")
    const uid = of("descriptor").find(({ name }) => name === stream)?.uid
    const indices = of("stream_datum").filter(({ descriptor }) => descriptor === uid)
    return of("event").map((event, i) => [
      totals[indices[i]?.indices.start ?? -1],
      event.data["det_stats_total"],
    ])
  }

  test("from a flight before is none of the point after it", async () => {
    const det = await ad.detector()
    ad.ioc.addDetectorFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 0.25 })
    const { RE, of } = recordingEngine()
    function* points(): Plan {
      yield* bps.prepare(det, { numberOfEvents: 4 }, { wait: true })
      yield* bps.declareStream([det], "flight", { collect: true })
      yield* bps.kickoff(det, { wait: true })
      yield* bps.complete(det, { wait: true })
      yield* bps.collect(det, { name: "flight" })
      yield* bps.prepare(det, {}, { wait: true })
      yield* bps.triggerAndRead([det])
    }
    await RE.run(within(det, points()))
    const [[announced, read] = []] = pairs(of, "primary")
    expect(read).toBe(announced)
  })

  test("from a flight that was stopped is none of the points after it", async () => {
    const det = await ad.detector()
    for (const plugin of ["HDF1", "Stats1"] as const)
      ad.ioc.addDetectorFault({ kind: "slow-plugin", plugin, seconds: 0.1 })
    det.plugins.stats.uniqueId.kind = "normal"
    const { RE, of } = recordingEngine()
    let taken = 0
    function* points(): Plan {
      yield* bps.prepare(det, { numberOfEvents: 1000, livetime: 0.05 }, { wait: true })
      yield* bps.kickoff(det, { wait: true })
      yield* bps.call(async () => {
        await vi.waitFor(async () => expect(await det.file?.numCaptured.get()).toBeGreaterThan(1), 10_000)
        await det.stop()
        taken = await det.cam.arrayCounter.get()
      })
      yield* bps.prepare(det, { livetime: 0.001 }, { wait: true })
      for (let i = 0; i < 2; i++) yield* bps.triggerAndRead([det])
    }
    await RE.run(within(det, points()))
    const numbers = of("event").map(event => event.data["det_stats_unique_id"])
    expect(numbers).toEqual([taken + 1, taken + 2])
    expect(of("stream_datum").map(({ indices }) => indices.start)).toEqual([taken, taken + 1])
  })

  test("after its point has failed for another reason is none of the next try", async () => {
    const det = await ad.detector()
    const { RE, of } = recordingEngine()
    const failed = vi.fn()
    function* points(): Plan {
      yield* bps.triggerAndRead([det])
      ad.ioc.addDetectorFault({ kind: "slow-plugin", plugin: "HDF1", seconds: 0.2 })
      ad.ioc.addDetectorFault({ kind: "dropped-frames", plugin: "Stats1", frames: 1 })
      try {
        yield* bps.trigger(det, { wait: true })
      } catch (error) {
        failed((error as Error).message)
      }
      for (let i = 0; i < 2; i++) yield* bps.triggerAndRead([det])
    }
    await RE.run(within(det, points()))
    expect(failed).toHaveBeenCalledWith(expect.stringContaining("det_stats: 1 frame was dropped"))
    expect(of("stream_datum").map(({ indices }) => indices.start)).toEqual([0, 2, 3])
    for (const [announced, read] of pairs(of, "primary")) expect(read).toBe(announced)
  })
})
