import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { main, usage } from "../../src/cli/main.ts"
import { createNdArray, ntNdArray } from "../../src/nt/nd-array.ts"
import { ntEnum, ntScalar, ntScalarArray } from "../../src/nt/scalar.ts"
import { ntTable, readQuery } from "../../src/nt/table.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { create } from "../../src/values/create.ts"
import { structure, t } from "../../src/values/field-type.ts"
import type { PvStructureValue } from "../../src/values/value-of.ts"
import { until } from "../support/until.ts"

describe("pvx", () => {
  let server: PvaServer
  const motor = SharedPv.mailbox(ntScalar("double", { display: true }), {
    value: 1.5,
    alarm: { severity: 2, status: 3, message: "HIHI" },
    timeStamp: { secondsPastEpoch: 1_000_000_000, nanoseconds: 123_456_000 },
  })
  beforeAll(async () => {
    server = await PvaServer.open({ isolated: true })
    server.add("x", motor)
    server.add("n", SharedPv.mailbox(ntScalar("long")))
    server.add("s", SharedPv.mailbox(ntScalar("string")))
    server.add(
      "w",
      SharedPv.mailbox(ntScalarArray("int"), { value: Array.from({ length: 30 }, (_, i) => i) }),
    )
    server.add("e", SharedPv.mailbox(ntEnum(), { value: { choices: ["Close", "Open"] } }))
    server.add(
      "t",
      new SharedPv(ntTable({ x: "double", n: "string" }), {
        value: { labels: ["X", "N"], value: { x: [1, 22], n: ["a"] } },
      }),
    )
    const image = createNdArray({
      data: new Uint16Array(6),
      shape: [3, 2],
      uniqueId: 7,
      time: { secondsPastEpoch: 0, nanoseconds: 0, userTag: 0 },
    })
    server.add("i", new SharedPv(ntNdArray, { value: image as never }))
    const sum = structure("", { value: t.double })
    server.add(
      "sum",
      new SharedPv(structure("", {}), {
        onRpc: argument => {
          const { a, b } = readQuery(argument) as { a: number; b: number }
          return create(sum, { value: a + b }) as unknown as PvStructureValue
        },
      }),
    )
  })
  afterAll(() => server.close())

  const run = async (...words: string[]): Promise<{ code: number; out: string[]; err: string[] }> => {
    const out: string[] = []
    const err: string[] = []
    const code = await main(
      ["--server", `127.0.0.1:${server.port}`, "-w", words.includes("nobody") ? "0.2" : "20", ...words],
      {
        signal: new AbortController().signal,
        print: line => out.push(line),
        complain: line => err.push(line),
      },
    )
    return { code, out, err }
  }

  it("gets values of every kind, and all of them although one is missing", async () => {
    const { code, out } = await run("get", "x", "e", "w", "t", "i")
    expect(code).toBe(0)
    expect(out[0]).toMatch(/^x 2001-09-\d\d \d\d:\d\d:40\.123456 1\.5 MAJOR RECORD HIHI$/)
    expect(out[1]).toMatch(/^e <undefined> +\(0\) Close$/)
    expect(out[2]).toMatch(/\[0, 1, 2, .*, 19, … 10 more\]$/)
    expect(out[3]).toBe("t\n     X      N\n     1      a\n    22 (none)")
    expect(out[4]).toMatch(/^i <undefined> +image 7: 3 × 2 ushort$/)
    const missing = await run("get", "x", "nobody")
    expect(missing).toMatchObject({ code: 1, out: [expect.stringContaining("1.5")] })
    expect(missing.err[0]).toMatch(
      /get nobody: no answer after 0.2 s; the channel is still searching \(\d tries by TCP 127\.0\.0\.1:\d+/,
    )
    const away = await run("get", "nobody", "--server", "127.0.0.1:1")
    expect(away.err[0]).toMatch(/by TCP 127\.0\.0\.1:1\b.*; 127\.0\.0\.1:1\b.*ECONNREFUSED/)
  })

  it("prints all members, or JSON", async () => {
    const full = await run("get", "x", "-v")
    expect(full.out[0]).toContain("\n    alarm.severity int = 2\n")
    expect(full.out[0]).toContain('    alarm.message string = "HIHI"')
    const json = await run("get", "x", "n", "--json")
    expect(json.out.map(line => JSON.parse(line))).toMatchObject([
      { name: "x", value: { value: 1.5, alarm: { severity: 2 } } },
      { name: "n", value: { value: 0 } },
    ])
  })

  it.each([
    [["x", "-2.5"], "x", -2.5],
    [["x", "value=3", "alarm.message=set"], "x", 3],
    [["x", '{"value": 4}'], "x", 4],
    [["n", "9007199254740993"], "n", "9007199254740993"],
    [["s", "two", "words=x"], "s", "two words=x"],
    [["w", "1", "-2", "3"], "w", [1, -2, 3]],
    [["w", "[4, 5]"], "w", [4, 5]],
    [["e", "Open"], "e", { index: 1, choices: ["Close", "Open"] }],
    [["e", "0"], "e", { index: 0, choices: ["Close", "Open"] }],
  ] as const)("puts %j", async (words, name, expected) => {
    const { code, out, err } = await run("put", ...words, "--completion")
    expect(err).toEqual([])
    expect(code).toBe(0)
    expect(out).toHaveLength(2)
    const after = await run("get", name, "--json")
    expect(JSON.parse(after.out[0]!).value.value).toEqual(expected)
  })

  it.each([
    [["x", "much"], /"much" is no number/],
    [["n", "1.5"], /"1.5" is no integer/],
    [["e", "Ajar"], /is none of its choices/],
    [["x", "valeu=3"], /no member "valeu"/],
    [["x", "{3}"], /is no JSON/],
  ] as const)("says why it cannot put %j", async (words, message) => {
    const { code, err } = await run("put", ...words)
    expect(code).toBe(1)
    expect(err.join()).toMatch(message)
  })

  it("tells types, calls, lists and follows", async () => {
    expect((await run("info", "x")).out[0]).toMatch(
      /^x from 127\.0\.0\.1:\d+\nstructure epics:nt\/NTScalar:1\.0\n {4}double value\n {4}structure alarm_t alarm\n {8}int severity/,
    )
    expect((await run("call", "sum", "a=1", "b=2")).out[0]).toMatch(/^sum <undefined> +3$/)
    expect((await run("call", "x")).err[0]).toMatch(/takes no calls/)
    expect((await run("list", `127.0.0.1:${server.port}`)).out).toEqual([
      "e",
      "i",
      "n",
      "s",
      "sum",
      "t",
      "w",
      "x",
    ])
    const { code, out } = await run("monitor", "x", "-n", "1")
    expect([code, out.length]).toEqual([0, 1])
    expect((await run("doctor", "x")).out.at(-1)).toMatch(/answered a get after/)
  })

  it("says while it waits for a channel to follow that nothing has come yet", async () => {
    const err: string[] = []
    const abort = new AbortController()
    const code = main(["monitor", "nobody", "-w", "0.1", "--server", `127.0.0.1:${server.port}`], {
      signal: abort.signal,
      print: () => {},
      complain: line => err.push(line),
    })
    await until(() => expect(err.join()).toMatch(/nobody: nothing yet; the channel is still searching/))
    abort.abort()
    expect(await code).toBe(0)
  })

  it("finds servers, tells those that do not answer, and diagnoses a name that nobody has", async () => {
    const here = `127.0.0.1:${server.port}`
    expect((await run("list")).out).toEqual([`name server tcp@[ ${here} ]`])
    expect((await run("list", "127.0.0.1:1", "-w", "0.2")).err.join()).toMatch(
      /a server is HOST\[:PORT\] or a GUID/,
    )
    expect((await run("list", `0x${"0".repeat(24)}`, "-w", "0.2")).err[0]).toMatch(/no server of this GUID/)
    const sick = await run("doctor", "nobody")
    expect(sick.code).toBe(1)
    expect(sick.err[0]).toMatch(/nobody: no answer after 0.2 s; the channel is still searching/)
    expect(sick.out.at(-1)).toContain(here)
    const lonely = await run("doctor", "--server", "127.0.0.1:1", "-w", "0.2")
    expect([lonely.code, lonely.err.at(-1)]).toEqual([1, expect.stringMatching(/no server answers by UDP/)])
  })

  it("explains itself, and exits with 2 when the words make no sense", async () => {
    expect((await run("--help")).out).toEqual([usage])
    for (const words of [
      [],
      ["nonsense"],
      ["get"],
      ["get", "x", "-w", "-5"],
      ["get", "--nonsense"],
      ["get", "x", "--server", "a b"],
    ]) {
      const out: string[] = []
      const code = await main(words, {
        signal: new AbortController().signal,
        print: () => {},
        complain: l => out.push(l),
      })
      expect([code, out.length]).toEqual([2, 1])
      expect(out[0]).not.toMatch(/^EPICS_/)
    }
  })
})
