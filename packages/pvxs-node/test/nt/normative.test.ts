import { describe, expect, it } from "vitest"
import {
  normativeName,
  readAlarm,
  readDisplay,
  readTimeStamp,
  seconds,
  timeStamp,
} from "../../src/nt/common.ts"
import { createNdArray, ndArray, ntNdArray, readNdArray } from "../../src/nt/nd-array.ts"
import { ntEnum, ntScalar } from "../../src/nt/scalar.ts"
import { ntTable, ntUri, readQuery, readTable } from "../../src/nt/table.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { PvAny } from "../../src/values/any.ts"
import { create, createAny } from "../../src/values/create.ts"
import { structure, t, union } from "../../src/values/field-type.ts"
import { plain } from "../../src/values/plain.ts"
import { writeType } from "../../src/wire/field-desc.ts"
import { written } from "../support/hex.ts"
import { Pair } from "../support/pair.ts"

describe("parts that values have in common", () => {
  const full = ntScalar("double", { display: true, control: true, valueAlarm: true })
  const value = createAny(full, {
    value: 1,
    alarm: { severity: 2, status: 1, message: "hot" },
    timeStamp: { secondsPastEpoch: 1795407278, nanoseconds: 500_000_000 },
    display: { units: "mm", limitHigh: 10, precision: 3 },
  })

  it("are read by name, and null where a value has none", () => {
    expect(readAlarm(value)).toEqual({ severity: 2, status: 1, message: "hot" })
    expect(readTimeStamp(value)).toEqual({
      secondsPastEpoch: 1795407278,
      nanoseconds: 500_000_000,
      userTag: 0,
    })
    expect(readDisplay(value)).toEqual({
      description: "",
      units: "mm",
      limitLow: 0,
      limitHigh: 10,
      precision: 3,
    })
    expect(readDisplay(create(ntEnum(), {}))).toBeNull()
    expect([readAlarm(null), readTimeStamp(create(structure("", { a: t.int }), {}))]).toEqual([null, null])
    expect(normativeName(value)).toBe("epics:nt/NTScalar")
  })

  it("know the time of now, before 1970, and as one number", () => {
    expect(timeStamp(1500.25)).toEqual({ secondsPastEpoch: 1, nanoseconds: 500_250_000, userTag: 0 })
    expect(timeStamp(-250)).toMatchObject({ secondsPastEpoch: -1, nanoseconds: 750_000_000 })
    expect(seconds(timeStamp(1500))).toBeCloseTo(1.5)
  })
})

describe("NTURI and NTTable", () => {
  it("carry the arguments of a call", () => {
    const uri = ntUri("service", { op: "scan", points: 5, id: 2n ** 60n, dry: true })
    expect(plain(uri)).toEqual({
      scheme: "pva",
      path: "service",
      query: { op: "scan", points: 5, id: 2n ** 60n, dry: true },
    })
    expect(readQuery(uri)).toEqual({ op: "scan", points: 5, id: 2n ** 60n, dry: true })
    expect(readQuery(null)).toEqual({})
    expect(readQuery(create(structure("", { op: t.string }), { op: "x" }) as never)).toEqual({ op: "x" })
  })

  it("read as columns, whose labels may be missing", () => {
    const type = ntTable({ x: "double", name: "string" })
    const table = create(type, { labels: ["X"], value: { x: [1, 2], name: ["a"] } })
    expect(table.value.x).toEqual(Float64Array.of(1, 2))
    expect(readTable(table)).toEqual({
      labels: ["X", "name"],
      names: ["x", "name"],
      columns: { x: Float64Array.of(1, 2), name: ["a"] },
      rows: 2,
    })
    expect(readTable(create(ntScalar("double"), {}))).toBeNull()
  })
})

