import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, openSync } from "node:fs"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { describe, expect, onTestFinished, test } from "vitest"
import { general } from "../../src/cli/format.ts"
import { run } from "../../src/cli/run.ts"
import { CaServer, ServerPv } from "../../src/index.ts"

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const stamp = { seconds: 1795406911, nanoseconds: 520842462 }

/** A server with one PV of each kind, and the command line on it. */
async function setUp() {
  const server = await CaServer.listen()
  onTestFinished(() => server.close())
  const pvs = {
    number: server.add(
      new ServerPv("t:number", {
        type: "double",
        value: 1.5,
        precision: 1,
        timestamp: stamp,
        severity: 1,
        status: 4,
      }),
    ),
    label: server.add(new ServerPv("t:label", { type: "enum", enumStrings: ["off", "on"], value: 1 })),
    array: server.add(new ServerPv("t:array", { type: "double", maxCount: 5, value: [1, 2.25, Number.NaN] })),
    chars: server.add(
      new ServerPv("t:chars", { type: "char", maxCount: 20, value: new TextEncoder().encode("hello") }),
    ),
    fixed: server.add(new ServerPv("t:fixed", { type: "long", value: 7, access: "read" })),
  }
  const stop = new AbortController()
  const out: string[] = []
  const err: string[] = []
  const cli = async (...args: string[]) => {
    out.length = 0
    err.length = 0
    const code = await run(args, {
      out: line => void out.push(line),
      err: line => void err.push(line),
      stop: stop.signal,
      config: server.clientConfig(),
    })
    return { code, out: [...out], err: [...err] }
  }
  return { ...pvs, cli, stop, out, err, server }
}

describe("epics-ca get", () => {
  test("shows values as caget does", async () => {
    const { cli } = await setUp()
    expect(await cli("get", "t:number", "t:label", "t:array")).toEqual({
      code: 0,
      out: [
        "t:number                       1.5",
        "t:label                        on",
        "t:array                        3 1 2.25 nan",
      ],
      err: [],
    })
    expect((await cli("get", "-t", "-n", "t:label")).out).toEqual(["1"])
    expect((await cli("get", "-S", "-t", "t:chars")).out).toEqual(["hello"])
    expect((await cli("get", "-t", "-#", "2", "t:array")).out).toEqual(["2 1 2.25"])
    expect((await cli("get", "-s", "-t", "t:number")).out).toEqual(["1.5"])
    const [wide] = (await cli("get", "-a", "t:number")).out
    expect(wide).toMatch(/^t:number {23}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.520842 1.5 HIGH MINOR$/)
  })

  test("--json keeps what JSON lacks, to the nanosecond", async () => {
    const { cli } = await setUp()
    const { out } = await cli("get", "--json", "t:number", "t:label", "t:array")
    expect(out.map(line => JSON.parse(line))).toMatchObject([
      { name: "t:number", value: 1.5, type: "DBR_DOUBLE", severity: "MINOR", status: "HIGH", ...stamp },
      { name: "t:label", value: 1, label: "on" },
      { name: "t:array", value: [1, 2.25, "NaN"] },
    ])
  })

  test("gives what it can and exit code 1 when a name is not found", async () => {
    const { cli } = await setUp()
    const { code, out, err } = await cli("get", "-w", "0.3", "t:nope", "t:fixed")
    expect([code, out]).toEqual([1, ["t:fixed                        7"]])
    expect(err.join()).toMatch(/t:nope failed after 0.3 s: no server answered/)
  })
})

describe("epics-ca put", () => {
  test("writes numbers, negative ones too, labels, arrays and text, and shows old and new", async () => {
    const { cli, number, array, label } = await setUp()
    expect(await cli("put", "-c", "t:number", "-2.5")).toEqual({
      code: 0,
      out: ["Old : t:number                       1.5", "New : t:number                       -2.5"],
      err: [],
    })
    expect(number.value).toBe(-2.5)
    expect((await cli("put", "-t", "t:label", "off")).out).toEqual(["off"])
    expect(label.value).toBe(0)
    await cli("put", "-a", "t:array", "-1e3", "inf", "7")
    expect(array.value).toEqual(Float64Array.of(-1000, Number.POSITIVE_INFINITY, 7))
    expect((await cli("put", "-S", "-t", "t:chars", "new text")).out).toEqual(["new text"])
  })

  test("says why it can not", async () => {
    const { cli, number } = await setUp()
    expect(await cli("put", "t:fixed", "1")).toMatchObject({
      code: 1,
      err: [expect.stringContaining("no write access")],
    })
    expect(await cli("put", "t:number", "abc")).toMatchObject({ code: 1 })
    expect(await cli("put", "t:number")).toMatchObject({ code: 2 })
    expect(await cli("put", "t:number", "1", "2")).toMatchObject({
      code: 2,
      err: [expect.stringContaining("-a")],
    })
    expect(number.value).toBe(1.5)
  })
})

