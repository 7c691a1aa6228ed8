import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { PvaProtocolError } from "../../src/errors.ts"
import { codecOf } from "../../src/values/codec.ts"
import {
  type FieldType,
  structure,
  structureArray,
  t,
  typeKey,
  union,
  unionArray,
} from "../../src/values/field-type.ts"
import { plain } from "../../src/values/plain.ts"
import { readType, writeType } from "../../src/wire/field-desc.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { Reader } from "../../src/wire/reader.ts"
import { hex, read, toHex, written } from "../support/hex.ts"

const ntScalarBytes = `80 15 65706963733a6e742f4e545363616c61723a312e30 03
   05 76616c7565 43
   05 616c61726d 80 07 616c61726d5f74 03 08 7365766572697479 22 06 737461747573 22 07 6d657373616765 60
   09 74696d655374616d70 80 06 74696d655f74 03 10 7365636f6e647350617374 45706f6368 23
      0b 6e616e6f7365636f6e6473 22 07 75736572546167 22`
const ntScalar = structure("epics:nt/NTScalar:1.0", {
  value: t.double,
  alarm: structure("alarm_t", { severity: t.int, status: t.int, message: t.string }),
  timeStamp: structure("time_t", { secondsPastEpoch: t.long, nanoseconds: t.int, userTag: t.int }),
})

const imageUnion = `81 00 0b 0c "booleanValue" 08 09 "byteValue" 28 0a "shortValue" 29 08 "intValue" 2a 09 "longValue" 2b
  0a "ubyteValue" 2c 0b "ushortValue" 2d 09 "uintValue" 2e 0a "ulongValue" 2f 0a "floatValue" 4a 0b "doubleValue" 4b`

const codes: readonly (readonly [string, FieldType])[] = [
  ["00", t.boolean],
  ["20", t.byte],
  ["21", t.short],
  ["22", t.int],
  ["23", t.long],
  ["24", t.ubyte],
  ["25", t.ushort],
  ["26", t.uint],
  ["27", t.ulong],
  ["42", t.float],
  ["43", t.double],
  ["60", t.string],
  ["08", t.booleans],
  ["28", t.bytes],
  ["29", t.shorts],
  ["2a", t.ints],
  ["2b", t.longs],
  ["2c", t.ubytes],
  ["2d", t.ushorts],
  ["2e", t.uints],
  ["2f", t.ulongs],
  ["4a", t.floats],
  ["4b", t.doubles],
  ["68", t.strings],
  ["82", t.any],
  ["8a", t.anys],
  ["80 00 00", structure("", {})],
  ['88 80 00 01 01 "a" 43', structureArray(structure("", { a: t.double }))],
  ['81 01 "u" 01 01 "a" 60', union("u", { a: t.string })],
  ["89 81 00 00", unionArray(union("", {}))],
  [ntScalarBytes, ntScalar],
]

