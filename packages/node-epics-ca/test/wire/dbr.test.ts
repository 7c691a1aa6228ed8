import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { CaProtocolError } from "../../src/errors.ts"
import * as w from "../../src/wire/index.ts"
import { everySplit, hex, only, parse, toHex, written } from "./hex.ts"

const decode = (bytes: Uint8Array, scalar = true): w.DbrReading => only(bytes, m => w.decodeDbr(m, scalar))
const reply = (type: number, count: number, source: w.DbrSource): Uint8Array =>
  written(writer => w.writeReadReply(writer, type, count, 1, 1, source))

describe("payloads recorded from EPICS base 7.0.8", () => {
  test("TIME_DOUBLE, with garbage in the padding", () => {
    const bytes = hex(`000f0018 00140001 00000001 00000001
      00000000 45651ebf 1f0b6cde 00000003   ; status, severity; seconds; nanoseconds; pad
      3ff80000 00000000`)
    const reading = decode(bytes)
    expect(reading).toMatchObject({ type: 20, value: 1.5, status: 0, severity: 0, seconds: 1795406911 })
    expect(reading.nanoseconds).toBe(520842462)
    expect(reading.timestamp).toBeCloseTo(1795406911.520842, 5)
  })

  test("CTRL_DOUBLE, limits unset are NaN", () => {
    const bytes = hex(`000f0058 00220001 00000001 00000001
      00000000 00030000 6d6d0000 00000000   ; status, severity; precision 3, pad; "mm"
      40240000 00000000 c0240000 00000000   ; display
      40220000 00000000 40200000 00000000   ; upper alarm, upper warning
      7ff80000 00000000 7ff80000 00000000   ; lower warning, lower alarm
      40240000 00000000 c0240000 00000000   ; control
      3ff80000 00000000`)
    const reading = decode(bytes)
    expect(reading.value).toBe(1.5)
    expect(reading.metadata).toEqual({
      units: "mm",
      precision: 3,
      upperDisplayLimit: 10,
      lowerDisplayLimit: -10,
      upperAlarmLimit: 9,
      upperWarningLimit: 8,
      lowerWarningLimit: Number.NaN,
      lowerAlarmLimit: Number.NaN,
      upperControlLimit: 10,
      lowerControlLimit: -10,
    })
    expect(toHex(reply(34, 1, reading))).toBe(toHex(bytes))
  })

  test("STS_CHAR, six elements from byte 5", () => {
    const bytes = hex(
      "000f0010 000b0006 00000001 00000001 00000000 45686565 6c6c6f00 00000000".replace(
        "6865656c6c6f",
        "68656c6c6f",
      ),
    )
    bytes.set(new TextEncoder().encode("hello\0"), 21)
    expect(decode(bytes).value).toEqual(new TextEncoder().encode("hello\0"))
  })

  test("CTRL_ENUM, three states", () => {
    const bytes = reply(31, 1, {
      value: 2,
      status: 17,
      severity: 3,
      metadata: { enumStrings: ["A", "B", "C"] },
    })
    const payload = bytes.subarray(16)
    expect(payload.length).toBe(424)
    expect(toHex(payload.subarray(0, 8))).toBe("0011000300034100")
    expect([payload[6], payload[32], payload[58], payload[423]]).toEqual([0x41, 0x42, 0x43, 2])
    const reading = decode(bytes)
    expect(reading.metadata).toEqual({ enumStrings: ["A", "B", "C"] })
    expect([reading.value, reading.statusText, reading.severityText]).toEqual([2, "UDF", "INVALID"])
  })

  test("20 000 doubles with an extended header", () => {
    const value = Float64Array.from({ length: 20_000 }, (_, i) => i / 3)
    const bytes = reply(20, 20_000, { value })
    expect(toHex(bytes.subarray(0, 24))).toBe("000fffff00140000000000010000000100027110" + "00004e20")
    for (const chunk of [65536, 16384, 1000, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
        bytes.subarray(i * chunk, (i + 1) * chunk),
      )
      const same = parse(chunks, m =>
        (w.decodeDbr(m, false).value as Float64Array).every((x, i) => x === value[i]),
      )
      expect(same).toEqual([true])
    }
  })
})

