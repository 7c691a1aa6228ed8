import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import {
  hasField,
  ntScalar,
  ntScalarArray,
  PvaClient,
  type PvaClientConfig,
  plain,
  readAlarm,
  readDisplay,
  readNdArray,
  readTable,
  readTimeStamp,
  seconds,
} from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { peers } from "./peers.ts"
import {
  fieldsOf,
  livesThroughRestart,
  monitorsWithPipeline,
  qsrvRecords,
  waitsForProcessingWhenAsked,
} from "./qsrv.ts"

const text = `${qsrvRecords}
record(ao, "$(P)ao") { field(VAL, "1.5") field(EGU, "mm") field(PREC, "3") field(HOPR, "10") field(LOPR, "-10") field(HIHI, "9")
  field(HHSV, "MAJOR") field(HIGH, "8") field(HSV, "MINOR") field(PINI, "YES") field(DESC, "an output") }
record(longout, "$(P)long") { field(VAL, "7") field(PINI, "YES") }
record(int64out, "$(P)int64") { field(VAL, "9007199254740993") field(PINI, "YES") }
record(bo, "$(P)bo") { field(ZNAM, "Close") field(ONAM, "Open") field(PINI, "YES") }
record(mbbo, "$(P)mbbo") { field(ZRST, "zero") field(ONST, "one") field(TWST, "two") field(PINI, "YES") }
record(stringout, "$(P)string") { field(VAL, "hello") field(PINI, "YES") }
record(lso, "$(P)lso") { field(SIZV, "200") }
record(waveform, "$(P)doubles") { field(FTVL, "DOUBLE") field(NELM, "200000") }
record(waveform, "$(P)shorts") { field(FTVL, "SHORT") field(NELM, "10") }
record(waveform, "$(P)strings") { field(FTVL, "STRING") field(NELM, "10") }
record(waveform, "$(P)chars") { field(FTVL, "CHAR") field(NELM, "100") info(Q:form, "String") }
record(ao, "$(P)locked") { field(DISP, "1") }
record(ao, "$(P)dead") { field(MDEL, "1") field(ADEL, "5") }
record(waveform, "$(P)tx") { field(FTVL, "DOUBLE") field(NELM, "5") info(Q:group, {"$(P)table": {
  "+id": "epics:nt/NTTable:1.0", "value.x": {"+type": "plain", "+channel": "VAL", "+putorder": 0, "+trigger": "*"}}}) }
record(waveform, "$(P)ty") { field(FTVL, "LONG") field(NELM, "5") info(Q:group, {"$(P)table": {
  "value.y": {"+type": "plain", "+channel": "VAL", "+putorder": 1}}}) }
record(waveform, "$(P)tl") { field(FTVL, "STRING") field(NELM, "2") info(Q:group, {"$(P)table": {
  "labels": {"+type": "plain", "+channel": "VAL"}}}) }
record(waveform, "$(P)pixels") { field(FTVL, "USHORT") field(NELM, "12") info(Q:group, {"$(P)image": {
  "+id": "epics:nt/NTNDArray:1.0", "value": {"+type": "any", "+channel": "VAL", "+putorder": 2, "+trigger": "*"}, "": {"+type": "meta", "+channel": "SEVR"}}}) }
record(longout, "$(P)width") { field(VAL, "4") field(PINI, "YES") info(Q:group, {"$(P)image": {
  "dimension[0].size": {"+channel": "VAL", "+type": "plain", "+putorder": 0}}}) }
record(longout, "$(P)height") { field(VAL, "3") field(PINI, "YES") info(Q:group, {"$(P)image": {
  "dimension[1].size": {"+channel": "VAL", "+type": "plain", "+putorder": 1}}}) }
record(ai, "$(P)gx") { field(VAL, "1") field(PINI, "YES") info(Q:group, {"$(P)group": {"+id": "demo:group/1.0", "x": {"+channel": "VAL", "+trigger": "*"}}}) }
record(stringin, "$(P)gs") { field(VAL, "text") info(Q:group, {"$(P)group": {"s": {"+channel": "VAL"}}}) }
`
const wait = 20_000