describe("type descriptions", () => {
  it.each(codes)("%s both ways", (bytes, type) => {
    const reader = read(bytes)
    expect(typeKey(readType(reader)!)).toBe(typeKey(type))
    expect(reader.remaining).toBe(0)
    expect(written(w => writeType(w, type))).toBe(toHex(hex(bytes)))
  })

  it("knows the lengths of the two reference descriptions", () => {
    expect(hex(ntScalarBytes)).toHaveLength(133)
    expect(hex(imageUnion)).toHaveLength(134)
    expect(readType(read(imageUnion))).toMatchObject({ kind: "union", members: { length: 11 } })
  })

  it.each([
    ["33 05", "long[]"],
    ["53 05", "double[]"],
    ["5b 05", "double[=5]"],
    ["3c 03", "ubyte[=3]"],
    ["70 02", "string[]"],
    ["78 02", "string[=2]"],
    ["10 08", "boolean[]"],
    ["83 28", "string"],
    ["86 28", "string"],
    ["8b 28", "string[]"],
  ])("reads bounded and fixed forms: %s is %s", (bytes, key) => {
    expect(typeKey(readType(read(bytes))!)).toBe(key)
  })

  it("reads null, and ids defined with fd, tagged with fc, used with fe, redefined", () => {
    expect(readType(read("ff"))).toBeNull()
    const reader = read(
      'fd 0100 80 00 02 01 "a" fd 0200 80 00 00 01 "b" fe 0200 | fe 0100 | fc 0100 00000000 43 | fe 0100',
    )
    const first = readType(reader)
    expect(typeKey(first!)).toBe('structure""{"a":structure""{},"b":structure""{}}')
    expect(readType(reader)).toBe(first)
    expect(readType(reader)).toEqual(t.double)
    expect(readType(reader)).toEqual(t.double)
  })

  it.each([
    ["an id that was never defined", "fe 0700", /type id 7 was never defined/],
    ["an unknown code", "55", /unknown type code 0x55/],
    ["another unknown code", "90", /unknown type code 0x90/],
    ["a member without a name", "80 00 01 00 43", /no name/],
    ["two members of one name", '80 00 02 01 "a" 43 01 "a" 43', /two members named "a"/],
    ["a structure array of scalars", "88 43", /cannot hold elements of scalar/],
    ["more members than bytes", "80 00 fe ffffff00", /claims 16777215 elements/],
    ["null inside a structure", '80 00 01 01 "a" ff', /unknown type code 0xff/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readType(read(bytes))).toThrow(message)
  })

  it("limits nesting, and nesting by way of cached ids", () => {
    const nest = (n: number): string => `${'80 00 01 01 "a" '.repeat(n)}43`
    expect(readType(read(nest(31)))).not.toBeNull()
    expect(() => readType(read(nest(32)))).toThrow(/deeper than 32/)
    const cached = new Reader(hex(`fd 0100 ${nest(20)} ${'80 00 01 01 "a" '.repeat(20)} fe 0100`))
    readType(cached)
    expect(() => readType(cached)).toThrow(/deeper than 32/)
  })

  it("counts cached descriptions in full, so a few bytes cannot describe a billion fields", () => {
    const ten = (inner: string): string =>
      `80 00 0a ${Array.from({ length: 10 }, (_, i) => `01 "${i}" ${inner}`).join(" ")}`
    const bytes = `fd 0100 ${ten("43")} fd 0200 ${ten("fe 0100")} fd 0300 ${ten("fe 0200")} fd 0400 ${ten("fe 0300")} fd 0500 ${ten("fe 0400")}`
    const reader = read(bytes)
    for (let i = 0; i < 4; i++) readType(reader)
    expect(() => readType(reader)).toThrow(PvaProtocolError)
  })

  it("ends in a type, null or a named error on any bytes, truncated ones too", () => {
    const survive = (bytes: Uint8Array): void => {
      try {
        const type = readType(new Reader(bytes))
        if (type !== null) typeKey(type)
      } catch (error) {
        expect(error).toBeInstanceOf(PvaProtocolError)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survive), { numRuns: 2000 })
    const whole = hex(ntScalarBytes)
    for (let n = 0; n < whole.length; n++) {
      expect(() => readType(new Reader(whole.slice(0, n)))).toThrow(PvaProtocolError)
    }
  })
})

