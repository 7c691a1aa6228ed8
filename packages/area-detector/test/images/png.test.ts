import { decode } from "fast-png"
import { describe, expect, it } from "vitest"
import { type ContrastLimits, contrast, framePng } from "../../src/images/index.ts"
import { frameOf } from "./support.ts"

const shades = async (
  data: Parameters<typeof frameOf>[0]["data"],
  limits?: ContrastLimits,
): Promise<number[]> => {
  const png = decode(await framePng(frameOf({ data, shape: [1, data.length] }), { limits }))
  expect(png).toMatchObject({ width: data.length, height: 1, channels: 1, depth: 8 })
  return [...png.data]
}

describe("framePng", () => {
  it("draws the smallest value black, the largest white, and the others between", async () => {
    expect(await shades(Uint16Array.of(1000, 1500, 2000))).toEqual([0, 128, 255])
    expect(await shades(Uint8Array.of(10, 20, 30))).toEqual([0, 128, 255])
    expect(await shades(Int16Array.of(-300, 0, 300))).toEqual([0, 128, 255])
    expect(await shades(BigUint64Array.of(0n, 2n ** 40n))).toEqual([0, 255])
  })

  it("draws between limits, and what is beyond in black and white", async () => {
    expect(await shades(Uint16Array.of(0, 100, 150, 200, 65535), [100, 200])).toEqual([0, 0, 128, 255, 255])
    expect(await shades(Float32Array.of(-1, 0, 0.5, 1, 2), [0, 1])).toEqual([0, 0, 128, 255, 255])
  })

  it("lets percentiles pass over a hot and a dead pixel", async () => {
    const data = Uint16Array.from({ length: 1000 }, (_, i) => 500 + i)
    data[0] = 0
    data[999] = 65535
    const picture = await shades(data, { percentiles: [1, 99] })
    expect(picture[0]).toBe(0)
    expect(picture[500]).toBeCloseTo(128, -0.5)
    expect(picture[999]).toBe(255)
  })

  it("finds its way through what is no number, and through a frame of one value", async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number
    expect(await shades(Float64Array.of(nan, -inf, 1, 2, 3, inf))).toEqual([0, 0, 0, 128, 255, 255])
    expect(await shades(Float64Array.of(nan, nan))).toEqual([0, 0])
    expect(await shades(Uint8Array.of(7, 7, 7))).toEqual([0, 0, 0])
  })

  it.each([
    ["RGB1", [2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
    ["RGB2", [2, 3, 2], [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]],
    ["RGB3", [3, 2, 2], [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]],
  ] as const)("draws %s in its colours", async (colorMode, shape, values) => {
    const png = decode(await framePng(frameOf({ data: Uint8Array.from(values), shape, colorMode })))
    expect(png).toMatchObject({ width: 2, height: 2, channels: 3, depth: 8 })
    expect([...png.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it("stretches colours with more than 8 bits, all three alike", async () => {
    const data = Uint16Array.of(0, 1000, 4000, 500, 2000, 4000)
    const png = decode(await framePng(frameOf({ data, shape: [1, 2, 3], colorMode: "RGB1" })))
    expect([...png.data]).toEqual([0, 64, 255, 32, 128, 255])
  })

  it("draws the first image of a stack", async () => {
    const frame = frameOf({ data: Uint8Array.of(0, 255, 9, 9), shape: [2, 1, 2] })
    expect([...decode(await framePng(frame)).data]).toEqual([0, 255])
  })

  it("decodes a compressed frame first", async () => {
    const data = Uint8Array.of(0x20, 0, 255)
    const frame = frameOf({ data, dtype: "uint8", shape: [1, 2], codec: "lz4" })
    expect([...decode(await framePng(frame)).data]).toEqual([0, 255])
  })

  it("refuses limits that are none, and colours that it does not know", async () => {
    const frame = frameOf({ data: Uint8Array.of(1, 2), shape: [1, 2] })
    for (const limits of [
      [2, 1],
      [1, 1],
      [0, Number.NaN],
      { percentiles: [50, 101] },
      { percentiles: [9, 1] },
    ]) {
      await expect(framePng(frame, { limits: limits as never })).rejects.toMatchObject({
        code: "IMAGE_INPUT",
      })
    }
    const yuv = frameOf({ data: Uint8Array.of(1, 2), shape: [1, 2], colorMode: "YUV422" })
    await expect(framePng(yuv)).rejects.toMatchObject({ code: "IMAGE_CODEC" })
  })

  it("tells the values that percentiles mean, exactly for whole numbers", () => {
    const data = Uint16Array.from({ length: 101 }, (_, i) => 1000 + i)
    expect(contrast(data, { percentiles: [0, 100] })).toEqual([1000, 1100])
    expect(contrast(data, { percentiles: [10, 90] })).toEqual([1010, 1090])
    const [low, high] = contrast(
      Float64Array.from(data, v => v * 1e-3),
      { percentiles: [10, 90] },
    )
    expect(low).toBeCloseTo(1.01, 4)
    expect(high).toBeCloseTo(1.09, 4)
  })
})
