import { describe, expect, it } from "vitest"
import { main } from "../../src/cli/main.ts"
import { parseWords } from "../../src/cli/parse-value.ts"
import { ntScalar, ntScalarArray } from "../../src/nt/scalar.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { structure, structureArray, t } from "../../src/values/field-type.ts"
import { Pair } from "../support/pair.ts"

const long = ntScalar("long")
const double = ntScalar("double")
const rows = structure("", { rows: structureArray(structure("", { n: t.ulong, x: t.double })) })
const beyond = 9007199254740993n

describe("the words of a put", () => {
  it.each([
    ["an integer of 64 bits", long, ["9007199254740993"], { value: beyond }],
    ["one inside JSON", long, ['{"value": -9007199254740993}'], { value: -beyond }],
    ["several in a JSON list", ntScalarArray("long"), ["[9007199254740993,5]"], { value: [beyond, 5n] }],
    ["those of a member", ntScalarArray("long"), ["value=[9007199254740993]"], { value: [beyond] }],
    [
      "those deep inside",
      rows,
      ['{"rows": [{"n": 9007199254740993, "x": 9007199254740993}, null]}'],
      { rows: [{ n: beyond, x: Number(beyond) }, null] },
    ],
    [
      "digits in a text",
      long,
      ['{"alarm": {"message": "\\"9007199254740993"}}'],
      { alarm: { message: '"9007199254740993' } },
    ],
    ["digits of a fraction", double, ['{"value": 0.1234567890123456}'], { value: 0.1234567890123456 }],
    ["a large float", double, ['{"value": 90071992547409930000}'], { value: Number("90071992547409930000") }],
    ["infinity, as other tools write it", double, ["-inf"], { value: Number.NEGATIVE_INFINITY }],
  ])("keep %s exactly", (_, type, words, expected) => {
    expect(parseWords(type, words)).toEqual(expected)
  })
})

describe("pvx", () => {
  const run = async (pair: Pair, ...words: string[]): Promise<{ code: number; printed: string }> => {
    const lines: string[] = []
    const print = (line: string): void => void lines.push(line)
    const code = await main([...words, "--server", `127.0.0.1:${pair.server.port}`], {
      signal: new AbortController().signal,
      print,
      complain: print,
    })
    return { code, printed: lines.join("\n") }
  }

  it.each([
    ["-.5", -0.5],
    ["-inf", Number.NEGATIVE_INFINITY],
    ["-1e-3", -0.001],
  ])("takes %s for a value", async (word, value) => {
    await using pair = await Pair.open()
    const pv = SharedPv.mailbox(double)
    pair.server.add("x-5", pv)
    expect(await run(pair, "put", "x-5", word)).toMatchObject({ code: 0 })
    expect(pv.value.value).toBe(value)
  })

  it("does not show as zeros what a request did not ask for", async () => {
    await using pair = await Pair.open()
    const alarm = { severity: 2, message: "hot" }
    pair.server.add("x", new SharedPv(double, { value: { value: 1.5, alarm } }))
    expect((await run(pair, "get", "x", "-v", "-r", "field(value,alarm.severity)")).printed).toBe(
      "x\n    value double = 1.5\n    alarm.severity int = 2",
    )
    expect(JSON.parse((await run(pair, "get", "x", "-j", "-r", "alarm[a=b],value")).printed)).toEqual({
      name: "x",
      value: { value: 1.5, alarm: { severity: 2, status: 0, message: "hot" } },
    })
  })

  it("counts whole updates", async () => {
    await using pair = await Pair.open()
    expect(await run(pair, "monitor", "x", "-n", "1.5")).toEqual({
      code: 2,
      printed: "--count takes a whole number above 0",
    })
  })
})