describe("data by type", () => {
  const dimension = structure("dimension_t", {
    size: t.int,
    offset: t.int,
    fullSize: t.int,
    binning: t.int,
    reverse: t.boolean,
  })
  const cases: readonly (readonly [string, FieldType, unknown, string, string])[] = [
    ["boolean", t.boolean, true, "01", "01"],
    ["byte", t.byte, -2, "fe", "fe"],
    ["short", t.short, -2, "feff", "fffe"],
    ["int", t.int, -2, "feffffff", "fffffffe"],
    ["long", t.long, -2, "feffffffffffffff", "fffffffffffffffe"],
    ["uint", t.uint, 0x600df00d, "0df00d60", "600df00d"],
    ["double", t.double, 1.5, "000000000000f83f", "3ff8000000000000"],
    ["float", t.float, 1.5, "0000c03f", "3fc00000"],
    ["doubles", t.doubles, Float64Array.of(1.5), "01 000000000000f83f", "01 3ff8000000000000"],
    ["shorts", t.shorts, Int16Array.of(1, -2), "02 0100 feff", "02 0001 fffe"],
    ["ints", t.ints, Int32Array.of(1, -2), "02 01000000 feffffff", "02 00000001 fffffffe"],
    [
      "longs",
      t.longs,
      BigInt64Array.of(1n, -2n),
      "02 0100000000000000 feffffffffffffff",
      "02 0000000000000001 fffffffffffffffe",
    ],
    ["booleans", t.booleans, Uint8Array.of(1, 0), "02 01 00", "02 01 00"],
    ["strings", t.strings, ["a", ""], '02 01 "a" 00', '02 01 "a" 00'],
    ["null in a union", union("", { a: t.int }), null, "ff", "ff"],
    ["null in a variant", t.any, null, "ff", "ff"],
    ["an empty structure", structure("", {}), {}, "", ""],
  ]
  it.each(cases)("%s in both byte orders", (_, type, value, little, big) => {
    const codec = codecOf(type)
    const slot = codec.check(value, "value")
    expect(plain(codec.decode(read(little)))).toEqual(value)
    expect(plain(codec.decode(read(big, false)))).toEqual(value)
    expect(written(w => codec.encode(w, slot))).toBe(toHex(hex(little)))
    expect(written(w => codec.encode(w, slot), { little: false })).toBe(toHex(hex(big)))
  })

  it("unions select by number, variants carry their type", () => {
    const selection = union("", { number: t.int, text: t.string })
    expect(codecOf(selection).decode(read('01 04 "test"'))).toEqual({ name: "text", value: "test" })
    expect(
      written(w =>
        codecOf(selection).encode(w, codecOf(selection).check({ name: "text", value: "test" }, "v")),
      ),
    ).toBe("010474657374")
    expect(codecOf(t.any).decode(read("26 600df00d", false))).toEqual({ type: t.uint, value: 0x600df00d })
    expect(() => codecOf(selection).decode(read("02 00"))).toThrow(/member 2 of 2/)
  })

  it("structure arrays hold nulls", () => {
    const codec = codecOf(structureArray(dimension))
    const bytes = "02 | 01 80020000 00000000 80020000 01000000 00 | 00"
    const list = codec.decode(read(bytes))
    expect(plain(list)).toEqual([{ size: 640, offset: 0, fullSize: 640, binning: 1, reverse: false }, null])
    expect(written(w => codec.encode(w, list))).toBe(toHex(hex(bytes)))
  })

  it("reads a fixed array without a size, and writes it so", () => {
    const type = readType(read("5b 02"))!
    expect(codecOf(type).decode(read("000000000000f83f 000000000000f83f"))).toEqual(Float64Array.of(1.5, 1.5))
    expect(written(w => codecOf(type).encode(w, codecOf(type).check([1.5, 1.5], "v")))).toBe(
      "000000000000f83f000000000000f83f",
    )
    expect(() => codecOf(type).check([1], "v")).toThrow(/v holds exactly 2 elements, not 1/)
  })

  it("refuses what cannot be there before it allocates", () => {
    expect(() => codecOf(t.doubles).decode(read("fe ffffff0f 00"))).toThrow(/claims 268435455 elements/)
    expect(() => codecOf(t.strings).decode(read("fe ffffff0f 00"))).toThrow(/claims/)
    const strict = new Reader(hex("04 00000000"), true, { ...defaultLimits, maxItems: 3 })
    expect(() => codecOf(t.strings).decode(strict)).toThrow(/limit is 3/)
  })

  it("limits what a message means, however few bytes say it", () => {
    const thousand = Array.from({ length: 1000 }, (_, i) => `04 "m${String(i).padStart(3, "0")}" 80 00 00`)
    const type = readType(read(`88 80 00 fe e8030000 ${thousand.join("")}`))!
    const elements = (n: number): Reader =>
      new Reader(Uint8Array.from([0xfe, n & 255, n >> 8, 0, 0, ...new Array<number>(n).fill(1)]))
    expect(codecOf(type).decode(elements(100))).toHaveLength(100)
    expect(() => codecOf(type).decode(elements(20_000))).toThrow(/more than 16131072 values/)
    const lists = structureArray(structure("", { texts: t.strings }))
    const strict = { ...defaultLimits, maxItems: 5, maxFields: 1 }
    const lines = (n: number): Reader =>
      new Reader(hex(`02 ${`01 ${"05 0000000000"}`.repeat(n)}`), true, strict)
    expect(codecOf(lists).decode(lines(2))).toHaveLength(2)
    expect(() =>
      codecOf(lists).decode(new Reader(hex(`04 ${"01 04 00000000".repeat(4)}`), true, strict)),
    ).toThrow(/more than 28 values/)
    expect(() =>
      codecOf(t.anys).decode(new Reader(hex(`04 ${"01 80 00 00".repeat(4)}`), true, strict)),
    ).toThrow(/more than 28 values/)
  })

  it("limits what a connection may define, of which new definitions take the place", () => {
    const reader = new Reader(
      hex(`${'fd 0100 80 00 01 01 "a" 43'.repeat(40)} fd 0200 80 00 01 01 "a" 43`),
      true,
      {
        ...defaultLimits,
        maxFields: 2,
      },
    )
    for (let i = 0; i < 41; i++) readType(reader)
    const many = Array.from(
      { length: 65 },
      (_, i) => `fd ${i.toString(16).padStart(2, "0")}00 80 00 01 01 "a" 43`,
    )
    const greedy = new Reader(hex(many.join("")), true, { ...defaultLimits, maxFields: 2 })
    for (let i = 0; i < 64; i++) readType(greedy)
    expect(() => readType(greedy)).toThrow(/more than 128 fields are described on this connection/)
  })

  it("limits variants inside variants", () => {
    const onion = (n: number): string => `${"82".repeat(n)} 22 01000000`
    expect(codecOf(t.any).decode(read(onion(10)))).toMatchObject({ type: t.any })
    expect(() => codecOf(t.any).decode(read(onion(40)))).toThrow(/deeper than 32/)
  })

  it("gives arrays that are aligned and the caller's own", () => {
    const bytes = hex("02 000000000000f83f 000000000000f83f")
    const value = codecOf(t.doubles).decode(new Reader(bytes)) as Float64Array
    bytes.fill(0)
    expect(value).toEqual(Float64Array.of(1.5, 1.5))
    expect(value.buffer.byteLength).toBe(16)
  })
})
