import { double, int32, string, ValueError } from "@ophyd-ts/core"
import {
  type ColorMode,
  create,
  createNdArray,
  ntNdArray,
  ntScalar,
  PvAny,
  structure,
  structureArray,
  type TypedArray,
  t,
  union,
} from "pvxs-node"
import { describe, expect, it } from "vitest"
import { type Frame, frameFromNdArray, type PixelType } from "../../src/images/index.ts"
import { at, frameOf } from "./support.ts"

const types: [PixelType, TypedArray][] = [
  ["int8", Int8Array.of(-128, 127, 0, 1, 2, 3)],
  ["uint8", Uint8Array.of(255, 0, 1, 2, 3, 4)],
  ["int16", Int16Array.of(-32768, 32767, 0, 1, 2, 3)],
  ["uint16", Uint16Array.of(65535, 0, 1, 2, 3, 4)],
  ["int32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 0, 1, 2, 3)],
  ["uint32", Uint32Array.of(2 ** 32 - 1, 0, 1, 2, 3, 4)],
  ["int64", BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, 1n, 2n, 3n)],
  ["uint64", BigUint64Array.of(2n ** 64n - 1n, 0n, 1n, 2n, 3n, 4n)],
  ["float32", Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY, -0, 1, 2)],
  ["float64", Float64Array.of(0.1, Number.NaN, Number.NEGATIVE_INFINITY, -0, 1, 2)],
]

describe("a frame from an NTNDArray", () => {
  it.each(types)("of %s keeps the memory it came in", (dtype, data) => {
    const frame = frameFromNdArray(createNdArray({ data, shape: [3, 2], uniqueId: 5 }), {
      source: "pva://x",
    })!
    expect(frame.data).toBe(data)
    expect(frame).toMatchObject({
      dtype,
      shape: [2, 3],
      width: 3,
      height: 2,
      size: 6,
      uniqueId: 5,
      codec: "",
    })
    expect(frame).toMatchObject({ source: "pva://x", compressed: false, colorMode: "Mono", colorAxis: null })
    expect(frame).toMatchObject({ compressedSize: data.byteLength, uncompressedSize: data.byteLength })
  })

  const colors: [ColorMode, number[], number[], number | null][] = [
    ["Mono", [5, 4], [4, 5], null],
    ["Bayer", [5, 4], [4, 5], null],
    ["RGB1", [3, 5, 4], [4, 5, 3], 2],
    ["RGB2", [5, 3, 4], [4, 3, 5], 1],
    ["RGB3", [5, 4, 3], [3, 4, 5], 0],
    ["YUV444", [3, 5, 4], [4, 5, 3], 2],
    ["YUV422", [5, 4], [4, 5], null],
  ]
  it.each(colors)(
    "of mode %s and dimensions %j has the shape %j",
    (colorMode, dimensions, shape, colorAxis) => {
      const data = new Uint8Array(dimensions.reduce((a, b) => a * b))
      const frame = frameFromNdArray(createNdArray({ data, shape: dimensions, colorMode }))!
      expect(frame).toMatchObject({ colorMode, shape, colorAxis, width: 5, height: 4 })
    },
  )

  it("takes a stack of grey images, a single line, and a lone pixel for what they are", () => {
    const of = (shape: number[], colorMode: ColorMode = "Mono"): Frame =>
      frameFromNdArray(
        createNdArray({ data: new Uint8Array(shape.reduce((a, b) => a * b)), shape, colorMode }),
      )!
    expect(of([5, 4, 3])).toMatchObject({ shape: [3, 4, 5], width: 5, height: 4, colorAxis: null })
    expect(of([5])).toMatchObject({ shape: [5], width: 5, height: 1 })
    expect(of([1, 1])).toMatchObject({ shape: [1, 1], width: 1, height: 1 })
    // A colour mode that a region of one colour left behind.
    expect(of([1, 5, 4], "RGB1")).toMatchObject({ shape: [4, 5, 1], colorAxis: null, width: 1, height: 5 })
  })

  it("tells both times, axes and attributes, and checks the type of an attribute", () => {
    const image = createNdArray({
      data: new Uint8Array(6),
      shape: [3, 2],
      time: at(1_700_000_000, 250_000_000),
      attributes: { Gain: new PvAny(t.double, 2.5), Sample: "Grüße", Big: new PvAny(t.long, 2n ** 60n) },
    })
    const frame = frameFromNdArray(image)!
    expect(frame.time).toBe(1_700_000_000.25)
    expect(frame.dataTimeStamp).toEqual(at(1_700_000_000, 250_000_000))
    expect(frame.timeStamp).toEqual(at(1_700_000_000, 250_000_000))
    expect(frame.dimensions[0]).toEqual({ size: 3, offset: 0, fullSize: 3, binning: 1, reverse: false })
    expect(frame.attribute("Gain", double)).toBe(2.5)
    expect(frame.attribute("ColorMode", int32)).toBe(0)
    expect(frame.attribute("Sample", string)).toBe("Grüße")
    expect(frame.attribute("Big")).toBe(2n ** 60n)
    expect(frame.attribute("nothing")).toBeUndefined()
    expect(() => frame.attribute("Sample", double)).toThrow(ValueError)
    expect(() => frame.attribute("Sample", double)).toThrow(/attribute Sample of frame 0/)
    expect(() => frame.attribute("nothing", double)).toThrow(/there is none of this name/)
  })

  it("that a group of records makes up has a variant for a value", () => {
    const group = structure("epics:nt/NTNDArray:1.0", {
      value: t.any,
      dimension: structureArray(structure("", { size: t.int })),
    })
    const of = (value: PvAny): Frame | null =>
      frameFromNdArray(create(group, { value, dimension: [{ size: 3 }, { size: 2 }] } as never))
    const data = Uint16Array.of(1, 2, 3, 4, 5, 6)
    expect(of(new PvAny(t.ushorts, data))).toMatchObject({
      data,
      dtype: "uint16",
      shape: [2, 3],
      uniqueId: 0,
    })
    expect(() => of(new PvAny(t.double, 1))).toThrow(/pixels are of an unknown type, double/)
    expect(frameFromNdArray(create(group, {}))).toBeNull()
  })

  it("does not change", () => {
    const frame = frameOf({ data: new Uint8Array(6), shape: [2, 3] })
    expect(() => Object.assign(frame, { uniqueId: 3 })).toThrow(TypeError)
    expect(() => (frame.shape as number[]).push(1)).toThrow(TypeError)
  })

  it("says what it is in a line", () => {
    expect(frameOf({ data: new Uint16Array(6), shape: [2, 3], uniqueId: 7 }).describe()).toBe(
      "2 × 3 uint16 Mono, id 7",
    )
    expect(frameOf({ data: new Uint8Array(6), dtype: null, codec: "zfp" }).describe()).toContain(
      "unknown zfp",
    )
  })

  it("has the dtype of numpy", () => {
    expect(types.map(([, data]) => frameOf({ data }).dtypeNumpy)).toEqual([
      "|i1",
      "|u1",
      "<i2",
      "<u2",
      "<i4",
      "<u4",
      "<i8",
      "<u8",
      "<f4",
      "<f8",
    ])
  })
})

