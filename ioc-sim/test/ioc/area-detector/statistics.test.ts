import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  averages,
  basics,
  centroid,
  cross,
  histogram,
  net,
  type Plane,
} from "../../../src/ioc/area-detector/plugins/statistics.ts"
import { OnClock } from "./on-clock.ts"

const planes = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) =>
    fc
      .array(fc.integer({ min: -1000, max: 1000 }), { minLength: width * height, maxLength: width * height })
      .map((data): Plane => ({ data, width, height })),
  )
const list = ({ data }: Plane): number[] => Array.from(data)
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** A spot with known moments. */
const spot = (x0: number, y0: number, sx: number, sy: number): Plane => {
  const [width, height] = [80, 60]
  const data = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return 1000 * Math.exp(-0.5 * (((x - x0) / sx) ** 2 + ((y - y0) / sy) ** 2))
  })
  return { data, width, height }
}

describe("statistics of an image", () => {
  it("are those of its values", () => {
    fc.assert(
      fc.property(planes, plane => {
        const values = list(plane)
        const seen = basics(plane)
        const mean = total(values) / values.length
        expect([seen.min, seen.max, seen.total]).toEqual([
          Math.min(...values),
          Math.max(...values),
          total(values),
        ])
        expect(seen.mean).toBeCloseTo(mean, 9)
        const variance = total(values.map(value => (value - mean) ** 2)) / values.length
        expect(seen.sigma).toBeCloseTo(Math.sqrt(variance), 3)
        const [x, y] = seen.maxAt
        expect(values[y * plane.width + x]).toBe(seen.max)
      }),
    )
  })

  it("net counts have the mean of a frame taken off", () => {
    const data = [1, 1, 1, 1, 9, 1, 1, 1, 1]
    expect(net({ data, width: 3, height: 3 }, 17, 1)).toBe(8)
    expect(net({ data, width: 3, height: 3 }, 17, 0)).toBe(17)
  })

  it("know where a spot is and how wide", () => {
    const seen = centroid(spot(30.25, 20.5, 4, 2.5), 0)
    expect([seen.x, seen.y, seen.sigmaX, seen.sigmaY]).toEqual([
      expect.closeTo(30.25, 2),
      expect.closeTo(20.5, 2),
      expect.closeTo(4, 2),
      expect.closeTo(2.5, 2),
    ])
    expect([seen.sigmaXY, seen.skewX, seen.kurtosisX, seen.orientation].map(Math.abs)).toEqual(
      [0, 0, 0, 0].map(value => expect.closeTo(value, 1)),
    )
    expect(seen.eccentricity).toBeCloseTo(((16 - 6.25) / (16 + 6.25)) ** 2, 3)
  })

  it("take no notice of what is below the threshold, and are zero when everything is", () => {
    const plane: Plane = { data: [1, 1, 8, 1], width: 4, height: 1 }
    expect(centroid(plane, 5)).toMatchObject({ x: 2, y: 0, total: 8, sigmaX: 0 })
    expect(centroid(plane, 50)).toMatchObject({ x: 0, y: 0, total: 0, sigmaX: 0, eccentricity: 0 })
  })

  it("average columns and rows, and show those at a cursor", () => {
    fc.assert(
      fc.property(planes, fc.nat(12), fc.nat(12), (plane, row, column) => {
        const { x, y } = averages(plane)
        expect(total([...x]) * plane.height).toBeCloseTo(total(list(plane)), 6)
        expect(total([...y]) * plane.width).toBeCloseTo(total(list(plane)), 6)
        const shown = cross(plane, row, column)
        const i = Math.min(column, plane.width - 1)
        expect([shown.x[i], shown.x.length, shown.y.length]).toEqual([shown.value, plane.width, plane.height])
      }),
    )
  })

  it("count every pixel once in a histogram", () => {
    fc.assert(
      fc.property(planes, fc.integer({ min: 2, max: 40 }), (plane, size) => {
        const { counts, below, above, positions } = histogram(plane, size, -100, 100)
        expect(total([...counts]) + below + above).toBe(plane.data.length)
        expect([positions[0], positions[size - 1]]).toEqual([-100, 100])
      }),
    )
    expect(histogram({ data: [0, 0, 5, 9], width: 4, height: 1 }, 10, 0, 9)).toMatchObject({
      counts: Float64Array.of(2, 0, 0, 0, 0, 1, 0, 0, 0, 1),
      entropy: -(2 * Math.log(2)) / 4,
    })
  })
})

describe("the statistics plugin", () => {
  it("shows what is switched on, of the image that it has taken last", () => {
    const ad = new OnClock({ size: [64, 64] })
    ad.set({ "Stats1:EnableCallbacks": 1, "Stats1:ComputeProfiles": 1, "Stats1:ComputeHistogram": 1 })
    ad.set({ "Stats1:CursorX": 32, "Stats1:CursorY": 30, "Stats1:HistSize": 16 })
    const { data, uniqueId } = ad.take()
    const values = Array.from(data, Number)
    expect(ad.get("Stats1:Total_RBV")).toBe(total(values))
    expect([ad.get("Stats1:MaxValue_RBV"), ad.get("Stats1:UniqueId_RBV")]).toEqual([
      Math.max(...values),
      uniqueId,
    ])
    expect(ad.get("Stats1:CursorVal_RBV")).toBe(values[30 * 64 + 32])
    expect((ad.get("Stats1:ProfileAverageX_RBV") as Float64Array).length).toBe(64)
    expect((ad.get("Stats1:ProfileCursorY_RBV") as Float64Array)[30]).toBe(values[30 * 64 + 32])
    expect((ad.get("Stats1:Histogram_RBV") as Float64Array).length).toBe(16)
    ad.set({ "Stats1:ComputeStatistics": 0, "Stats1:Reset": 1 })
    ad.take()
    expect([ad.get("Stats1:Total_RBV"), ad.get("Stats1:CentroidX_RBV")]).toEqual([0, expect.closeTo(32, 0)])
  })

  it("sums images of every type and colour mode", () => {
    const ad = new OnClock({ size: [20, 10] })
    ad.put("Stats1:EnableCallbacks", 1)
    const { data } = ad.take({ "cam1:DataType": "UInt64", "cam1:ColorMode": "RGB2" })
    expect(ad.get("Stats1:Total_RBV")).toBe(total(Array.from(data, Number)))
  })
})