test("large arrays of every numeric type come out the same, however the stream is cut", () => {
  const makers: Partial<Record<w.DbrBase, (length: number) => w.DbrNumberArray>> = {
    [w.Dbr.SHORT]: length => Int16Array.from({ length }, (_, i) => i * 7919),
    [w.Dbr.FLOAT]: length => Float32Array.from({ length }, (_, i) => i / 3),
    [w.Dbr.ENUM]: length => Uint16Array.from({ length }, (_, i) => i * 31),
    [w.Dbr.CHAR]: length => Uint8Array.from({ length }, (_, i) => i * 7),
    [w.Dbr.LONG]: length => Int32Array.from({ length }, (_, i) => i * 65537),
    [w.Dbr.DOUBLE]: length => Float64Array.from({ length }, (_, i) => i / 7),
  }
  const cuts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.nat(4),
      fc.integer({ min: 20_000, max: 50_000 }),
      cuts,
      (base, family, count, sizes) => {
        const value = makers[base as w.DbrBase]!(count)
        const stream = reply(w.dbrType(base, family), count, { value, seconds: 1.8e9 })
        const chunks: Uint8Array[] = []
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const end = at + sizes[i % sizes.length]!
          chunks.push(stream.subarray(at, end))
          at = end
        }
        const [back] = parse(chunks, m => w.decodeDbr(m, false).value as w.DbrNumberArray)
        return (
          back?.constructor === value.constructor &&
          back.length === count &&
          back.every((x, i) => x === value[i])
        )
      },
    ),
    { numRuns: 40 },
  )
})

// Per native type: values that go through unchanged, as scalar and as array.
const samples: Record<w.DbrBase, { scalar: number | string; array: w.DbrValue }> = {
  0: { scalar: "naïve µ", array: ["", "one", "x".repeat(39)] },
  1: { scalar: -32768, array: Int16Array.of(-1, 0, 32767) },
  2: { scalar: -0, array: Float32Array.of(1.5, Number.NaN, Number.POSITIVE_INFINITY, -0) },
  3: { scalar: 15, array: Uint16Array.of(0, 1, 65535) },
  4: { scalar: 255, array: Uint8Array.of(0, 128, 255) },
  5: { scalar: -2147483648, array: Int32Array.of(-1, 0, 2147483647) },
  6: { scalar: Number.NaN, array: Float64Array.of(-0, 1e308, Number.NEGATIVE_INFINITY, Number.NaN) },
}

const limits = (base: number): w.DbrMetadata => {
  const [high, low] = base === w.Dbr.CHAR ? [200, 3] : [1000, -1000]
  return {
    units: "°C",
    upperDisplayLimit: high,
    lowerDisplayLimit: low,
    upperAlarmLimit: high - 1,
    upperWarningLimit: high - 2,
    lowerWarningLimit: low + 2,
    lowerAlarmLimit: low + 1,
    upperControlLimit: high - 3,
    lowerControlLimit: low + 3,
    ...(base === w.Dbr.FLOAT || base === w.Dbr.DOUBLE ? { precision: 4 } : {}),
  }
}

function metadataOf(base: number, family: number): w.DbrMetadata | undefined {
  if (family < w.DbrFamily.GR) return undefined
  if (base === w.Dbr.STRING) return {}
  if (base === w.Dbr.ENUM) return { enumStrings: ["off", "x".repeat(25), "ü"] }
  const metadata = limits(base)
  if (family === w.DbrFamily.GR) {
    delete metadata.upperControlLimit
    delete metadata.lowerControlLimit
  }
  return metadata
}

const types = Array.from({ length: 35 }, (_, type) => ({ type, name: w.dbrName(type) }))

describe("every type", () => {
  test.each(types)("$name: scalar and array there and back, at every split", ({ type }) => {
    const base = w.baseOf(type)
    const family = w.familyOf(type)
    const { scalar, array } = samples[base]
    const alarm = family === w.DbrFamily.PLAIN ? { status: 0, severity: 0 } : { status: 4, severity: 1 }
    const stamp =
      family === w.DbrFamily.TIME
        ? { seconds: 1795406911, nanoseconds: 999999999 }
        : { seconds: 0, nanoseconds: 0 }
    const metadata = metadataOf(base, family)
    for (const value of [scalar, array]) {
      const count = typeof value === "object" ? value.length : 1
      const source = { value, ...alarm, ...stamp, metadata }
      const bytes = reply(type, count, source)
      expect(bytes.length % 8).toBe(0)
      const expected = { type, value, ...alarm, ...stamp, metadata }
      for (const chunks of bytes.length < 200
        ? everySplit(bytes)
        : [[bytes], [...bytes].map(b => Uint8Array.of(b))]) {
        expect(parse(chunks, m => ({ ...w.decodeDbr(m, count === 1) }))).toEqual([expected])
      }
    }
  })

  test.each(types)("$name: empty array", ({ type }) => {
    const reading = decode(reply(type, 0, { value: [] }))
    expect(reading.value).toHaveLength(0)
    expect(typeof reading.value).toBe("object")
  })

  test.each(types)("$name: missing elements are zeros", ({ type }) => {
    const value = decode(reply(type, 3, { value: [] })).value
    const zero = w.baseOf(type) === w.Dbr.STRING ? "" : 0
    expect(Array.from(value as ArrayLike<unknown>)).toEqual([zero, zero, zero])
  })

  test("STSACK_STRING carries the acknowledge state, CLASS_NAME the record type, PUT_ACKS a number", () => {
    const stsack = reply(37, 1, {
      value: "on",
      status: 7,
      severity: 2,
      metadata: { ackTransient: 1, ackSeverity: 2 },
    })
    expect(stsack.length).toBe(16 + 48)
    expect({ ...decode(stsack) }).toMatchObject({
      value: "on",
      status: 7,
      severity: 2,
      metadata: { ackTransient: 1, ackSeverity: 2 },
    })
    expect(decode(reply(38, 1, { value: "motor" })).value).toBe("motor")
    expect(decode(reply(36, 1, { value: 2 })).value).toBe(2)
    expect(decode(reply(35, 1, { value: 1 })).value).toBe(1)
  })

  test("names as the C headers have them", () => {
    expect([0, 14, 20, 31, 34, 37, 38, 99].map(w.dbrName)).toEqual([
      "DBR_STRING",
      "DBR_TIME_STRING",
      "DBR_TIME_DOUBLE",
      "DBR_CTRL_ENUM",
      "DBR_CTRL_DOUBLE",
      "DBR_STSACK_STRING",
      "DBR_CLASS_NAME",
      "DBR type 99",
    ])
  })
})

