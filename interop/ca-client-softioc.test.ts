import { inspect } from "node:util"
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { CaClient, type CaPutValue, type CaReading } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { peers } from "./peers.ts"

const array = (name: string, type: string, size = 10) =>
  `record(waveform, "$(P)${name}") { field(FTVL, "${type}") field(NELM, "${size}") }\n`

const text = `
record(ai, "$(P)ai") { field(VAL, "1.5") field(EGU, "mm") field(PREC, "3") field(HOPR, "10") field(LOPR, "-10")
  field(HIHI, "9") field(HIGH, "8") field(HHSV, "MAJOR") field(HSV, "MINOR") field(PINI, "YES") field(DESC, "${"d".repeat(40)}") }
record(ao, "$(P)double") { field(VAL, "0") field(PREC, "2") field(DRVH, "100") field(DRVL, "-100") field(PINI, "YES") }
record(longout, "$(P)long") { field(VAL, "0") field(PINI, "YES") }
record(stringout, "$(P)string") { field(VAL, "hello") field(PINI, "YES") }
record(mbbo, "$(P)enum") { field(ZRST, "zero") field(ONST, "one") field(TWST, "two") field(VAL, "1") field(PINI, "YES") }
record(bo, "$(P)bo") { field(ZNAM, "Close") field(ONAM, "Open") field(PINI, "YES") }
${array("doubles", "DOUBLE", 200_000)}${array("floats", "FLOAT")}${array("shorts", "SHORT")}${array("longs", "LONG")}
${array("chars", "CHAR", 100)}${array("strings", "STRING")}${array("enums", "ENUM")}
record(lso, "$(P)lso") { field(SIZV, "200") }
record(calcout, "$(P)slow") { field(CALC, "A") field(ODLY, "0.4") field(OUT, "$(P)slowOut PP") }
record(ao, "$(P)slowOut") {}
record(calc, "$(P)count") { field(CALC, "VAL+1") field(SCAN, ".1 second") }
record(ao, "$(P)dead") { field(MDEL, "1") field(ADEL, "5") }
record(subArray, "$(P)sub") { field(INP, "$(P)longs") field(FTVL, "LONG") field(MALM, "10") field(NELM, "3") field(INDX, "0") }
`

