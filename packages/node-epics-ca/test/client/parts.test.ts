import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { IdTable } from "../../src/client/id-table.ts"
import { type CaPutValue, preparePut } from "../../src/client/put-value.ts"
import { UpdateQueue } from "../../src/client/queue.ts"
import { Dbr, type DbrBase } from "../../src/wire/index.ts"

test("ids come round and skip those in use", () => {
  const table = new IdTable<string>(1, 4)
  expect(["a", "b", "c", "d"].map(each => table.add(each))).toEqual([1, 2, 3, 4])
  table.delete(2)
  expect(table.add("e")).toBe(0)
  expect(table.add("f")).toBe(2)
  expect([table.get(1), table.get(2), table.get(0), table.size]).toEqual(["a", "f", "e", 5])
})

describe("a queue of updates", () => {
  test("keeps the newest so many, in order, and counts the rest, whatever comes and goes", async () => {
    const steps = fc.array(fc.boolean(), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (limit, pushes) => {
        const queue = new UpdateQueue<number>(limit)
        let model: number[] = []
        let next = 0
        let dropped = 0
        for (const push of pushes) {
          if (push) {
            queue.push(next)
            model.push(next)
            next += 1
            if (model.length > limit) {
              dropped += model.length - limit
              model = model.slice(-limit)
            }
          } else if (model.length > 0) {
            expect(await queue.next()).toEqual({ value: model.shift(), done: false })
          }
        }
        queue.end()
        for (const value of model) expect(await queue.next()).toEqual({ value, done: false })
        expect(await queue.next()).toEqual({ value: undefined, done: true })
        expect(queue.dropped).toBe(dropped)
      }),
    )
  })

  test("hands an update straight to a reader that waits, and ends all readers", async () => {
    const queue = new UpdateQueue<number>(1)
    const readers = [queue.next(), queue.next(), queue.next()]
    queue.push(1)
    queue.push(2)
    queue.end()
    expect((await Promise.all(readers)).map(({ value }) => value)).toEqual([1, 2, undefined])
    expect(queue.dropped).toBe(0)
  })
})

describe("a value to be written", () => {
  const accepted: [DbrBase, number, CaPutValue, unknown][] = [
    [Dbr.DOUBLE, 1, 2.5, { type: Dbr.DOUBLE, count: 1, value: 2.5 }],
    [Dbr.DOUBLE, 1, "2.5", { type: Dbr.STRING, count: 1, value: "2.5" }],
    [Dbr.LONG, 1, 12n, { type: Dbr.LONG, count: 1, value: 12 }],
    [Dbr.SHORT, 1, true, { type: Dbr.SHORT, count: 1, value: 1 }],
    [Dbr.ENUM, 1, "Open", { type: Dbr.STRING, count: 1, value: "Open" }],
    [Dbr.STRING, 1, 1e21, { type: Dbr.STRING, count: 1, value: "1e+21" }],
    [Dbr.STRING, 3, [1, 2], { type: Dbr.STRING, count: 2, value: ["1", "2"] }],
    [Dbr.LONG, 3, ["1", "2"], { type: Dbr.STRING, count: 2, value: ["1", "2"] }],
    [Dbr.CHAR, 9, "ab", { type: Dbr.CHAR, count: 3, value: Uint8Array.of(97, 98, 0) }],
    [Dbr.CHAR, 1, -1, { type: Dbr.CHAR, count: 1, value: -1 }],
    [Dbr.LONG, 3, Float64Array.of(1, 2), { type: Dbr.LONG, count: 2, value: Float64Array.of(1, 2) }],
    [Dbr.DOUBLE, 3, [], { type: Dbr.DOUBLE, count: 0, value: new Float64Array(0) }],
  ]
  test.each(accepted)("of type %i with room for %i: accepted", (native, count, value, expected) => {
    expect(preparePut("x", native, count, value)).toEqual(expected)
  })

  const refused: [DbrBase, number, unknown, string][] = [
    [Dbr.LONG, 1, 1.5, "no integer from -2147483648"],
    [Dbr.LONG, 1, Number.NaN, "no integer"],
    [Dbr.SHORT, 1, 32768, "no integer from -32768 to 32767"],
    [Dbr.ENUM, 1, -1, "no integer from 0 to 65535"],
    [Dbr.DOUBLE, 1, 2n ** 60n + 1n, "no exact double"],
    [Dbr.DOUBLE, 2, [1, 2, 3], "3 elements, the channel holds 2"],
    [Dbr.STRING, 1, "x".repeat(40), "a string holds 39"],
    [Dbr.STRING, 1, "a\0b", "NUL"],
    [Dbr.CHAR, 3, "abc", "the channel holds 2"],
    [Dbr.LONG, 5, Float32Array.of(1, 2.5), "2.5 is no integer"],
    [Dbr.DOUBLE, 1, undefined, "is no number"],
    [Dbr.DOUBLE, 1, null, "no number, text, or array"],
    [Dbr.DOUBLE, 1, { a: 1 }, "no number, text, or array"],
    [Dbr.DOUBLE, 2, [1, null], "null is no number"],
    [Dbr.STRING, 1, undefined, "neither text nor number"],
    [Dbr.DOUBLE, 1, new DataView(new ArrayBuffer(8)), "no number, text, or array"],
  ]
  test.each(refused)("of type %i with room for %i: refused, case %#", (native, count, value, message) => {
    expect(() => preparePut("x", native, count, value as CaPutValue)).toThrow(message)
  })
})
