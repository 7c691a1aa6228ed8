import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BitSet, readShortKey } from "../../src/wire/bitset.ts"
import { readStatus, type Status, writeStatus } from "../../src/wire/status.ts"
import { hex, read, toHex, written } from "../support/hex.ts"

describe("Size", () => {
  it.each([
    [0, "00", true],
    [253, "fd", true],
    [254, "fe fe000000", true],
    [1000, "fe e8030000", true],
    [1000, "fe 000003e8", false],
  ])("%i is %s", (n, bytes, little) => {
    expect(read(bytes, little).size()).toBe(n)
    expect(written(w => w.size(n), { little })).toBe(toHex(hex(bytes)))
  })

  it.each([
    ["a small number in the long form", "fe 05000000", 5],
    ["null", "ff", 0],
    ["the 64-bit form", "fe ffffff7f 0000000001000000", 0x0001_0000_0000],
  ])("reads %s", (_, bytes, n) => {
    expect(read(bytes).size()).toBe(n)
  })

  it("refuses a negative or unrepresentable 64-bit size", () => {
    expect(() => read("fe ffffff7f ffffffffffffffff").size()).toThrow(/impossible size/)
    expect(() => read("fe ffffff7f ffffffffffffff7f").size()).toThrow(/impossible size/)
  })
})

describe("String", () => {
  it.each([
    ["", "00"],
    ["t:ai", '04 "t:ai"'],
    ["Grüße µm", "0b 4772c3bcc39f6520c2b56d"],
    ["x".repeat(300), `fe 2c010000 ${"78".repeat(300)}`],
  ])("%j round-trips", (text, bytes) => {
    expect(read(bytes).string()).toBe(text)
    expect(written(w => w.string(text))).toBe(toHex(hex(bytes)))
  })

  it("reads null as empty and replaces invalid UTF-8", () => {
    expect(read("ff").string()).toBe("")
    expect(read("02 ff 41").string()).toBe("\ufffdA")
  })

  it("keeps a byte order mark, which is a character like any other", () => {
    const text = "\ufeffmark"
    expect(read(written(w => w.string(text))).string()).toBe(text)
  })

  it("refuses a length that passes the end of the message", () => {
    expect(() => read("05 41 42").string()).toThrow(/3 bytes too early/)
  })
})

describe("64-bit integers", () => {
  it("are numbers while exact and bigint beyond, in both byte orders", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.boolean(), (value, little) => {
        const reader = read(
          written(w => w.i64(value), { little }),
          little,
        )
        const result = reader.i64()
        expect(BigInt(result)).toBe(value)
        expect(typeof result).toBe(Number.isSafeInteger(Number(value)) ? "number" : "bigint")
      }),
    )
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.boolean(), (value, little) => {
        expect(
          read(
            written(w => w.i64(value), { little }),
            little,
          ).i64(),
        ).toBe(value)
      }),
    )
  })

  it("reads unsigned ones", () => {
    expect(read("ffffffffffffffff").u64()).toBe(2n ** 64n - 1n)
    expect(read("ffffffffffff1f00").u64()).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe("BitSet", () => {
  it.each([
    [[], "00", "00"],
    [[0], "01 01", "01 01"],
    [[1], "01 02", "01 02"],
    [[1, 7, 8, 9], "02 82 03", "02 82 03"],
    [[8], "02 00 01", "02 00 01"],
    [[63], "08 00 00 00 00 00 00 00 80", "08 80 00 00 00 00 00 00 00"],
    [[64], "09 00 00 00 00 00 00 00 00 01", "09 00 00 00 00 00 00 00 00 01"],
    [[0, 64], "09 01 00 00 00 00 00 00 00 01", "09 00 00 00 00 00 00 00 01 01"],
  ])("%j in both byte orders", (bits, little, big) => {
    const set = new BitSet(bits)
    expect(written(w => set.write(w), { little: true })).toBe(toHex(hex(little)))
    expect(written(w => set.write(w), { little: false })).toBe(toHex(hex(big)))
    expect([...BitSet.read(read(little), 1000)]).toEqual(bits)
    expect([...BitSet.read(read(big, false), 1000)]).toEqual(bits)
  })

  it("round-trips any set, and equal sets have equal keys", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(600)), fc.boolean(), (bits, little) => {
        const set = new BitSet(bits)
        const back = BitSet.read(
          read(
            written(w => set.write(w), { little }),
            little,
          ),
          601,
        )
        expect([...back]).toEqual([...set])
        expect(back.key).toEqual(new BitSet(bits.toReversed()).key)
        expect([...back]).toEqual(bits.toSorted((a, b) => a - b))
      }),
    )
  })

  it("ignores bits beyond the type", () => {
    expect([...BitSet.read(read("03 02 00 ff"), 10)]).toEqual([1])
  })

  it("gives the key of a short set without building it, and leaves a long one to be read", () => {
    expect(readShortKey(read("02 82 03"))).toBe(new BitSet([1, 7, 8, 9]).key)
    expect(readShortKey(read("03 82 03 00"))).toBe(new BitSet([1, 7, 8, 9]).key)
    const long = read("08 00 00 00 00 00 00 00 80")
    expect(readShortKey(long)).toBe(-1)
    expect([...BitSet.read(long, 64)]).toEqual([63])
  })

  it("or, and intersects", () => {
    const set = new BitSet([3]).or(new BitSet([70]))
    expect([...set]).toEqual([3, 70])
    expect(set.intersects(4, 70)).toBe(false)
    expect(set.intersects(4, 71)).toBe(true)
  })
})

describe("Status", () => {
  const text: Status = { type: "ERROR", message: "Op Create implied error", trace: "" }
  it.each<[string, Status]>([
    ["ff", { type: "OK", message: "", trace: "" }],
    ['02 17 "Op Create implied error" 00', text],
    ['01 04 "slow" 02 "at"', { type: "WARNING", message: "slow", trace: "at" }],
    ['03 09 "not found" 00', { type: "FATAL", message: "not found", trace: "" }],
  ])("%s", (bytes, status) => {
    expect(readStatus(read(bytes))).toEqual(status)
    expect(written(w => writeStatus(w, status))).toBe(toHex(hex(bytes)))
  })

  it("reads OK with a text, and refuses unknown types", () => {
    expect(readStatus(read("00 00 00"))).toEqual({ type: "OK", message: "", trace: "" })
    expect(() => readStatus(read("04 00 00"))).toThrow(/unknown type 4/)
  })
})