describe.skipIf(!peers().softIoc)("our pvAccess client against QSRV2 in a genuine IOC", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`
  let ioc: SoftIoc
  let client: PvaClient
  let config: PvaClientConfig

  beforeAll(async () => {
    ioc = await startSoftIoc({ text, macros: { P } })
    config = { env: ioc.clientEnvironment(), timeout: 20 }
    client = new PvaClient(config)
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.[Symbol.asyncDispose]()
  })
  const value = async (name: string): Promise<unknown> => plain((await client.get(P + name))["value"])

  it("reads scalars with alarm, time, units and limits", async () => {
    const ao = await client.get(`${P}ao`, { type: ntScalar("double") })
    expect(ao.value).toBe(1.5)
    expect(readAlarm(ao)).toEqual({ severity: 0, status: 0, message: "" })
    expect(readDisplay(ao)).toMatchObject({
      units: "mm",
      precision: 3,
      limitLow: -10,
      limitHigh: 10,
      description: "an output",
    })
    expect(Math.abs(seconds(readTimeStamp(ao)!) - Date.now() / 1000)).toBeLessThan(600)
    expect(await value("long")).toBe(7)
    expect(await value("int64")).toBe(9007199254740993n)
    expect(await value("string")).toBe("hello")
  })

  it("writes every kind of record and reads it back", async () => {
    const long = "x".repeat(150)
    for (const [name, put, expected] of [
      ["long", -5, -5],
      ["int64", 2n ** 62n, 2n ** 62n],
      ["string", "µ-gap", "µ-gap"],
      ["lso", long, long],
      ["shorts", [1, -2, 3], Int16Array.of(1, -2, 3)],
      ["strings", ["a", "b"], ["a", "b"]],
      ["chars", "a text in characters", "a text in characters"],
    ] as const) {
      await client.put(P + name, put)
      expect(await value(name), name).toEqual(expected)
    }
    const big = Float64Array.from({ length: 200_000 }, (_, i) => i / 7)
    await client.put(`${P}doubles`, big)
    expect((await client.get(`${P}doubles`, { type: ntScalarArray("double") })).value).toEqual(big)
  })

  it("writes enums by label and by index, and fields of records as menus", async () => {
    await client.put(`${P}bo`, "Open")
    expect(await value("bo")).toEqual({ index: 1, choices: ["Close", "Open"] })
    await client.put(`${P}mbbo`, 2)
    expect(await value("mbbo")).toMatchObject({ index: 2, choices: ["zero", "one", "two"] })
    await client.put(`${P}ao.HHSV`, "MINOR")
    expect(await value("ao.HHSV")).toMatchObject({ index: 1 })
    await expect(client.put(`${P}bo`, "Ajar")).rejects.toThrow(
      /"Ajar" is none of its choices "Close", "Open"/,
    )
  })

  it("waits for the end of processing when asked, and only then", () =>
    waitsForProcessingWhenAsked(client, P))

  it("processes with an empty put, and not with process=false", async () => {
    await client.put(`${P}ao`, 3, { process: false })
    const before = readTimeStamp(await client.get(`${P}ao`))!
    await client.put(`${P}ao`, {}, { process: true })
    expect(seconds(readTimeStamp(await client.get(`${P}ao`))!)).toBeGreaterThan(seconds(before))
    await client.put(`${P}slow.A`, 9, { process: false })
    await client.put(`${P}slow.PROC`, 1, { completion: true })
    expect(await value("slowOut")).toBe(9)
  })

  it("gets the server's words when it refuses", async () => {
    await expect(client.put(`${P}locked`, 1)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    await expect(client.rpc(`${P}ao`, null)).rejects.toThrow(/call of .*ao: ERROR "RPC Not Implemented"/)
    await expect(client.get(`${P}ao`, { request: "field(nothing)" })).rejects.toMatchObject({
      code: "PVA_REFUSED",
    })
    expect(await value("long")).toBe(-5)
  })

  it("tells the type of a channel", async () => {
    const type = await client.info(`${P}bo`)
    expect(type).toMatchObject({ kind: "structure", id: "epics:nt/NTEnum:1.0" })
  })

  it("monitors: everything first, then what changed", async () => {
    await using monitor = client.monitor(`${P}count`, { type: ntScalar("double"), deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    const first = (await updates.next()).value!
    expect(first.initial).toBe(true)
    expect(first.changed.has("display.units")).toBe(true)
    let last = first.value.value
    for (let i = 0; i < 5; i++) {
      const { value: update } = await updates.next()
      expect(update?.value.value).toBeGreaterThanOrEqual(last)
      last = update!.value.value
      if (i > 0) expect(update?.changed.has("display")).toBe(false)
    }
  })

  it.concurrent.each([2, 4, 16])("monitors with a pipeline of %i", queueSize =>
    monitorsWithPipeline(client, P, queueSize),
  )

  it("monitors with a mask of events: values by their dead band, archive by its own", async () => {
    const values: number[] = []
    const archived: number[] = []
    await using fine = client.monitor(`${P}dead`, {
      type: ntScalar("double"),
      request: { options: { DBE: 1 } },
    })
    await using coarse = client.monitor(`${P}dead`, { type: ntScalar("double"), request: "record[DBE=2]" })
    fine.on("update", ({ value: v }) => values.push(v.value))
    coarse.on("update", ({ value: v }) => archived.push(v.value))
    await vi.waitFor(() => expect([values.length > 0, archived.length > 0]).toEqual([true, true]), wait)
    for (const v of [2, 4, 8]) {
      await client.put(`${P}dead`, v)
      await vi.waitFor(() => expect(values).toContain(v), wait)
    }
    await vi.waitFor(() => expect(archived).toContain(8), wait)
    expect(archived).not.toContain(2)
  })

  it("reads and monitors groups: a structure of records, and a table", async () => {
    const group = await client.get(`${P}group`)
    expect(plain(group)).toMatchObject({ x: { value: 1 }, s: { value: "text" } })
    await client.put(`${P}tx`, [1, 2])
    await client.put(`${P}ty`, [3, 4])
    await client.put(`${P}tl`, ["X", "Y"])
    const table = readTable(await client.get(`${P}table`))!
    expect(table.labels).toEqual(["X", "Y"])
    expect(table.columns).toEqual({ x: Float64Array.of(1, 2), y: Int32Array.of(3, 4) })
    await using monitor = client.monitor(`${P}group`)
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await client.put(`${P}gx`, 9)
    await vi.waitFor(() => expect(plain(monitor.latest)).toMatchObject({ x: { value: 9 } }), wait)
    expect(hasField(group, "record")).toBe(true)
  })

  it("reads and monitors an image that records make up", async () => {
    const pixels = Uint16Array.from({ length: 12 }, (_, i) => 1000 * i)
    await client.put(`${P}pixels`, pixels)
    const image = readNdArray(await client.get(`${P}image`))!
    expect(image).toMatchObject({ shape: [4, 3], pixelType: "ushort", codec: "", data: pixels })
    await using monitor = client.monitor(`${P}image`, { pipeline: true })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await client.put(`${P}pixels`, pixels.fill(7))
    await vi.waitFor(() => expect(readNdArray(monitor.latest)?.data[11]).toBe(7), wait)
  })

  it("finds it by UDP alone, and lists a thousand and more fields over one connection", async () => {
    const { EPICS_PVA_BROADCAST_PORT: port } = ioc.clientEnvironment()
    await using udp = new PvaClient({
      addressList: [`127.0.0.1:${port}`],
      autoAddressList: false,
      nameServers: [],
      env: {},
      timeout: 20,
    })
    const names = fieldsOf("ao", "dead", "locked", "slowOut")
    const values = await Promise.all(names.map(name => udp.get(P + name)))
    expect(values[0]?.["value"]).toBe(`${P}ao`)
    expect(values).toHaveLength(names.length)
  })

  it("lives through a restart of the IOC: subscriptions come back, a put in flight is unknown", () =>
    livesThroughRestart(client, P, ioc))
})

describe.skipIf(!peers().softIoc)("our pvAccess client, when a genuine IOC", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`
  const tick = `record(calc, "$(P)count") { field(CALC, "VAL+1") field(SCAN, ".1 second") }`

  it("hangs for a while: calls time out and say so, subscriptions go on when it does", async () => {
    await using ioc = await startSoftIoc({ text: tick, macros: { P } })
    await using client = new PvaClient({ env: ioc.clientEnvironment(), timeout: 20 })
    await using monitor = client.monitor(`${P}count`, { type: ntScalar("double"), deliver: "all" })
    const events: string[] = []
    monitor.on("disconnected", reason => events.push(reason.message))
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await ioc.freeze()
    await expect(client.get(`${P}count`, { timeout: 0.3 })).rejects.toThrow(/the channel is connected/)
    const before = monitor.latest!.value
    ioc.thaw()
    await vi.waitFor(() => expect(monitor.latest!.value).toBeGreaterThan(before), wait)
    expect(events).toEqual([])
    expect((await client.get(`${P}count`))["value"]).toBeGreaterThan(before)
  })

  it("hangs for longer than the limit: subscriptions say that they are lost, and come back", async () => {
    await using ioc = await startSoftIoc({ text: tick, macros: { P } })
    await using client = new PvaClient({ env: ioc.clientEnvironment(), timeout: 20, connectionTimeout: 2 })
    await using monitor = client.monitor(`${P}count`, { type: ntScalar("double") })
    const events: string[] = []
    monitor.on("connected", () => events.push("connected"))
    monitor.on("disconnected", reason => events.push(reason.message))
    await vi.waitFor(() => expect(monitor.latest).not.toBeNull(), wait)
    await ioc.freeze()
    await vi.waitFor(() => expect(events[1]).toMatch(/nothing heard after 2\.\d s/), wait)
    ioc.thaw()
    await vi.waitFor(() => expect(events[2]).toBe("connected"), wait)
    const before = monitor.latest!.value
    await vi.waitFor(() => expect(monitor.latest!.value).toBeGreaterThan(before), wait)
  })

  it("is killed and comes back at another port: it is searched and found there", async () => {
    await using probe = await startSoftIoc({ text: tick, macros: { P } })
    const { pvaSearch } = probe.ports
    await probe.kill()
    await using ioc = await startSoftIoc({ text: tick, macros: { P }, ports: { pvaSearch } })
    await using client = new PvaClient({
      addressList: [`127.0.0.1:${pvaSearch}`],
      autoAddressList: false,
      nameServers: [],
      env: {},
      timeout: 20,
    })
    await using channel = client.channel(`${P}count`)
    await channel.connect()
    const first = channel.endpoint
    await using monitor = channel.monitor({ type: ntScalar("double") })
    await vi.waitFor(() => expect(monitor.latest).not.toBeNull(), wait)
    await ioc.restart({ samePort: false })
    await channel.connect()
    expect(channel.endpoint).not.toBe(first)
    expect(channel.endpoint).toBe(`127.0.0.1:${ioc.ports.pva}`)
    const updates = monitor[Symbol.asyncIterator]()
    let update = (await updates.next()).value!
    while (!update.initial) update = (await updates.next()).value!
  })
})
