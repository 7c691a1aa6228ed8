import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { convert, emptyData } from "../../src/server/convert.ts"
import { doubleText, floatText, parseFloating, parseInteger } from "../../src/server/text-number.ts"
import { Dbr, type DbrBase } from "../../src/wire/dbr-types.ts"

// The expected values of these tables were read from a genuine IOC of EPICS base 7.0.8 through libca.

describe("a double as text", () => {
  test.each([
    [0, 3, "0.000"],
    [-0, 3, "0.000"],
    [1.5, 3, "1.500"],
    [0.0005, 3, "0.001"],
    [1.0005, 3, "1.000"],
    [-1.0005, 3, "-1.000"],
    [-0.0001, 3, "-0.000"],
    [12345.6785, 3, "12345.678"],
    [9999999.9996, 3, "10000000.000"],
    [99999.9999999, 3, "100000.000"],
    [1e7, 3, "10000000.000"],
    [10000000.125, 3, "10000000.125"],
    [1.23e8, 3, "123000000.000"],
    [1e16, 3, "10000000000000000.000"],
    [1.1e16, 3, " 1.100e+16"],
    [-1e300, 3, "-1.000e+300"],
    [Number.NaN, 3, "nan"],
    [Number.POSITIVE_INFINITY, 3, "       inf"],
    [Number.NEGATIVE_INFINITY, 3, "      -inf"],
    [1.5, 0, "2"],
    [2.5, 0, "3"],
    [-0.5, 0, "-1"],
    [-2.5, 0, "-3"],
    [0.45, 0, "0"],
    [10000000.5, 0, "10000000"],
    [1.1e16, 0, "  1e+16"],
    [1e300, 0, " 1e+300"],
    [1e-7, 8, "0.00000010"],
    [10000000.5, 8, "10000000.500"],
    [1.1e16, 8, " 1.10000000e+16"],
    [1.5, 12, " 1.500000000000e+00"],
    [-0, 12, "-0.000000000000e+00"],
    [99999.9999999, 12, " 9.999999999990e+04"],
    [Number.NaN, 12, "                nan"],
  ])("%d with %i digits is %j", (value, precision, text) => {
    expect(doubleText(value, precision)).toBe(text)
  })

  test("always fits into an EPICS string and reads back as about the same number", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
        fc.integer({ min: 0, max: 17 }),
        (value, precision) => {
          const text = doubleText(value, precision)
          expect(text.length).toBeLessThan(40)
          const back = parseFloating(text) as number
          const step = Math.max(10 ** -Math.min(precision, 3), 10 ** -precision)
          if (Number.isFinite(value))
            expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.max(step, Math.abs(value) * step))
        },
      ),
    )
  })
})

test.each([
  [0.1, 0, "0"],
  [16777216, 0, "16777216"],
  [99999999, 0, " 1e+08"],
  [1e10, 0, " 1e+10"],
  [1.5e7, 0, "15000000"],
  [-0.0004, 0, "-0"],
  [12345.678, 0, "12346"],
  [1e30, 0, " 1e+30"],
])("a float %d with %i digits is %j", (value, precision, text) => {
  expect(floatText(Math.fround(value), precision)).toBe(text)
})

