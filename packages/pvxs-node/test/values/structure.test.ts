import fc from "fast-check"
import { describe, expect, expectTypeOf, it } from "vitest"
import { PvAny } from "../../src/values/any.ts"
import { create, mismatches } from "../../src/values/create.ts"
import { type StructureType, structure, structureArray, t, union } from "../../src/values/field-type.ts"
import { layoutOf } from "../../src/values/layout.ts"
import { plain } from "../../src/values/plain.ts"
import { fieldNames, hasField, isStructure, slotsOf } from "../../src/values/structure.ts"
import { PvUnion } from "../../src/values/union.ts"
import type { InputOf, ValueOf } from "../../src/values/value-of.ts"
import { BitSet } from "../../src/wire/bitset.ts"
import { readType, writeType } from "../../src/wire/field-desc.ts"
import { hex, read, toHex, written } from "../support/hex.ts"

const scalarType = structure("epics:nt/NTScalar:1.0", {
  value: t.double,
  alarm: structure("alarm_t", { severity: t.int, status: t.int, message: t.string }),
  timeStamp: structure("time_t", { secondsPastEpoch: t.long, nanoseconds: t.int, userTag: t.int }),
})
const image = structure("image", {
  value: union("", { byteValue: t.bytes, ushortValue: t.ushorts }),
  dimension: structureArray(structure("dimension_t", { size: t.int, reverse: t.boolean })),
  extra: t.any,
  names: t.strings,
})

describe("a structure's value", () => {
  it("reads by name, knows its members, and is typed by its declaration", () => {
    const value = create(scalarType, { value: 1.5, timeStamp: { secondsPastEpoch: 1795407278 } })
    expect(value.value).toBe(1.5)
    expect(value.alarm.message).toBe("")
    expect(value.timeStamp.secondsPastEpoch).toBe(1795407278n)
    expect(fieldNames(value)).toEqual(["value", "alarm", "timeStamp"])
    expect(hasField(value, "alarm")).toBe(true)
    expect(hasField(value, "display")).toBe(false)
    expect(isStructure(value)).toBe(true)
    expect(isStructure({ value: 1 })).toBe(false)
    expectTypeOf(value.value).toEqualTypeOf<number>()
    expectTypeOf(value.timeStamp.secondsPastEpoch).toEqualTypeOf<bigint>()
  })

  it("types unions, structure arrays and variants", () => {
    const value = create(image, {
      value: { name: "ushortValue", value: [1, 2] },
      dimension: [{ size: 2 }, null],
      extra: "text",
    })
    expect(value.value).toEqual(new PvUnion("ushortValue", Uint16Array.of(1, 2)))
    if (value.value?.name === "ushortValue") expectTypeOf(value.value.value).toEqualTypeOf<Uint16Array>()
    expect(value.dimension[0]?.size).toBe(2)
    expect(value.extra).toEqual(new PvAny(t.string, "text"))
    expectTypeOf<ValueOf<typeof image>["names"]>().toEqualTypeOf<string[]>()
    expectTypeOf<{ value: { name: "byteValue"; value: number[] } }>().toExtend<InputOf<typeof image>>()
    // @ts-expect-error a member that does not exist
    expect(() => create(scalarType, { valeu: 1 })).toThrow(
      /no member "valeu"; it has: value, alarm, timeStamp/,
    )
  })

  it("becomes plain objects, JSON and printed text", () => {
    const value = create(image, { dimension: [null], names: ["a"] })
    expect(plain(value)).toEqual({ value: null, dimension: [null], extra: null, names: ["a"] })
    expect(JSON.parse(JSON.stringify(value))).toEqual({
      value: null,
      dimension: [null],
      extra: null,
      names: ["a"],
    })
    const numbers = create(structure("", { a: t.doubles, big: t.longs, one: t.long, two: t.long }), {
      a: [1, 2],
      big: [1n],
      one: 5n,
      two: 2n ** 60n,
    })
    expect(JSON.stringify(numbers)).toBe('{"a":[1,2],"big":[1],"one":5,"two":"1152921504606846976"}')
  })

  it("keeps members whose names mean something to JavaScript", () => {
    const type = readType(read('80 00 04 09 "__proto__" 22 06 "toJSON" 22 0b "constructor" 22 04 "then" 22'))
    const slots = layoutOf(type as StructureType).decodeWhole(read("01000000 02000000 03000000 04000000"))
    const value = layoutOf(type as StructureType).view(slots)
    expect(Reflect.get(value, "__proto__")).toBe(1)
    expect(value["toJSON"]).toBe(2)
    expect(fieldNames(value)).toEqual(["__proto__", "toJSON", "constructor", "then"])
    expect(({} as Record<string, unknown>)["toJSON"]).toBeUndefined()
  })

  it.each([
    [{ value: "1" }, /value is a double; it takes a number, not "1"/],
    [{ alarm: 3 }, /alarm is a structure; it takes an object with its members, not 3/],
    [{ alarm: { severity: 1.5 } }, /alarm\.severity is a int; it takes an integer, not 1\.5/],
    [
      { alarm: { severity: 2 ** 31 } },
      /alarm\.severity is a int, from -2147483648 to 2147483647; 2147483648 does not fit/,
    ],
    [{ alarm: { message: 5 } }, /alarm\.message is a string, not 5/],
    [{ timeStamp: { secondsPastEpoch: 2n ** 63n } }, /does not fit/],
    [[1], /the value is a structure/],
  ])("refuses case %# with the member's name", (input, message) => {
    expect(() => create(scalarType, input as never)).toThrow(message)
  })

  it.each([
    [{ value: { name: "floatValue", value: [] } }, /a name of: byteValue, ushortValue/],
    [
      { value: { name: "byteValue", value: [200] } },
      /value\.byteValue\[0\] is a byte, from -128 to 127; 200/,
    ],
    [{ dimension: [{ size: "x" }] }, /dimension\[0\]\.size is a int/],
    [{ extra: { a: 1 } }, /extra is a variant; an object needs a type/],
    [{ names: "x" }, /names is an array; it takes a list, not "x"/],
    [{ names: [1] }, /names\[0\] is a string, not 1/],
  ])("refuses %j inside arrays and unions too", (input, message) => {
    expect(() => create(image, input as never)).toThrow(message)
  })
})

