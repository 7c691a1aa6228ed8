import { File, type Group, ready } from "h5wasm/node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Setup } from "./support.ts"

describe("the HDF5 plugin", { timeout: 40_000 }, () => {
  let ad: Setup

  beforeAll(async () => {
    await ready
    ad = await Setup.start({ areaDetector: { size: [20, 12] } })
    await ad.set({ "cam1:AcquireTime": 0.001, "cam1:ImageMode": "Multiple", "cam1:NumImages": 3 })
  })
  afterAll(() => ad[Symbol.asyncDispose]())

  it("streams images into a file that it closes before Capture completes", async () => {
    const stop = await ad.capture()
    await ad.put("cam1:Acquire", 1)
    await ad.put("cam1:Acquire", 1)
    expect(await ad.get("HDF1:NumCaptured_RBV")).toBe(6)
    await stop()
    const path = await ad.text("HDF1:FullFileName_RBV")
    expect(path).toBe(`${ad.directory}/test_000000.h5`)
    const file = new File(path, "r")
    const shape = (name: string): unknown => (file.get(name) as { shape?: unknown } | null)?.shape
    expect(shape("/entry/data/data")).toEqual([6, 12, 20])
    expect(shape("/entry/instrument/detector/data")).toEqual([6, 12, 20])
    for (const name of ["NDAttributes/NDArrayUniqueId", "detector/NDAttributes/ColorMode", "NDAttributes/m1"])
      expect([name, shape(`/entry/instrument/${name}`)]).toEqual([name, [6]])
    expect((file.get("/entry") as Group).attrs["NX_class"]?.value).toBe("NXentry")
    file.close()
  })

  it("refuses to capture in Single mode, and before it has seen an image unless the file may be opened later", async () => {
    await using fresh = await Setup.start()
    await fresh.put("HDF1:Capture", 1)
    expect(await fresh.text("HDF1:WriteMessage")).toBe("ERROR: capture not supported in Single mode")
    await fresh.put("HDF1:FileWriteMode", "Stream")
    await fresh.put("HDF1:Capture", 1)
    expect(await fresh.text("HDF1:WriteMessage")).toContain("must collect an array to get dimensions first")
    expect([await fresh.get("HDF1:WriteStatus"), await fresh.get("HDF1:Capture_RBV")]).toEqual([1, 0])
  })
})