describe.skipIf(!peers().softIoc)("our client against a genuine softIoc", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`
  let ioc: SoftIoc
  let client: CaClient

  beforeAll(async () => {
    ioc = await startSoftIoc({ text, macros: { P } })
    client = new CaClient({ ...ioc.clientConfig().ca, timeout: 20 })
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.[Symbol.asyncDispose]()
  })
  const get = async (name: string) => (await client.get(P + name)).value

  const roundTrips: [string, CaPutValue, unknown?][] = [
    ["double", -0.125],
    ["long", -2147483648],
    ["string", "naïve µ", "naïve µ"],
    ["enum", 2],
    ["doubles", Float64Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY)],
    ["floats", Float32Array.of(1.5, -2)],
    ["shorts", Int16Array.of(-32768, 32767)],
    ["longs", Int32Array.of(-2147483648, 5, 7, 2147483647)],
    ["chars", Uint8Array.of(1, 128, 255)],
    ["enums", Uint16Array.of(1, 65535)],
    ["strings", ["a", "", "x".repeat(39)]],
    ["floats", [3, 4.5], Float32Array.of(3, 4.5)],
    ["doubles", []],
    ["shorts", [1], Int16Array.of(1)],
    ["double", true, 1],
    ["string", 3.25, "3.25"],
    ["double", "4.5", 4.5],
    ["enum", "zero", 0],
    ["long", 7n, 7],
  ]
  for (const [name, value, back = value] of roundTrips) {
    it(`${name}: ${inspect(value, { compact: true })} is written, with and without completion, and read back`, async () => {
      for (const completion of [true, false]) {
        await client.put(P + name, value, { completion })
        const found = await get(name)
        if (Array.isArray(back)) expect([...(found as Iterable<unknown>)]).toEqual(back)
        else expect(found).toEqual(back)
      }
    })
  }

  it("a value comes with alarm, time stamp and, when asked, metadata", async () => {
    const before = Date.now() / 1000
    await client.put(`${P}ai`, 8.5)
    const reading = await client.get(`${P}ai`, { metadata: true })
    expect(reading).toMatchObject({ value: 8.5, severityText: "MINOR", statusText: "HIGH" })
    expect(Math.abs(reading.timestamp - before)).toBeLessThan(30)
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
    expect((await client.get(`${P}enum`, { metadata: true })).metadata).toEqual({
      enumStrings: ["zero", "one", "two"],
    })
  })

  it("the server converts: an enum as text, a double as text and as integer", async () => {
    await client.put(`${P}enum`, 2)
    await client.put(`${P}double`, 2.75)
    expect((await client.get(`${P}enum`, { type: "string" })).value).toBe("two")
    expect((await client.get(`${P}double`, { type: "string" })).value).toBe("2.75")
    expect((await client.get(`${P}double`, { type: "long" })).value).toBe(2)
    expect((await client.get(`${P}longs`, { count: 1, type: "double" })).value).toBeInstanceOf(Float64Array)
  })

  it("many names in one go, failures as values on request, else one error that lists them all", async () => {
    const names = [`${P}double`, `${P}nope1`, `${P}string`, `${P}nope2`]
    const results = await client.get(names, { settle: true, timeout: 1 })
    expect(results.map(r => (r instanceof Error ? r.code : typeof (r as CaReading).value))).toEqual([
      "number",
      "NOT_FOUND",
      "string",
      "NOT_FOUND",
    ])
    await expect(client.get(names, { timeout: 0.5 })).rejects.toMatchObject({
      code: "AGGREGATE",
      message: expect.stringMatching(/2 of 4.*\n.*nope1[\s\S]*nope2/),
    })
  })

  it("a name that nobody has gives one error with what was tried", async () => {
    const error = await client.get(`${P}nope`, { timeout: 0.7 }).catch(e => e)
    expect(error).toMatchObject({ code: "NOT_FOUND", channel: `${P}nope`, state: "searching" })
    expect(error.message).toMatch(/no server answered for this name; searched \d times by TCP 127.0.0.1:\d+/)
    expect(error.message).toContain("after 0.7 s")
  })

  it("completion waits for all that the write started; a second one is refused or queued, never sent", async () => {
    const started = performance.now()
    const first = client.put(`${P}slow.A`, 1, { completion: true })
    await expect(client.put(`${P}slow.A`, 2, { completion: true })).rejects.toMatchObject({
      code: "PUT_PENDING",
    })
    const queued = client.put(`${P}slow.A`, 3, { completion: true, whenBusy: "queue" })
    await first
    expect(performance.now() - started).toBeGreaterThan(390)
    expect(await get("slowOut")).toBe(1)
    await queued
    expect(performance.now() - started).toBeGreaterThan(780)
    expect(await get("slowOut")).toBe(3)
  })

  it("what the server refuses is an error with its status, and the circuit lives on", async () => {
    for (const completion of [false, true]) {
      await expect(client.put(`${P}ai`, "no number", { completion })).rejects.toMatchObject({
        code: "REMOTE",
        status: 160,
        message: expect.stringContaining("ECA_PUTFAIL"),
      })
    }
    await expect(client.put(`${P}ai.NAME`, "x")).rejects.toMatchObject({ code: "NO_ACCESS" })
    expect(await get("string")).toBeTypeOf("string")
  })

  it("long strings: fields with $ are text, in both directions", async () => {
    expect((await client.get(`${P}ai.DESC$`)).value).toBe("d".repeat(40))
    const long = `${"long ".repeat(30)}µ`
    await client.put(`${P}lso.VAL$`, long)
    expect((await client.get(`${P}lso.VAL$`)).value).toBe(long)
    await client.put(`${P}chars`, "text in a waveform")
    expect((await client.get(`${P}chars`, { text: true })).value).toBe("text in a waveform")
    await client.put(`${P}chars`, "")
    expect((await client.get(`${P}chars`, { text: true })).value).toBe("")
  })

  it("large arrays arrive whole, also as updates that follow the length", async () => {
    const large = Float64Array.from({ length: 200_000 }, (_, i) => i / 7)
    const monitor = client.monitor(`${P}doubles`, { all: true })
    await client.put(`${P}doubles`, large, { completion: true })
    await client.put(`${P}doubles`, [1, 2, 3], { completion: true })
    const lengths: number[] = []
    for await (const { value } of monitor) {
      lengths.push((value as Float64Array).length)
      // Not toEqual, which takes long for so many elements.
      if (lengths.at(-1) === 200_000)
        expect((value as Float64Array).every((x, i) => x === large[i])).toBe(true)
      if (lengths.at(-1) === 3) break
    }
    expect(lengths).toContain(200_000)
    expect(monitor.closed).toBe(true)
  })

  it("a monitor gives the present value first, then changes, in order and stamped", async () => {
    const seen: CaReading[] = []
    for await (const reading of client.monitor(`${P}count`, { all: true })) {
      seen.push(reading)
      if (seen.length === 5) break
    }
    const first = seen[0]!.value as number
    expect(seen.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4].map(i => first + i))
    const gaps = seen.slice(1).map(({ timestamp }, i) => timestamp - seen[i]!.timestamp)
    for (const gap of gaps) expect(gap).toBeGreaterThan(0.05)
  })

  it("masks: value events pass MDEL, log events ADEL, property events come with new metadata", async () => {
    const name = `${P}dead`
    await client.put(name, 0)
    const seen = { value: [] as unknown[], log: [] as unknown[], property: [] as unknown[] }
    const monitors = [
      client.monitor(name, { events: ["value"], onUpdate: r => void seen.value.push(r.value) }),
      client.monitor(name, { events: ["log"], onUpdate: r => void seen.log.push(r.value) }),
      client.monitor(name, {
        events: ["property"],
        metadata: true,
        onUpdate: r => void seen.property.push(r.metadata?.units),
      }),
    ]
    onTestFinished(() => monitors.forEach(monitor => void monitor.close()))
    await expect.poll(() => Object.values(seen).map(list => list.length)).toEqual([1, 1, 1])
    for (const value of [0.5, 2, 3.5, 5.5]) await client.put(name, value, { completion: true })
    await client.put(`${name}.EGU`, "mm", { completion: true })
    await expect.poll(() => seen.property).toEqual(["", "mm"])
    expect(seen.value).toEqual([0, 2, 3.5, 5.5])
    expect(seen.log).toEqual([0, 5.5])
  })

  it("server-side filters pass through: dead band, array range, time stamp", async () => {
    await client.put(`${P}longs`, [10, 11, 12, 13], { completion: true })
    expect((await client.get(`${P}longs.VAL[1:2]`)).value).toEqual(Int32Array.of(11, 12))
    expect((await client.get(`${P}longs.VAL{"arr":{"s":1,"i":2}}`)).value).toEqual(Int32Array.of(11, 13))
    expect((await client.get(`${P}dead.VAL{"ts":{}}`)).timestamp).toBeGreaterThan(1.7e9)
    await client.put(`${P}double`, 0, { completion: true })
    const seen: unknown[] = []
    const monitor = client.monitor(`${P}double.VAL{"dbnd":{"d":1.5}}`, {
      onUpdate: r => void seen.push(r.value),
    })
    onTestFinished(() => monitor.close())
    await expect.poll(() => seen).toEqual([0])
    for (const value of [1, 2, 3]) await client.put(`${P}double`, value, { completion: true })
    await expect.poll(() => seen).toEqual([0, 2])
  })

  it("a sub-array of no and of one element", async () => {
    await client.put(`${P}longs`, [10, 11, 12], { completion: true })
    await client.put(`${P}sub.INDX`, 5)
    await client.put(`${P}sub.PROC`, 1, { completion: true })
    expect((await client.get(`${P}sub`)).value).toHaveLength(0)
    await client.put(`${P}sub.INDX`, 2)
    await client.put(`${P}sub.PROC`, 1, { completion: true })
    expect((await client.get(`${P}sub`)).value).toEqual(Int32Array.of(12))
  })

  it("ten thousand reads, writes and completion writes in flight keep order and count", async () => {
    const reads = Array.from({ length: 10_000 }, () => client.get(`${P}string`))
    expect((await Promise.all(reads)).every(({ value }) => typeof value === "string")).toBe(true)
    const writes = Array.from({ length: 10_000 }, (_, i) => client.put(`${P}long`, i))
    const last = client.get(`${P}long`)
    await Promise.all(writes)
    expect((await last).value).toBe(9999)
    const completions = Array.from({ length: 10_000 }, (_, i) =>
      client.put(`${P}long`, i, { completion: true, whenBusy: "queue", timeout: 50 }),
    )
    await Promise.all(completions)
    expect(await get("long")).toBe(9999)
  })

  it("finds channels by UDP as well", async () => {
    const udp = new CaClient({
      addressList: [`127.0.0.1:${ioc.ports.ca}`],
      nameServers: [],
      autoAddressList: false,
    })
    onTestFinished(() => udp.close())
    expect((await udp.get(`${P}string`, { timeout: 20 })).type).toBe(14)
  })
})

describe.skipIf(!peers().softIoc)("our client and a softIoc that is killed", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`

  it("fails what was in flight once, truthfully, and restores channels and subscriptions on the same port and on another", async () => {
    await using ioc = await startSoftIoc({ text, macros: { P } })
    const ports = [ioc.ports.ca]
    await using client = new CaClient({ ...ioc.clientConfig().ca, timeout: 30 })
    const channel = client.channel(`${P}count`)
    const events: string[] = []
    channel.events.on("connected", () => void events.push("connected"))
    channel.events.on("disconnected", () => void events.push("disconnected"))
    let updates = 0
    const monitor = client.monitor(`${P}count`, { onUpdate: () => void updates++ })
    await channel.connect()
    await expect.poll(() => updates, { timeout: 20_000 }).toBeGreaterThan(2)

    // It would be done long after the end of this test.
    await client.put(`${P}slow.ODLY`, 600, { completion: true })
    const outcome = client.put(`${P}slow.A`, 1, { completion: true }).catch(error => error)
    await client.get(`${P}slow.A`)
    await ioc.kill("SIGKILL")
    expect(await outcome).toMatchObject({ code: "OUTCOME_UNKNOWN", channel: `${P}slow.A` })
    await expect.poll(() => events).toEqual(["connected", "disconnected"])
    await expect(client.get(`${P}count`, { timeout: 0.3 })).rejects.toMatchObject({ code: "NOT_FOUND" })

    await ioc.restart()
    expect(ioc.ports.ca).toBe(ports[0])
    await channel.connect()
    expect(events).toEqual(["connected", "disconnected", "connected"])
    updates = 0
    await expect.poll(() => updates, { timeout: 20_000 }).toBeGreaterThan(2)
    // It was not repeated: the record never got the value.
    expect((await client.get(`${P}slow.A`)).value).toBe(0)
    monitor.close()
  })

  it("finds it again on another port", async () => {
    await using first = await startSoftIoc({ text, macros: { P } })
    await using spare = await startSoftIoc({ text: `record(ao, "$(P)spare") {}`, macros: { P } })
    const other = spare.ports
    await spare.kill()
    const nameServers = [`127.0.0.1:${first.ports.ca}`, `127.0.0.1:${other.ca}`]
    await using client = new CaClient({ nameServers, addressList: [], autoAddressList: false, timeout: 30 })
    let updates = 0
    client.monitor(`${P}count`, { onUpdate: () => void updates++ })
    await expect.poll(() => updates, { timeout: 20_000 }).toBeGreaterThan(0)
    await first.kill("SIGKILL")
    await using moved = await startSoftIoc({ text, macros: { P }, ports: { ca: other.ca } })
    const channel = client.channel(`${P}count`)
    await expect.poll(() => channel.server, { timeout: 30_000 }).toBe(`127.0.0.1:${moved.ports.ca}`)
    updates = 0
    await expect.poll(() => updates, { timeout: 20_000 }).toBeGreaterThan(1)
  })

  it("a server that is silent is noticed, kept, and refreshed when it speaks again", async () => {
    await using ioc = await startSoftIoc({ text, macros: { P } })
    await using client = new CaClient({
      ...ioc.clientConfig().ca,
      timeout: 20,
      connectionTimeout: 1,
      echoTimeout: 0.5,
      unresponsiveTimeout: 60,
    })
    const channel = client.channel(`${P}count`)
    let updates = 0
    client.monitor(`${P}count`, { onUpdate: () => void updates++ })
    await channel.connect()
    ioc.freeze()
    await expect.poll(() => channel.state, { timeout: 20_000 }).toBe("unresponsive")
    await expect(channel.get({ timeout: 0.2 })).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("has fallen silent"),
    })
    ioc.thaw()
    await expect.poll(() => channel.state, { timeout: 20_000 }).toBe("connected")
    updates = 0
    await expect.poll(() => updates, { timeout: 20_000 }).toBeGreaterThan(1)
  })
})