describe("text as a number", () => {
  test.each([
    ["12.7", 12.7],
    ["-3", -3],
    ["1e2", 100],
    ["0x1f", 31],
    ["  5 ", 5],
    ["5 x", 5],
    ["inf", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["NaN", Number.NaN],
    ["010", 10],
    ["+4", 4],
    [".5", 0.5],
    ["", undefined],
    ["abc", undefined],
    ["1.5e400", undefined],
  ])("%j is the floating-point number %s", (text, value) => {
    expect(parseFloating(text)).toEqual(value)
  })

  test.each([
    ["12", 12],
    ["12.7", 12],
    ["1e2", 1],
    ["0x1f", 31],
    ["  5 ", 5],
    ["010", 8],
    ["089", 0],
    ["+4", 4],
    ["1_0", 1],
    ["nan", undefined],
    ["", undefined],
    ["99999999999", undefined],
  ])("%j is the integer %s", (text, value) => {
    expect(parseInteger(text, -(2 ** 31), 2 ** 31 - 1)).toBe(value)
  })
})

const context = { precision: 3, enumStrings: ["A", "B", "7"], isArray: false }

const cast = (value: number | string, from: DbrBase, to: DbrBase): unknown => {
  const data = from === Dbr.STRING ? [String(value)] : emptyData(from, 1)
  if (from !== Dbr.STRING) (data as Float64Array)[0] = value as number
  return convert(data, from, to, context)[0]
}

describe("conversion between native types", () => {
  test.each([
    [Dbr.DOUBLE, 123456.789, { short: -7616, float: 123456.7890625, enum: 57920, char: 64, long: 123456 }],
    [Dbr.DOUBLE, -1.0005, { short: -1, enum: 65535, char: 255, long: -1 }],
    [Dbr.DOUBLE, 1e300, { short: 0, float: 3.4028234663852886e38, enum: 0, char: 0, long: -2147483648 }],
    [Dbr.DOUBLE, Number.NaN, { short: 0, float: Number.NaN, enum: 0, char: 0, long: -2147483648 }],
    [Dbr.DOUBLE, Number.NEGATIVE_INFINITY, { float: Number.NEGATIVE_INFINITY, long: -2147483648 }],
    [Dbr.DOUBLE, 1e-40, { float: Math.fround(1.1754944e-38), long: 0 }],
    [Dbr.LONG, 70000, { short: 4464, char: 112, enum: 4464, double: 70000, string: "70000" }],
    [Dbr.LONG, -2, { short: -2, char: 254, enum: 65534 }],
    [Dbr.CHAR, 200, { short: 200, long: 200, double: 200, string: "200" }],
    [Dbr.SHORT, -1, { char: 255, enum: 65535, double: -1, string: "-1" }],
    [Dbr.ENUM, 1, { string: "B", double: 1, char: 1 }],
    [Dbr.ENUM, 2, { string: "7" }],
    [Dbr.ENUM, 16, { string: "Illegal Value", short: 16 }],
    [Dbr.STRING, "B", { enum: 1 }],
    [Dbr.STRING, "7", { enum: 2, short: 7 }],
    [Dbr.STRING, "1", { enum: 1, double: 1 }],
    [Dbr.STRING, "", { double: 0, long: 0 }],
    [Dbr.STRING, "-3", { char: 253, short: -3 }],
  ] as const)("of type %i, %s becomes %o", (from, value, expected) => {
    const types = { string: 0, short: 1, float: 2, enum: 3, char: 4, long: 5, double: 6 } as const
    const results = Object.keys(expected).map(to => [to, cast(value, from, types[to as keyof typeof types])])
    expect(Object.fromEntries(results)).toEqual(expected)
  })

  test.each([
    ["abc", Dbr.DOUBLE],
    ["70000", Dbr.SHORT],
    ["300", Dbr.CHAR],
    ["99999999999", Dbr.LONG],
    ["C", Dbr.ENUM],
    ["3", Dbr.ENUM],
    ["-1", Dbr.ENUM],
    ["", Dbr.ENUM],
  ])("refuses the text %j for type %i with a reason that quotes it", (text, to) => {
    expect(() => cast(text, Dbr.STRING, to)).toThrow(`"${text}"`)
  })

  test("an array refuses an empty text where a scalar takes it for zero", () => {
    expect(() => convert([""], Dbr.STRING, Dbr.DOUBLE, { ...context, isArray: true })).toThrow('""')
  })

  test("keeps every number that both types can hold", () => {
    const types = [Dbr.SHORT, Dbr.FLOAT, Dbr.LONG, Dbr.DOUBLE]
    fc.assert(
      fc.property(
        fc.integer({ min: -32768, max: 32767 }),
        fc.constantFrom(...types),
        fc.constantFrom(...types, Dbr.STRING),
        (n, from, to) => {
          expect(Number(cast(cast(n, from, to) as number | string, to, from))).toBe(n)
        },
      ),
    )
  })
})
