import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Frame } from "../../../src/ioc/area-detector/frame.ts"
import { type Cut, crop } from "../../../src/ioc/area-detector/plugins/crop.ts"
import { OnClock, sum } from "./on-clock.ts"

const image = (sizes: readonly number[]): Frame =>
  ({
    data: Float64Array.from({ length: sizes.reduce((product, size) => product * size, 1) }, (_, i) => i),
    dimensions: sizes.map(size => ({ size, offset: 0, binning: 1, reverse: false, fullSize: size })),
  }) as unknown as Frame

/** A part of a dimension of this size. */
const cutOf = (full: number): fc.Arbitrary<Cut> =>
  fc
    .tuple(fc.nat(full - 1), fc.integer({ min: 1, max: full }), fc.integer({ min: 1, max: 3 }), fc.boolean())
    .map(([offset, wanted, bin, reverse]) => {
      const size = Math.min(wanted, full - offset)
      return { offset, size, binning: Math.min(bin, size), reverse }
    })

describe("a region of an image", () => {
  it("has the sums of the pixels that it is made of, at their places", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 })
    const cases = sizes.chain(list => fc.tuple(fc.constant(list), fc.tuple(...list.map(cutOf))))
    fc.assert(
      fc.property(cases, ([list, cuts]) => {
        const frame = image(list)
        const { data, dimensions } = crop(frame, cuts, "Float64", 1)
        const shape = dimensions.map(({ size }) => size)
        expect(shape).toEqual(cuts.map(({ size, binning }) => Math.floor(size / binning)))
        // One pixel, picked by hand: the last one.
        const at = shape.map((size, n) => (cuts[n]!.reverse ? 0 : size - 1))
        let expected = 0
        const add = (n: number, index: number): void => {
          if (n < 0) expected += index
          else
            for (let k = 0; k < cuts[n]!.binning; k++) {
              const step = list.slice(0, n).reduce((product, size) => product * size, 1)
              add(n - 1, index + (cuts[n]!.offset + at[n]! * cuts[n]!.binning + k) * step)
            }
        }
        add(list.length - 1, 0)
        expect(data.at(-1)).toBe(expected)
        expect(data.length).toBe(shape.reduce((product, size) => product * size, 1))
      }),
    )
  })

  it("is scaled and changes its type", () => {
    const whole = (size: number): Cut => ({ offset: 0, size, binning: 1, reverse: false })
    expect(crop(image([4]), [whole(4)], "UInt8", 2).data).toEqual(Uint8Array.of(0, 0, 1, 1))
    expect(crop(image([2]), [whole(2)], "Int64", 1).data).toEqual(BigInt64Array.of(0n, 1n))
  })
})

describe("the ROI plugin", () => {
  it("passes a region on, and says where on the sensor it is", () => {
    const ad = new OnClock({ size: [64, 48] })
    const [camera, roi] = [ad.frames(), ad.frames("roi")]
    ad.set({ "ROI1:EnableCallbacks": 1, "ROI1:MinX": 20, "ROI1:SizeX": 30, "ROI1:BinX": 3 })
    ad.set({ "ROI1:MinY": 40, "ROI1:SizeY": 500, "ROI1:ReverseY": 1, "ROI1:DataTypeOut": "Float32" })
    ad.take({ "cam1:MinX": 5 })
    const [frame] = roi
    expect(frame?.data).toBeInstanceOf(Float32Array)
    expect(frame?.uniqueId).toBe(camera[0]?.uniqueId)
    expect(frame?.dimensions).toEqual([
      { size: 10, offset: 25, binning: 3, reverse: false, fullSize: 1024 },
      { size: 8, offset: 40, binning: 1, reverse: true, fullSize: 1024 },
    ])
    const described = ["MaxSizeX", "MaxSizeY", "SizeY", "ArraySizeX", "ArraySizeY", "ArraySize0"]
    expect(described.map(name => ad.get(`ROI1:${name}_RBV`))).toEqual([64, 48, 8, 10, 8, 64])
  })

  it("takes the whole of a dimension that is not enabled or sized by itself", () => {
    const ad = new OnClock({ size: [30, 20] })
    ad.set({ "ROI1:EnableCallbacks": 1, "ROI1:EnableX": "Disable", "ROI1:SizeX": 3, "ROI1:AutoSizeY": "Yes" })
    const roi = ad.frames("roi")
    const whole = ad.take({ "ROI1:EnableScale": 1, "ROI1:Scale": 2, "ROI1:DataTypeOut": "Float64" })
    expect(roi[0]?.dimensions.map(({ size }) => size)).toEqual([30, 20])
    expect(sum(roi[0]!)).toBe(sum(whole) / 2)
  })

  it("cuts colours, and can collapse what is left of them", () => {
    const ad = new OnClock({ size: [16, 16] })
    ad.set({ "ROI1:EnableCallbacks": 1, "ROI1:SizeZ": 1, "ROI1:MinZ": 1, "ROI1:CollapseDims": 1 })
    const roi = ad.frames("roi")
    ad.take({ "cam1:ColorMode": "RGB1", "cam1:GainGreen": 5 })
    expect(roi[0]?.dimensions.map(({ size }) => size)).toEqual([16, 16])
  })
})
