import { describe, expect, it } from "vitest"
import { completion, OnClock } from "./on-clock.ts"

/** A camera that takes `images`, 0.1 s apart. */
const start = (ad: OnClock, images: number): (() => Promise<boolean>) => {
  ad.set({ "cam1:ImageMode": "Multiple", "cam1:NumImages": images, "cam1:AcquireTime": 0.1 })
  return completion(ad.put("cam1:Acquire", 1))
}
/** Turns the clock in small steps, so that promises settle in between. */
const run = async (ad: OnClock, seconds: number): Promise<void> => {
  for (let t = 0; t < seconds; t += 0.01) {
    ad.clock.advance(0.01)
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
}
const counters = (ad: OnClock, plugin: string): unknown[] =>
  ["ArrayCounter_RBV", "DroppedArrays_RBV", "QueueFree"].map(name => ad.get(`${plugin}:${name}`))

describe("a plugin", () => {
  it("takes images only while EnableCallbacks says so", () => {
    const ad = new OnClock()
    ad.take()
    expect(ad.get("Stats1:ArrayCounter_RBV")).toBe(0)
    ad.put("Stats1:EnableCallbacks", 1)
    const { uniqueId } = ad.take()
    expect([ad.get("Stats1:ArrayCounter_RBV"), ad.get("Stats1:UniqueId_RBV")]).toEqual([1, uniqueId])
  })

  it("listens to the port that it names, and to nobody when there is no such port", () => {
    const ad = new OnClock()
    ad.set({ "Stats1:EnableCallbacks": 1, "ROI1:EnableCallbacks": 1, "ROI1:SizeX": 10, "ROI1:SizeY": 5 })
    ad.take()
    expect(ad.get("Stats1:ArraySize0_RBV")).toBe(256)
    ad.put("Stats1:NDArrayPort", "ROI1")
    ad.take()
    expect([ad.get("Stats1:ArraySize0_RBV"), ad.get("Stats1:ArrayCounter_RBV")]).toEqual([10, 2])
    ad.put("Stats1:NDArrayPort", "NOBODY")
    ad.take()
    ad.put("Stats1:NDArrayPort", "STATS1")
    ad.take()
    expect([ad.get("Stats1:NDArrayPort_RBV"), ad.get("Stats1:ArrayCounter_RBV")]).toEqual(["STATS1", 2])
    const ports = ["cam1", "image1", "Pva1", "HDF1", "TIFF1", "Stats1", "ROI1"].map(name =>
      ad.get(`${name}:PortName_RBV`),
    )
    expect(ports).toEqual(["SIM1", "Image1", "PVA1", "FileHDF1", "FileTIFF1", "STATS1", "ROI1"])
  })

  it("queues images that come while it is busy, and drops those for which there is no room", async () => {
    const ad = new OnClock()
    ad.set({ "Stats1:EnableCallbacks": 1, "Stats1:QueueSize": 2 })
    ad.ad.addFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 10 })
    start(ad, 5)
    await run(ad, 1)
    // One is being handled, two wait, two found no room.
    expect(counters(ad, "Stats1")).toEqual([0, 2, 0])
    expect([ad.get("Stats1:QueueUse"), ad.get("cam1:NumQueuedArrays")]).toEqual([2, 3])
    await run(ad, 30)
    expect(counters(ad, "Stats1")).toEqual([3, 2, 2])
    expect(ad.get("cam1:NumQueuedArrays")).toBe(0)
  })

  it.each([
    ["Yes", true],
    ["No", false],
  ])("with WaitForPlugins %s the put of Acquire waits for its queue: %s", async (wait, waits) => {
    const ad = new OnClock()
    ad.set({ "Stats1:EnableCallbacks": 1, "cam1:WaitForPlugins": wait })
    ad.ad.addFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 2 })
    const done = start(ad, 2)
    await run(ad, 1)
    expect([await done(), ad.choice("cam1:AcquireBusy")]).toEqual([!waits, waits ? "Acquiring" : "Done"])
    expect(ad.choice("cam1:Acquire_RBV")).toBe("Done")
    await run(ad, 4)
    expect([await done(), ad.choice("cam1:AcquireBusy"), ad.get("Stats1:ArrayCounter_RBV")]).toEqual([
      true,
      "Done",
      2,
    ])
  })

  it("makes the camera wait with BlockingCallbacks: nothing is queued, nothing dropped", async () => {
    const ad = new OnClock()
    ad.set({ "Stats1:EnableCallbacks": 1, "Stats1:BlockingCallbacks": "Yes", "Stats1:QueueSize": 1 })
    ad.ad.addFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 1 })
    const done = start(ad, 4)
    await run(ad, 2)
    expect(await done()).toBe(false)
    expect(ad.get("cam1:ArrayCounter_RBV")).toBeLessThan(4)
    await run(ad, 4)
    expect([await done(), ...counters(ad, "Stats1")]).toEqual([true, 4, 0, 1])
  })

  it("leaves out images that come sooner than MinCallbackTime; MaxArrayRate says the same as a rate", async () => {
    const ad = new OnClock()
    ad.set({ "Stats1:EnableCallbacks": 1, "Stats1:MinCallbackTime": 0.25 })
    start(ad, 10)
    await run(ad, 2)
    expect(counters(ad, "Stats1")).toEqual([4, 0, 20])
    ad.put("Stats1:MaxArrayRate", 5)
    expect(ad.get("Stats1:MinCallbackTime_RBV")).toBe(0.2)
  })

  it("loses as many images as a fault says, counts them, and is well again", () => {
    const ad = new OnClock()
    ad.put("Stats1:EnableCallbacks", 1)
    ad.ad.addFault({ kind: "dropped-frames", plugin: "Stats1", frames: 2 })
    for (let i = 0; i < 5; i++) ad.take()
    expect(counters(ad, "Stats1")).toEqual([3, 2, 20])
    ad.put("Stats1:DroppedArrays", 0)
    const mend = ad.ad.addFault({ kind: "dropped-frames", plugin: "Stats1", frames: 100 })
    ad.take()
    mend()
    ad.take()
    expect(counters(ad, "Stats1")).toEqual([4, 1, 20])
  })

  it("handles its last image once more when it is told to", () => {
    const ad = new OnClock()
    ad.put("Stats1:EnableCallbacks", 1)
    ad.take()
    ad.set({ "Stats1:EnableCallbacks": 0, "Stats1:Total": 0, "Stats1:ProcessPlugin": 1 })
    expect(ad.get("Stats1:ArrayCounter_RBV")).toBe(2)
    expect(ad.get("Stats1:Total_RBV")).toBeGreaterThan(0)
  })

  it("serves the pixels as a waveform of one type and room, whatever the image is", () => {
    const ad = new OnClock({ sensor: [8, 8], elements: "SHORT" })
    ad.take({ "cam1:DataType": "Float64", "cam1:SimMode": "LinearRamp" })
    const data = ad.get("image1:ArrayData") as Int16Array
    expect(data).toBeInstanceOf(Int16Array)
    expect(Array.from(data.subarray(0, 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 1, 2])
    ad.take({ "cam1:ColorMode": "RGB3", "cam1:DataType": "Int64" })
    expect((ad.get("image1:ArrayData") as Int16Array).length).toBe(192)
  })
})