describe("a compressed NTNDArray", () => {
  const coded = (parameters: unknown, value: { name: string; value: TypedArray }, sizes: number[]) =>
    create(ntNdArray, {
      value: value as never,
      codec: { name: "lz4", parameters: parameters as never },
      compressedSize: sizes[0],
      uncompressedSize: sizes[1],
      dimension: [{ size: 3 }, { size: 2 }],
    })

  it.each([
    [new PvAny(t.int, 6), 12, undefined, "uint16"], // pvData's number
    [new PvAny(t.int, 3), 12, undefined, "uint16"], // areaDetector's
    [new PvAny(t.int, 5), 24, undefined, "uint32"],
    [new PvAny(t.int, 5), 6, undefined, "uint8"],
    [new PvAny(t.int, 1), 6, undefined, "int8"], // the only number that fits both
    [new PvAny(t.int, 1), 6, "areaDetector", "uint8"],
    [new PvAny(t.int, 77), 12, undefined, null],
    [null, 12, undefined, null],
  ] as const)(
    "with the parameters %j and %i bytes has pixels of the right type",
    (parameters, size, numbering, dtype) => {
      const value = coded(parameters, { name: "ubyteValue", value: new Uint8Array(5) }, [5, size])
      const frame = frameFromNdArray(value, { numbering })!
      expect(frame).toMatchObject({ dtype, codec: "lz4", compressed: true, shape: [2, 3], compressedSize: 5 })
      expect(frame.data).toEqual(new Uint8Array(5))
      expect(frame.uncompressedSize).toBe(size)
    },
  )

  it("is cut to its compressed size where a plugin sends its whole buffer, as pixels of their type", () => {
    const buffer = new Uint16Array(new Uint8Array([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0]).buffer)
    const value = coded(new PvAny(t.int, 3), { name: "ushortValue", value: buffer }, [5, 12])
    const frame = frameFromNdArray(value)!
    expect(frame.data).toEqual(Uint8Array.of(1, 2, 3, 4, 5))
    expect(frame.dtype).toBe("uint16")
  })
})

describe("what is no frame", () => {
  it("is none yet: a PV without its first image", () => {
    expect(frameFromNdArray(create(ntNdArray, {}))).toBeNull()
    const empty = create(ntNdArray, { value: { name: "ubyteValue", value: new Uint8Array(0) } })
    expect(frameFromNdArray(empty)).toBeNull()
  })

  it("is refused: another type, and pixels of a type that images do not have", () => {
    expect(() => frameFromNdArray(create(ntScalar("double"), {}), { source: "pva://x" })).toThrow(
      /pva:\/\/x is no NTNDArray/,
    )
    expect(() => frameFromNdArray(null)).toThrow(/no NTNDArray/)
    const strange = structure("epics:nt/NTNDArray:1.0", {
      value: union("", { halfValue: t.ushorts, textValue: t.strings }),
      uniqueId: t.int,
    })
    for (const value of [
      { name: "halfValue", value: new Uint16Array(3) },
      { name: "textValue", value: ["a"] },
    ]) {
      expect(() => frameFromNdArray(create(strange, { value: value as never }))).toThrow(
        expect.objectContaining({ code: "IMAGE_TYPE", message: expect.stringContaining(value.name) }),
      )
    }
  })

  it("is refused: pixels and dimensions that differ", () => {
    const value = create(ntNdArray, {
      value: { name: "ubyteValue", value: new Uint8Array(5) },
      dimension: [{ size: 3 }, { size: 2 }],
      uniqueId: 9,
    })
    expect(() => frameFromNdArray(value, { source: "pva://x" })).toThrow(
      expect.objectContaining({
        code: "IMAGE_SIZE",
        message: "pva://x: frame 9 has 5 pixels, its dimensions 2 × 3 say 6",
      }),
    )
  })
})