describe("updates", () => {
  const layout = layoutOf(scalarType)

  it("decode only what the bit set selects, and say what changed", () => {
    const bytes = "02 82 03 | 00000000 00001040 | aebd036b 00000000 | e5f6ac0c 00000000"
    for (const [text, little] of [
      [bytes, true],
      ["02 82 03 40100000 00000000 00000000 6b03bdae 0cacf6e5 00000000", false],
    ] as const) {
      const reader = read(text, little)
      const slots = layout.empty.slice()
      const changed = layout.readFields(reader)
      changed.decode(reader, slots)
      expect(reader.remaining).toBe(0)
      expect(changed.paths).toEqual([
        "value",
        "timeStamp.secondsPastEpoch",
        "timeStamp.nanoseconds",
        "timeStamp.userTag",
      ])
      expect(changed.has("timeStamp")).toBe(true)
      expect(changed.has("alarm")).toBe(false)
      expect(changed.has("alarm.severity")).toBe(false)
      expect(changed.has("nonsense")).toBe(false)
      expect(plain(layout.view(slots))).toMatchObject({
        value: 4,
        timeStamp: { secondsPastEpoch: 1795407278n, nanoseconds: 212661989, userTag: 0 },
      })
    }
  })

  it("skip inner bits below a selected structure: pvAccessCPP sends both, and the data once", () => {
    const whole = layout.fields(new BitSet([0]))
    expect(layout.fields(new BitSet([0, 1, 3, 7, 8, 9])).paths).toEqual(whole.paths)
    expect(layout.fields(new BitSet([2, 3])).paths).toEqual([
      "alarm.severity",
      "alarm.status",
      "alarm.message",
    ])
    expect(layout.fields(new BitSet([500])).size).toBe(0)
  })

  it("share one plan per set, whichever way the set was given", () => {
    const first = layout.readFields(read("02 82 03"))
    expect(layout.readFields(read("03 82 03 00"))).toBe(first)
    expect(layout.fields(new BitSet([1, 7, 8, 9]))).toBe(first)
    expect(layout.fields(new BitSet([1])).or(layout.fields(new BitSet([6]))).paths).toEqual(first.paths)
    expect(first.and(layout.fields(new BitSet([0]))).paths).toEqual(first.paths)
  })

  it("stay correct for structures of any size and any selection, in both byte orders", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 150 }),
        fc.array(fc.nat(150)),
        fc.boolean(),
        (n, bits, little) => {
          const type = structure(
            "",
            Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, t.int])),
          )
          const wide = layoutOf(type)
          const source = wide.empty.map((_, bit) => bit * 7)
          const fields = wide.fields(new BitSet(bits))
          const reader = read(
            written(w => fields.encode(w, source), { little }),
            little,
          )
          const target = wide.empty.slice()
          wide.readFields(reader).decode(reader, target)
          expect(reader.remaining).toBe(0)
          for (let bit = 1; bit <= n; bit++)
            expect(target[bit]).toBe(bits.includes(0) || bits.includes(bit) ? bit * 7 : 0)
        },
      ),
    )
  })

  it("survive any bytes with a value or a named error", () => {
    const big = layoutOf(image)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const reader = read(toHex(bytes))
        try {
          big.readFields(reader).decode(reader, big.empty.slice())
        } catch (error) {
          expect(error).toMatchObject({ name: "PvaProtocolError" })
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe("types", () => {
  it("share a compiled layout when equal, however often they are described", () => {
    const bytes = hex(written(w => writeType(w, scalarType)))
    const again = readType(read(toHex(bytes))) as typeof scalarType
    expect(again).not.toBe(scalarType)
    expect(layoutOf(again)).toBe(layoutOf(scalarType))
  })

  it("tell how a channel differs from a declaration", () => {
    const other = structure("epics:nt/NTScalar:1.0", { value: t.int, alarm: t.string, more: t.any })
    expect(mismatches(other, scalarType)).toEqual([
      "alarm is string, not structure alarm_t",
      "timeStamp is missing",
    ])
    expect(mismatches(image, image)).toEqual([])
    expect(mismatches(t.longs, t.ints)).toEqual(["the value is long[], not int[]"])
    expect(mismatches(t.long, t.int)).toHaveLength(1)
  })

  it("keep slots of a value whole: a sub-structure is a window into them", () => {
    const value = create(scalarType, { value: 2 })
    expect(slotsOf(value.alarm)).toBe(slotsOf(value))
  })
})

it("compiled types are kept for their next use, until others with very many fields have come", () => {
  const wide = (n: number): StructureType =>
    structure("", Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`m${n}_${i}`, t.int])))
  const kept = layoutOf(structure("kept", { x: t.int }))
  const same = (): boolean => layoutOf(structure("kept", { x: t.int })) === kept
  expect(same()).toBe(true)
  for (let n = 0; n < 55; n++) layoutOf(wide(n))
  expect(same()).toBe(false)
})