describe("text", () => {
  const field = (bytes: number[], limit = 40) => w.decodeText(Uint8Array.from(bytes), 0, limit)

  test("may fill its field without a terminator", () => {
    expect(field(Array(40).fill(0x61))).toBe("a".repeat(40))
  })
  test("is Latin-1 where it is no UTF-8", () => {
    expect(field([0xb0, 0x43, 0])).toBe("°C")
    expect(field([0x63, 0x61, 0x66, 0xe9, 0])).toBe("café")
  })
  test("loses a character that the end of the field cut in two, and nothing else", () => {
    const cut = [...new TextEncoder().encode(`${"a".repeat(39)}ü`)].slice(0, 40)
    expect(field(cut)).toBe("a".repeat(39))
  })
  test("is cut between characters when it does not fit", () => {
    const bytes = new Uint8Array(40).fill(0xff)
    expect(w.encodeText(bytes, 0, 40, `${"a".repeat(38)}üü`)).toBe(38)
    expect(w.decodeText(bytes, 0, 40)).toBe("a".repeat(38))
    expect([...bytes.subarray(38)]).toEqual([0, 0])
  })
  test("takes as many bytes as counted", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), text => {
        expect(w.textBytes(text)).toBe(new TextEncoder().encode(text).length)
      }),
    )
  })
})

describe("a payload that does not hold what the header says", () => {
  const cases: [string, string, string][] = [
    ["unknown-type", "an unknown type", "000f0008 00270001 00000001 00000001 00000000 00000000"],
    [
      "payload-too-short",
      "no room for the family header",
      "000f0008 00140001 00000001 00000001 00000000 00000000",
    ],
    ["payload-too-short", "a time stamp without payload", "000f0000 00140000 00000001 00000001"],
    ["count-exceeds-payload", "too many elements", "000f0008 00060002 00000001 00000001 00000000 00000000"],
    [
      "count-exceeds-payload",
      "four thousand million elements",
      "000fffff 00060000 00000001 00000001 00000008 ffffffff 00000000 00000000",
    ],
  ]
  test.each(cases)("%s: %s", (violation, _, bytes) => {
    expect(() => decode(hex(bytes))).toThrowError(expect.objectContaining({ violation, code: "PROTOCOL" }))
  })

  test("clamps a number of enum states that can not be, and nanoseconds beyond a second", () => {
    const many = reply(31, 1, { value: 1, metadata: { enumStrings: ["a"] } })
    many[16 + 5] = 200
    expect(decode(many).metadata?.enumStrings).toHaveLength(16)
    many[16 + 4] = 0xff
    expect(decode(many).metadata?.enumStrings).toHaveLength(0)
    const late = reply(20, 1, { value: 1, seconds: 1795406911, nanoseconds: 0xffffffff })
    expect(decode(late).nanoseconds).toBe(999999999)
  })

  test("gives a value or a named error for any bytes", () => {
    fc.assert(
      fc.property(
        fc.nat(45),
        fc.nat(70),
        fc.uint8Array({ maxLength: 64 }),
        fc.boolean(),
        (type, count, payload, scalar) => {
          const bytes = written(writer => {
            const at = writer.begin(15, w.pad8(payload.length), type, count, 1, 1)
            writer.bytes.fill(0, at, at + w.pad8(payload.length))
            writer.bytes.set(payload, at)
          })
          try {
            expect(decode(bytes, scalar)).toBeInstanceOf(w.DbrReading)
          } catch (error) {
            expect(error).toBeInstanceOf(CaProtocolError)
          }
        },
      ),
    )
  })
})

test("any doubles go there and back bit by bit", () => {
  fc.assert(
    fc.property(fc.float64Array({ maxLength: 50 }), value => {
      expect(decode(reply(20, value.length, { value }), false).value).toEqual(value)
      expect(decode(reply(20, value.length, { value: [...value] }), false).value).toEqual(value)
    }),
  )
})
