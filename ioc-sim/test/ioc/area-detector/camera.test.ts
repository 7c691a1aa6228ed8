import { describe, expect, it } from "vitest"
import { completion, OnClock } from "./on-clock.ts"

describe("the camera", () => {
  it("takes one image in Single mode: it is there when the put of Acquire completes", async () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.set({ "cam1:ImageMode": "Single", "cam1:AcquireTime": 0.5 })
    const done = completion(ad.put("cam1:Acquire", 1))
    expect([ad.choice("cam1:Acquire_RBV"), ad.choice("cam1:AcquireBusy")]).toEqual(["Acquiring", "Acquiring"])
    expect([ad.choice("cam1:DetectorState_RBV"), ad.get("cam1:TimeRemaining_RBV")]).toEqual(["Acquire", 0.5])
    expect(ad.get("cam1:StatusMessage_RBV")).toBe("Acquiring data")
    ad.clock.advance(0.49)
    expect([await done(), frames.length]).toEqual([false, 0])
    ad.clock.advance(0.02)
    expect([await done(), frames.length]).toEqual([true, 1])
    const after = ["cam1:Acquire", "cam1:Acquire_RBV", "cam1:AcquireBusy"].map(pv => ad.choice(pv))
    expect(after).toEqual(["Done", "Done", "Done"])
    expect([ad.choice("cam1:DetectorState_RBV"), ad.get("cam1:StatusMessage_RBV")]).toEqual([
      "Idle",
      "Waiting for acquisition",
    ])
  })

  it("takes NumImages in Multiple mode, a period apart, and numbers them on", async () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.set({ "cam1:ImageMode": "Multiple", "cam1:NumImages": 3, "cam1:AcquireTime": 0.1 })
    ad.set({ "cam1:AcquirePeriod": 1, "cam1:ArrayCounter": 10 })
    const states = ad.watch("cam1:DetectorState_RBV")
    const done = completion(ad.put("cam1:Acquire", 1))
    ad.clock.advance(2)
    expect([frames.length, ad.get("cam1:NumImagesCounter_RBV"), await done()]).toEqual([2, 2, false])
    ad.clock.advance(0.2)
    expect(await done()).toBe(true)
    expect(frames.map(frame => frame.uniqueId)).toEqual([11, 12, 13])
    expect(frames.map(frame => frame.timeStamp - (frames[0]?.timeStamp ?? 0))).toEqual([
      0,
      expect.closeTo(1, 6),
      expect.closeTo(2, 6),
    ])
    const [acquire, readout, waiting, idle] = [1, 2, 7, 0]
    expect(states).toEqual([acquire, readout, waiting, acquire, readout, waiting, acquire, readout, idle])
    void ad.put("cam1:Acquire", 1)
    ad.clock.advance(0.05)
    expect(ad.get("cam1:NumImagesCounter_RBV")).toBe(0)
  })

  it("answers a second put with completion at once while it acquires, as the records of ADCore do", async () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.set({ "cam1:ImageMode": "Single", "cam1:AcquireTime": 1 })
    const first = completion(ad.put("cam1:Acquire", 1))
    ad.clock.advance(0.5)
    const second = completion(ad.put("cam1:Acquire", 1))
    expect([await first(), await second(), frames.length]).toEqual([false, true, 0])
    ad.clock.advance(0.6)
    expect([await first(), frames.length, ad.choice("cam1:AcquireBusy")]).toEqual([true, 1, "Done"])
  })

  it("goes on in Continuous mode until somebody writes Done, and is Idle then", async () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.put("cam1:AcquireTime", 0.1)
    expect(ad.choice("cam1:ImageMode_RBV")).toBe("Continuous")
    const done = completion(ad.put("cam1:Acquire", 1))
    ad.clock.advance(5.05)
    expect([frames.length, await done()]).toEqual([50, false])
    ad.put("cam1:Acquire", 0)
    ad.clock.advance(1)
    expect([frames.length, await done(), ad.choice("cam1:DetectorState_RBV")]).toEqual([50, true, "Idle"])
    expect(ad.get("cam1:StatusMessage_RBV")).toBe("Acquisition stopped")
  })

  it("is Aborted when somebody ends another mode, and the put completes", async () => {
    const ad = new OnClock()
    ad.set({ "cam1:ImageMode": "Multiple", "cam1:NumImages": 10, "cam1:AcquireTime": 1 })
    const done = completion(ad.put("cam1:Acquire", 1))
    ad.clock.advance(2.5)
    ad.put("cam1:Acquire", 0)
    expect([await done(), ad.choice("cam1:DetectorState_RBV")]).toEqual([true, "Aborted"])
    ad.clock.advance(10)
    expect(ad.get("cam1:NumImagesCounter_RBV")).toBe(2)
  })

  it("shows the rate of images of the last second, and 0 when there are none", () => {
    const ad = new OnClock()
    ad.put("cam1:AcquireTime", 0.099)
    void ad.put("cam1:Acquire", 1)
    ad.clock.advance(3)
    expect(ad.get("cam1:ArrayRate_RBV")).toBe(10)
    ad.put("cam1:Acquire", 0)
    ad.clock.advance(3)
    expect(ad.get("cam1:ArrayRate_RBV")).toBe(0)
  })

  it("describes the image that it has taken, the fastest dimension first", () => {
    const ad = new OnClock()
    const frame = ad.take({
      "cam1:SizeX": 40,
      "cam1:SizeY": 30,
      "cam1:ColorMode": "RGB1",
      "cam1:DataType": "Int32",
    })
    expect(frame.dimensions.map(({ size }) => size)).toEqual([3, 40, 30])
    const described = ["NDimensions", "ArraySize0", "ArraySize1", "ArraySize2", "ArraySize3", "ArraySize"]
    expect(described.map(name => ad.get(`cam1:${name}_RBV`))).toEqual([3, 3, 40, 30, 0, 14_400])
    expect(["X", "Y", "Z"].map(axis => ad.get(`cam1:ArraySize${axis}_RBV`))).toEqual([40, 30, 3])
    expect(Array.from(ad.get("cam1:Dimensions_RBV") as Int32Array)).toEqual([3, 40, 30, 0, 0, 0, 0, 0, 0, 0])
  })

  it("corrects a region that does not fit the sensor, in the read-backs", () => {
    const ad = new OnClock({ sensor: [100, 80] })
    const frame = ad.take({
      "cam1:MinX": 90,
      "cam1:SizeX": 50,
      "cam1:BinX": 0,
      "cam1:MinY": -3,
      "cam1:SizeY": 33,
      "cam1:BinY": 4,
    })
    expect(["MinX", "SizeX", "BinX", "MinY"].map(name => ad.get(`cam1:${name}_RBV`))).toEqual([90, 10, 1, 0])
    expect(ad.get("cam1:SizeX")).toBe(50)
    expect(frame.dimensions).toEqual([
      { size: 10, offset: 90, binning: 1, reverse: false, fullSize: 100 },
      { size: 8, offset: 0, binning: 4, reverse: false, fullSize: 80 },
    ])
  })

  it("gives nothing to plugins while ArrayCallbacks are disabled, but goes on counting", () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.set({ "cam1:ArrayCallbacks": "Disable", "cam1:ImageMode": "Single" })
    void ad.put("cam1:Acquire", 1)
    ad.clock.advance(1)
    expect([frames.length, ad.get("cam1:ArrayCounter_RBV"), ad.get("image1:ArrayCounter_RBV")]).toEqual([
      0, 1, 0,
    ])
  })

  it("raises the alarms of the records: minor while it acquires, major in error", () => {
    const ad = new OnClock()
    const severity = (pv: string): number | undefined =>
      ad.ad.records.find(record => record.name === `x:ad:${pv}`)?.alarm.severity
    ad.ad.addFault({ kind: "detector-error", message: "cooling failed" })
    void ad.put("cam1:Acquire", 1)
    expect([severity("cam1:Acquire_RBV"), severity("cam1:DetectorState_RBV")]).toEqual([1, 0])
    ad.clock.advance(1)
    expect([severity("cam1:Acquire_RBV"), severity("cam1:DetectorState_RBV")]).toEqual([0, 2])
  })

  it("ends in the state Error with the message of a fault, after as many good images as it is told", async () => {
    const ad = new OnClock()
    const frames = ad.frames()
    ad.ad.addFault({ kind: "detector-error", message: "cooling failed", afterFrames: 2 })
    ad.set({ "cam1:ImageMode": "Multiple", "cam1:NumImages": 5 })
    const done = completion(ad.put("cam1:Acquire", 1))
    ad.clock.advance(1)
    expect([await done(), frames.length]).toEqual([true, 2])
    expect([ad.choice("cam1:DetectorState_RBV"), ad.get("cam1:StatusMessage_RBV")]).toEqual([
      "Error",
      "cooling failed",
    ])
    ad.take()
    expect(ad.choice("cam1:DetectorState_RBV")).toBe("Idle")
  })

  it("leaves nothing behind on the clock when it is closed, and completes what waits", async () => {
    const ad = new OnClock()
    ad.put("Stats1:EnableCallbacks", 1)
    ad.ad.addFault({ kind: "slow-plugin", plugin: "Stats1", seconds: 100 })
    const puts = [ad.put("cam1:Acquire", 1), ad.put("HDF1:Capture", 1)]
    ad.clock.advance(0.015)
    await ad.beamline.close()
    await Promise.all(puts)
    expect(ad.clock.pending).toBe(0)
  })
})