describe("epics-ca monitor", () => {
  test("shows each update until so many, or until it is stopped", async () => {
    const { cli, label, out, stop } = await setUp()
    const counted = cli("monitor", "-N", "3", "-t", "t:label")
    await expect.poll(() => out).toEqual(["on"])
    label.post(0)
    label.post("on")
    expect(await counted).toEqual({ code: 0, out: ["on", "off", "on"], err: [] })
    const endless = cli("monitor", "t:number")
    await expect.poll(() => out).toHaveLength(1)
    expect(out[0]).toMatch(/^t:number {23}\S+ \S+\.520842 1.5 HIGH MINOR$/)
    stop.abort()
    expect(await endless).toMatchObject({ code: 0, err: [] })
  })

  test("reports a name that is not there, and goes on when it appears", async () => {
    const { cli, err, out, server } = await setUp()
    const watching = cli("monitor", "-w", "0.1", "-N", "1", "-t", "t:late")
    await expect.poll(() => err.join()).toContain("t:late")
    server.add(new ServerPv("t:late", { type: "long", value: 3 }))
    expect(await watching).toMatchObject({ code: 1, out: ["3"] })
    expect(out).toEqual(["3"])
  })
})

describe("epics-ca info, search, doctor, help", () => {
  test("tell where and what a PV is", async () => {
    const { cli, server } = await setUp()
    const { out } = await cli("info", "t:fixed")
    expect(out[0]?.split("\n")).toEqual([
      "t:fixed",
      "    State:            connected",
      `    Host:             ${server.address}`,
      "    Access:           read, no write",
      "    Native data type: DBF_LONG",
      "    Element count:    1",
    ])
    expect((await cli("search", "t:array")).out[0]).toContain(
      `t:array                        ${server.address} (`,
    )
    expect(JSON.parse((await cli("info", "--json", "t:array")).out[0]!)).toMatchObject({
      type: "double",
      count: 5,
    })
    expect((await cli("info", "-w", "0.2", "t:nope")).code).toBe(1)
  })

  test("explain step by step how far a name gets", async () => {
    const { cli, server } = await setUp()
    const good = await cli("doctor", "t:number")
    expect(good.code).toBe(0)
    expect(good.out.join("\n")).toMatch(
      /ask by TCP +127[\s\S]*circuit to[\s\S]*channel: connected[\s\S]*Value: 1.5/,
    )
    const bad = await cli("doctor", "-w", "0.2", "t:nope")
    expect(bad.code).toBe(1)
    expect(bad.out.join("\n")).toMatch(
      new RegExp(`searched[\\s\\S]*no server answered[\\s\\S]*${server.port}[\\s\\S]*spelled`),
    )
  })

  test("help is help, and a wrong command line is exit code 2", async () => {
    const { cli } = await setUp()
    expect((await cli("help")).out.join()).toContain("epics-ca doctor")
    expect((await cli("get", "--help")).out.join()).toContain("epics-ca get")
    for (const args of [
      ["frob"],
      ["get"],
      ["get", "--frob", "x"],
      ["get", "-w", "soon", "x"],
      ["get", "-w", "", "x"],
      ["get", "-#", "-1", "x"],
      ["get", "-g", "500", "x"],
      ["monitor", "-m", "q", "x"],
      ["monitor", "-m", "", "x"],
      ["monitor", "-N", "0", "x"],
    ]) {
      expect((await cli(...args)).code).toBe(2)
    }
  })
})

test.runIf(existsSync("/dev/full"))("what could not be written is a failure that is told", async () => {
  const { server } = await setUp()
  const full = openSync("/dev/full", "w")
  onTestFinished(() => closeSync(full))
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@ophyd-ts/source", program, "get", "t:number"],
    {
      stdio: ["ignore", full, "pipe"],
      env: { ...process.env, EPICS_CA_NAME_SERVERS: server.address, EPICS_CA_AUTO_ADDR_LIST: "NO" },
    },
  )
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, "exit")])
  expect(said).toMatch(/^the output could not be written: ENOSPC/)
  expect(code).toBe(1)
})

test("numbers look as C's %g prints them", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [1.5, "1.5"],
    [100000, "100000"],
    [1e6, "1e+06"],
    [123456.789, "123457"],
    [1234567, "1.23457e+06"],
    [0.0001, "0.0001"],
    [0.00001234567, "1.23457e-05"],
    [999999.5, "1e+06"],
    [-2.5e-300, "-2.5e-300"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"],
  ]
  expect(cases.map(([value]) => general(value))).toEqual(cases.map(([, text]) => text))
  expect(general(Math.PI, 12)).toBe("3.14159265359")
})
