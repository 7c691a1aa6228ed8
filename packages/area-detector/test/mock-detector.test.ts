import { SimDetector, staticPaths } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { putsOf } from "@ophyd-ts/core/testing"
import { bp } from "@ophyd-ts/run-engine"
import { expect, test } from "vitest"
import { recordingEngine } from "./support/documents.ts"
import { MockCamera } from "./support/mock-camera.ts"

async function mockDetector() {
  const det = new SimDetector("X:", {
    name: "det",
    paths: staticPaths("/data"),
    plugins: { stats: true },
    timeout: 0.5,
  })
  await connect(det, { mock: true })
  return { det, camera: new MockCamera(det) }
}

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

test("a missing directory fails the stage with its path before anything is acquired", async () => {
  const { det, camera } = await mockDetector()
  camera.directories.clear()
  await expect(det.stage()).rejects.toMatchObject({ code: "BAD_PATH", path: "/data" })
  expect(putsOf(det.cam.acquire)).toEqual([])
  expect(det.staged).toBe(false)
})