describe("NTNDArray", () => {
  it("has the union that pvxs and areaDetector use", () => {
    expect(written(w => writeType(w, ntNdArray.members[0]!.type)).length / 2).toBe(134)
  })

  it("is built from pixels and a shape, and read back", () => {
    const data = Uint16Array.from({ length: 6 }, (_, i) => i)
    const image = createNdArray({
      data,
      shape: [3, 2],
      uniqueId: 9,
      attributes: { gain: 2.5, who: "x" },
      time: timeStamp(0),
    })
    expect(image.value?.name).toBe("ushortValue")
    expect(image.dimension[0]?.size).toBe(3)
    expect(readNdArray(image)).toMatchObject({
      data,
      pixelType: "ushort",
      shape: [3, 2],
      codec: "",
      colorMode: "Mono",
      uniqueId: 9,
      uncompressedSize: 12,
    })
    expect(readNdArray(image)?.attributes).toEqual(
      new Map<string, unknown>([
        ["ColorMode", 0],
        ["gain", 2.5],
        ["who", "x"],
      ]),
    )
    expect(
      readNdArray(createNdArray({ data: new Uint8Array(12), shape: [3, 2, 2], colorMode: "RGB1" }))
        ?.colorMode,
    ).toBe("RGB1")
    expect(() => ndArray({ data, shape: [3, 3] })).toThrow(/3 × 3 has 9 elements, not 6/)
  })

  it.each([
    ["pvData's number", 6, 2, undefined, "ushort"],
    ["areaDetector's number", 3, 2, undefined, "ushort"],
    ["a number that both have: pvData's", 1, 1, undefined, "byte"],
    ["a number that both have, told which", 1, 1, "areaDetector", "ubyte"],
    ["a number that fits neither", 10, 1, undefined, null],
  ] as const)("finds the pixel type behind a codec from %s", (_, parameter, bytes, numbering, expected) => {
    const image = create(ntNdArray, {
      value: { name: "ubyteValue", value: new Uint8Array(5) },
      codec: { name: "lz4", parameters: new PvAny(t.int, parameter) },
      dimension: [{ size: 10 }, { size: 10 }],
      compressedSize: 5,
      uncompressedSize: 100 * bytes,
    })
    expect(readNdArray(image, numbering)).toMatchObject({
      codec: "lz4",
      pixelType: expected,
      compressedSize: 5,
    })
  })

  it.each(["pvData", "areaDetector"] as const)(
    "is built from compressed bytes, with the pixel type by the numbers of %s",
    numbering => {
      const image = createNdArray({
        data: Uint8Array.of(1, 2, 3),
        shape: [10, 20],
        codec: { name: "bslz4", pixelType: "ushort", numbering },
        dimensions: [{ offset: 5, fullSize: 100, binning: 2 }, { reverse: true }],
        attributes: {
          gain: { value: 2, description: "of the amplifier", sourceType: 2, source: "S1:gain" },
          frame: new PvAny(t.int, 7),
          place: "hutch",
        },
      })
      expect(readNdArray(image, numbering)).toMatchObject({
        data: Uint8Array.of(1, 2, 3),
        codec: "bslz4",
        pixelType: "ushort",
        compressedSize: 3,
        uncompressedSize: 400,
        dimensions: [
          { size: 10, offset: 5, fullSize: 100, binning: 2, reverse: false },
          { size: 20, offset: 0, fullSize: 20, binning: 1, reverse: true },
        ],
      })
      expect(plain(image.attribute)).toMatchObject([
        { name: "ColorMode", value: 0 },
        { name: "gain", value: 2, descriptor: "of the amplifier", sourceType: 2, source: "S1:gain" },
        { name: "frame", value: 7, descriptor: "", sourceType: 0 },
        { name: "place", value: "hutch" },
      ])
      const words = {
        data: new Uint16Array(1),
        shape: [1],
        codec: { name: "lz4", pixelType: "ushort" },
      } as const
      expect(() => ndArray(words)).toThrow(/compressed pixels are bytes, not Uint16Array/)
    },
  )

  it.each([
    Int8Array,
    Uint8Array,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float32Array,
    Float64Array,
  ])("of %o arrives whole in both byte orders, small and large", async Pixels => {
    for (const byteOrder of ["little", "big"] as const) {
      await using pair = await Pair.open({ byteOrder })
      for (const side of [3, 200]) {
        const data = new Pixels(side * side)
        for (let i = 0; i < data.length; i++)
          data[i] = (Pixels.name.startsWith("Big") ? BigInt(i % 120) : i % 120) as never
        const sent = createNdArray({ data, shape: [side, side], uniqueId: side })
        pair.server.add(`i${side}`, new SharedPv(ntNdArray, { value: sent }))
        const received = readNdArray(await pair.client.get(`i${side}`))
        expect(received).toMatchObject({ shape: [side, side], uniqueId: side })
        expect(received?.data).toEqual(data)
      }
    }
  })

  it("of a group of records is a variant, whose type tells that of the pixels", () => {
    const group = structure("epics:nt/NTNDArray:1.0", { value: t.any })
    const value = new PvAny(t.ushorts, Uint16Array.of(1, 2))
    expect(readNdArray(create(group, { value }))).toMatchObject({
      pixelType: "ushort",
      data: Uint16Array.of(1, 2),
    })
  })

  it("is none before the first image, and whatever else is none", () => {
    expect(readNdArray(create(ntNdArray, {}))).toBeNull()
    expect(readNdArray(create(ntScalar("double"), {}))).toBeNull()
    const bare = structure("", { value: union("", { doubleValue: t.doubles }) })
    expect(readNdArray(create(bare, { value: { name: "doubleValue", value: [1] } }))).toMatchObject({
      shape: [],
      pixelType: "double",
    })
  })
})
