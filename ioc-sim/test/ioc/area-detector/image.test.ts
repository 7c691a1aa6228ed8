import { describe, expect, it } from "vitest"
import { dataTypes, pixels } from "../../../src/ioc/area-detector/frame.ts"
import { OnClock, sum } from "./on-clock.ts"

const oneSpot = { "cam1:SizeX": 64, "cam1:SizeY": 64 }
/** The center of the light. */
const center = (ad: OnClock): [number, number] => [
  ad.get("Stats1:CentroidX_RBV") as number,
  ad.get("Stats1:CentroidY_RBV") as number,
]

describe("the image", () => {
  it("has a spot whose light follows the sample as the point detector's counts do", () => {
    const ad = new OnClock()
    ad.beamline.detector.center.write("VAL", -1)
    ad.beamline.detector.width.write("VAL", 0.5)
    const totals = [-3, -1.5, -1, -0.5, 3].map(x => {
      ad.moveTo("m1", x)
      return sum(ad.take(oneSpot))
    }) as [number, number, number, number, number]
    const [farLeft, left, top, right, farRight] = totals
    expect(top / 20_000).toBeCloseTo(1, 1)
    expect(left / top).toBeCloseTo(Math.exp(-0.5), 1)
    expect(right / top).toBeCloseTo(Math.exp(-0.5), 1)
    expect(Math.max(farLeft, farRight)).toBeLessThan(50)
  })

  it("moves with the sample stage: two pixels for a millimetre", () => {
    const ad = new OnClock()
    ad.put("Stats1:EnableCallbacks", 1)
    ad.moveTo("m1", 0)
    ad.take(oneSpot)
    const [x, y] = center(ad)
    expect([x, y]).toEqual([expect.closeTo(32, 0), expect.closeTo(32, 0)])
    ad.moveTo("m1", 1)
    ad.moveTo("m2", -2)
    ad.take()
    expect(center(ad)).toEqual([expect.closeTo(x + 2, 0), expect.closeTo(y - 4, 0)])
  })

  it("has light in proportion to the exposure and the ring's current, and none with the shutter closed", () => {
    const ad = new OnClock()
    const short = sum(ad.take({ ...oneSpot, "cam1:AcquireTime": 0.01 }))
    const long = sum(ad.take({ "cam1:AcquireTime": 0.05 }))
    expect(long / short).toBeCloseTo(5, 0)
    ad.beamline.shutter.request.write("VAL", 0)
    ad.clock.advance(1)
    expect(sum(ad.take())).toBeLessThan(20)
  })

  it("shares the light among the peaks as the sample turns", () => {
    const ad = new OnClock()
    const at = (degrees: number): number => {
      ad.moveTo("m3", degrees)
      return sum(ad.take(oneSpot))
    }
    const [bright, dark] = [at(0), at(90)]
    expect(dark).toBeLessThan(bright / 20)
  })

  it("repeats itself with the same seed, and only with that; no two images are the same", () => {
    const take = (seed: number): number[][] => {
      const ad = new OnClock({ size: [64, 64] }, seed)
      return [ad.take(), ad.take()].map(({ data }) => Array.from(data, Number))
    }
    const [first, second] = [take(5), take(5)]
    expect(first).toEqual(second)
    expect(first).not.toEqual(take(6))
    expect(first[0]).not.toEqual(first[1])
  })

  it("of many pixels is not drawn anew while nothing changes: images with different noise take turns", () => {
    const ad = new OnClock({ size: [512, 512] })
    const frames = Array.from({ length: 9 }, () => ad.take())
    expect(new Set(frames.map(({ data }) => data)).size).toBe(8)
    expect(frames[0]?.data).toBe(frames[8]?.data)
    expect(sum(frames[0]!)).not.toBe(sum(frames[1]!))
    ad.moveTo("m1", 1)
    expect(frames.map(({ data }) => data)).not.toContain(ad.take().data)
  })

  it.each(dataTypes)("comes as %s", type => {
    const ad = new OnClock()
    const frame = ad.take({ ...oneSpot, "cam1:DataType": type })
    expect(frame.data).toBeInstanceOf(pixels(type, 0).constructor)
    expect(frame.data.length).toBe(64 * 64)
    expect(sum(frame) / 17_000).toBeCloseTo(1, 0)
  })

  it("saturates at the largest number that a pixel holds", () => {
    const ad = new OnClock()
    for (const [type, full] of [
      ["UInt8", 255],
      ["Int16", 32_767],
      ["UInt16", 65_535],
    ] as const) {
      const { data } = ad.take({ ...oneSpot, "cam1:DataType": type, "cam1:AcquireTime": 100 })
      expect([type, Math.max(...Array.from(data, Number))]).toEqual([type, full])
    }
  })

  it("has its colours where the mode says, each with its gain", () => {
    const ad = new OnClock()
    const gains = { "cam1:GainRed": 1, "cam1:GainGreen": 2, "cam1:GainBlue": 0 }
    const light = (mode: string): number[] => {
      const { data, dimensions } = ad.take({ ...oneSpot, ...gains, "cam1:ColorMode": mode, "cam1:SizeX": 62 })
      const at = dimensions.findIndex(({ size }) => size === 3)
      const step = dimensions.slice(0, at).reduce((product, { size }) => product * size, 1)
      const sums = [0, 0, 0]
      data.forEach((value, i) => {
        sums[Math.floor(i / step) % 3]! += Number(value)
      })
      return [at, ...sums]
    }
    for (const [mode, at] of [
      ["RGB1", 0],
      ["RGB2", 1],
      ["RGB3", 2],
    ] as const) {
      const [found, red = 0, green = 0, blue] = light(mode)
      expect([mode, found, blue]).toEqual([mode, at, expect.closeTo(0, -1)])
      expect(green / red).toBeCloseTo(2, 0)
    }
  })

  it("keeps all light when pixels are binned, and mirrors what is reversed", () => {
    const ad = new OnClock()
    ad.put("Stats1:EnableCallbacks", 1)
    const plain = sum(ad.take(oneSpot))
    const [x, y] = center(ad)
    const binned = ad.take({ "cam1:BinX": 4, "cam1:BinY": 2 })
    expect(binned.dimensions.map(({ size }) => size)).toEqual([16, 32])
    expect(sum(binned) / plain).toBeCloseTo(1, 1)
    expect(center(ad)).toEqual([expect.closeTo((x - 1.5) / 4, 0), expect.closeTo((y - 0.5) / 2, 0)])
    ad.moveTo("m1", 1.5)
    ad.take({ "cam1:BinX": 1, "cam1:BinY": 1 })
    const [right] = center(ad)
    ad.take({ "cam1:ReverseX": 1 })
    expect(center(ad)[0]).toBeCloseTo(63 - right, 0)
  })

  it("is a ramp that goes on from image to image in mode LinearRamp", () => {
    const ad = new OnClock({ size: [6, 3] })
    const ramp = { "cam1:SimMode": "LinearRamp", "cam1:GainX": 2, "cam1:GainY": 10, "cam1:DataType": "UInt8" }
    const [first, second] = [ad.take(ramp), ad.take()]
    const expected = Array.from({ length: 18 }, (_, i) => 2 * (i % 6) + 10 * Math.floor(i / 6))
    expect(Array.from(first.data, Number)).toEqual(expected)
    expect(Array.from(second.data, Number)).toEqual(expected.map(value => value + 1))
    const reversed = ad.take({ "cam1:ReverseX": 1, "cam1:DataType": "Int32" })
    expect(Number(reversed.data[0])).toBe(12)
  })

  it("is offset and noise, or waves, in the other modes", () => {
    const ad = new OnClock({ size: [32, 32] })
    const noise = {
      "cam1:SimMode": "Offset&Noise",
      "cam1:Offset": 100,
      "cam1:Noise": 10,
      "cam1:DataType": "Float64",
    }
    const { data } = ad.take(noise)
    const values = Array.from(data, Number)
    expect([Math.min(...values) >= 100, Math.max(...values) < 110]).toEqual([true, true])
    expect(sum({ data } as never) / 1024).toBeCloseTo(105, 0)
    const waves = ad.take({
      "cam1:SimMode": "Sine",
      "cam1:Offset": 0,
      "cam1:Noise": 0,
      "cam1:XSineOperation": "Multiply",
    })
    const wave = (at: number): number => Math.sin(2 * Math.PI * at)
    const at = (x: number, y: number): number =>
      wave(x / 1024) * wave((2 * x) / 1024 + 0.25) + wave(y / 1024) + wave((2 * y) / 1024 + 0.25)
    expect(Number(waves.data[5 * 32 + 7])).toBeCloseTo(at(7, 5), 9)
  })

  it("carries where motors and ring were, and says when it was taken", () => {
    const ad = new OnClock()
    ad.moveTo("m2", -3)
    const begun = ad.clock.time()
    const { attributes, timeStamp, seconds, nanoseconds } = ad.take({ ...oneSpot, "cam1:ColorMode": "RGB2" })
    const value = (name: string): unknown => attributes.find(attribute => attribute.name === name)?.value
    expect([value("ColorMode"), value("AcquireTime"), value("m1"), value("m2")]).toEqual([3, 0.01, 0, -3])
    expect(value("RingCurrent")).toBe(ad.beamline.ring.current.value)
    const since1970 = Date.UTC(1990, 0, 1) / 1000
    expect(timeStamp + since1970).toBeCloseTo(begun, 6)
    expect(seconds + nanoseconds / 1e9).toBeCloseTo(timeStamp, 6)
  })
})
