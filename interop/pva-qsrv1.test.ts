/** The older library, pvAccessCPP, both ways: its record server QSRV1, and the client behind its `pva` links. */
import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import {
  findServers,
  ntScalar,
  ntScalarArray,
  ntUri,
  PvaClient,
  PvaServer,
  plain,
  readAlarm,
  readDisplay,
  readTable,
  SharedPv,
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

const wait = 20_000
const double = ntScalar("double")
const prefix = (): string => `t${Math.random().toString(36).slice(2, 8)}:`

const records = `${qsrvRecords}
record(ao, "$(P)ao") { field(VAL, "1.5") field(EGU, "mm") field(PREC, "3") field(HOPR, "10") field(LOPR, "-10") field(HIHI, "9")
  field(HHSV, "MAJOR") field(PINI, "YES") field(DESC, "an output") }
record(longout, "$(P)long") { field(VAL, "7") field(PINI, "YES") }
record(int64out, "$(P)int64") { field(VAL, "9007199254740993") field(PINI, "YES") }
record(mbbo, "$(P)mbbo") { field(ZRST, "zero") field(ONST, "one") field(TWST, "two") field(PINI, "YES") }
record(stringout, "$(P)string") { field(VAL, "hello") field(PINI, "YES") }
record(waveform, "$(P)doubles") { field(FTVL, "DOUBLE") field(NELM, "1000000") }
record(waveform, "$(P)shorts") { field(FTVL, "SHORT") field(NELM, "10") }
record(waveform, "$(P)strings") { field(FTVL, "STRING") field(NELM, "10") }
record(waveform, "$(P)chars") { field(FTVL, "CHAR") field(NELM, "100") }
record(ao, "$(P)locked") { field(DISP, "1") }
record(waveform, "$(P)tx") { field(FTVL, "DOUBLE") field(NELM, "5") info(Q:group, {"$(P)table": {
  "+id": "epics:nt/NTTable:1.0", "value.x": {"+type": "plain", "+channel": "VAL", "+putorder": 0, "+trigger": "*"}}}) }
record(waveform, "$(P)ty") { field(FTVL, "LONG") field(NELM, "5") info(Q:group, {"$(P)table": {
  "value.y": {"+type": "plain", "+channel": "VAL", "+putorder": 1}}}) }
record(ai, "$(P)gx") { field(VAL, "1") field(PINI, "YES") info(Q:group, {"$(P)group": {"+id": "demo:group/1.0", "x": {"+channel": "VAL", "+putorder": 0, "+trigger": "*"}}}) }
record(stringin, "$(P)gs") { field(VAL, "text") info(Q:group, {"$(P)group": {"s": {"+channel": "VAL", "+putorder": 1}}}) }
`

describe.skipIf(!peers().softIoc)("our pvAccess client against QSRV1 (pvAccessCPP) in a genuine IOC", () => {
  const P = prefix()
  let ioc: SoftIoc
  let client: PvaClient

  beforeAll(async () => {
    ioc = await startSoftIoc({ text: records, macros: { P }, pva: "qsrv1" })
    client = new PvaClient({ ...ioc.clientConfig().pva, env: {}, timeout: 20 })
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.[Symbol.asyncDispose]()
  })
  const value = async (name: string): Promise<unknown> => plain((await client.get(P + name))["value"])

  it("finds its records by UDP, answered from another port than the one that was asked", async () => {
    expect(await Promise.all(["ao", "long", "string", "ao.EGU"].map(value))).toEqual([1.5, 7, "hello", "mm"])
    await expect(client.get(`${P}nobody`, { timeout: 0.3 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
  })

  it("lists its names through its info channel, and is there when asked who is", async () => {
    const [found] = await findServers({ ...ioc.clientConfig().pva, env: {} }, 0.5)
    expect(found?.endpoint).toBe(`127.0.0.1:${ioc.ports.pva}`)
    const options = { server: found?.endpoint ?? "" }
    const names = await client.rpc("server", ntUri("server", { op: "channels" }), options)
    expect(names?.["value"]).toContain(`${P}ao`)
  })

  it("reads scalars with alarm, time, units and limits, from types sent by id", async () => {
    const ao = await client.get(`${P}ao`, { type: double })
    expect(ao.value).toBe(1.5)
    expect(readAlarm(ao)).toMatchObject({ severity: 0 })
    expect(readDisplay(ao)).toMatchObject({
      units: "mm",
      precision: 3,
      limitLow: -10,
      limitHigh: 10,
    })
    expect(await value("int64")).toBe(9007199254740993n)
    expect(await client.info(`${P}mbbo`)).toMatchObject({ kind: "structure", id: "epics:nt/NTEnum:1.0" })
  })

  it("takes the whole value where the server ignores which fields were asked for", async () => {
    const some = await client.get(`${P}ao`, { request: "field(alarm.severity)" })
    expect(plain(some)).toMatchObject({ value: 1.5, alarm: { severity: 0 } })
    expect((await client.get(`${P}ao`, { request: "field(nothing)" }))["value"]).toBe(1.5)
  })

  it("writes every kind of record and reads it back", async () => {
    for (const [name, put, expected] of [
      ["long", -5, -5],
      ["int64", 2n ** 62n, 2n ** 62n],
      ["string", "µ-gap", "µ-gap"],
      ["shorts", [1, -2, 3], Int16Array.of(1, -2, 3)],
      ["strings", ["a", "b"], ["a", "b"]],
      ["ao.DESC", "another output", "another output"],
      ["chars", Buffer.from("text"), Int8Array.from(Buffer.from("text"))],
      ["mbbo", "two", { index: 2, choices: ["zero", "one", "two"] }],
      ["mbbo", 1, { index: 1, choices: ["zero", "one", "two"] }],
    ] as const) {
      await client.put(P + name, put)
      expect(await value(name), name).toEqual(expected)
    }
    await expect(client.put(`${P}mbbo`, "three")).rejects.toThrow(/"three" is none of its choices/)
  })

  it("waits for the end of processing when asked, and only then", () =>
    waitsForProcessingWhenAsked(client, P))

  it("gets the server's words when it refuses, in INIT or in EXEC", async () => {
    await expect(client.put(`${P}locked`, 1)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    await expect(client.rpc(`${P}ao`, null)).rejects.toThrow(/call of .*ao: FATAL "Not Implemented"/)
    expect(await value("long")).toBe(-5)
  })

  it("puts eight megabytes together from segments, and sends as many in one piece", async () => {
    await using proxy = await TcpProxy.start({ port: ioc.ports.pva })
    // Headers of the server's messages: little-endian, of a GET, by the place of the piece in the whole.
    const pieces = { first: 0, middle: 0, last: 0, whole: 0 }
    const kinds = [
      ["first", 0x50],
      ["middle", 0x70],
      ["last", 0x60],
    ] as const
    proxy.toClient.change = chunk => {
      for (const [kind, flags] of kinds) {
        const header = Buffer.from([0xca, 2, flags, 10])
        for (let at = chunk.indexOf(header); at >= 0; at = chunk.indexOf(header, at + 1)) pieces[kind]++
      }
      return chunk
    }
    const channel = client.channel(`${P}doubles`, { server: `127.0.0.1:${proxy.port}` })
    const big = Float64Array.from({ length: 1_000_000 }, (_, i) => i / 7)
    await channel.put(big, { timeout: 60 })
    const back = await channel.get({ type: ntScalarArray("double"), timeout: 60 })
    expect(Buffer.compare(Buffer.from(back.value.buffer), Buffer.from(big.buffer))).toBe(0)
    expect(pieces.first).toBeGreaterThanOrEqual(1)
    expect(pieces.middle + pieces.last).toBeGreaterThanOrEqual(1)
    await using monitor = channel.monitor({ type: ntScalarArray("double"), pipeline: true, queueSize: 2 })
    const updates = monitor[Symbol.asyncIterator]()
    expect((await updates.next()).value?.value.value[999_999]).toBe(big[999_999])
    await channel.put(big.fill(4), { timeout: 60 })
    expect((await updates.next()).value?.value.value[0]).toBe(4)
    channel.close()
  })

  it("monitors: everything first, then what changed, whatever redundant bits are set", async () => {
    await using monitor = client.monitor(`${P}count`, { type: double, deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    const first = (await updates.next()).value!
    expect(first.initial).toBe(true)
    expect(first.changed.has("display.units")).toBe(true)
    let last = first.value.value
    for (let i = 0; i < 5; i++) {
      const { value: update } = await updates.next()
      expect(update?.value.value).toBe(++last)
      expect(update?.changed.has("timeStamp")).toBe(true)
      expect(update?.changed.has("display")).toBe(false)
    }
  })

  it.concurrent.each([2, 4, 16])("monitors with a pipeline of %i", queueSize =>
    monitorsWithPipeline(client, P, queueSize),
  )

  it("pauses a monitor and goes on", async () => {
    await using paused = client.monitor(`${P}count`, { type: double })
    const updates = paused[Symbol.asyncIterator]()
    await updates.next()
    paused.pause()
    paused.resume()
    await updates.next()
  })

  it("reads, writes and monitors groups: a structure of records, and a table", async () => {
    expect(plain(await client.get(`${P}group`))).toMatchObject({ x: { value: 1 }, s: { value: "text" } })
    await client.put(`${P}tx`, [1, 2])
    await client.put(`${P}ty`, [3, 4])
    const table = readTable(await client.get(`${P}table`))!
    expect(table.columns).toEqual({ x: Float64Array.of(1, 2), y: Int32Array.of(3, 4) })
    await using monitor = client.monitor(`${P}group`)
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await client.put(`${P}gx`, 9)
    await vi.waitFor(() => expect(plain(monitor.latest)).toMatchObject({ x: { value: 9 } }), wait)
    await client.put(`${P}group`, { x: { value: 3 }, s: { value: "both" } })
    expect([await value("gx"), await value("gs")]).toEqual([3, "both"])
  })

  it("opens many fields over one connection", async () => {
    const values = await Promise.all(fieldsOf("ao", "locked", "slowOut").map(name => client.get(P + name)))
    expect(values[0]?.["value"]).toBe(`${P}ao`)
  })

  it("lives through a restart of the IOC: subscriptions come back, a put in flight is unknown", () =>
    livesThroughRestart(client, P, ioc))
})

const links = `
record(ai, "$(P)plain") { field(INP, {pva: {pv: "$(P)source", proc: "CPP"}}) }
record(ai, "$(P)piped") { field(INP, {pva: {pv: "$(P)source", proc: "CPP", pipeline: true, Q: 4}}) }
record(waveform, "$(P)array") { field(FTVL, "LONG") field(NELM, "300000") field(INP, {pva: {pv: "$(P)long", proc: "CPP"}}) }
record(stringin, "$(P)part") { field(INP, {pva: {pv: "$(P)source", field: "alarm", proc: "CPP"}}) }
record(ao, "$(P)out") { field(OUT, {pva: {pv: "$(P)target", proc: true}}) }
`

describe.skipIf(!peers().softIoc).each(["little", "big"] as const)(
  "the links of a genuine IOC (the client of pvAccessCPP) on our server, %s-endian",
  byteOrder => {
    const P = prefix()
    let ioc: SoftIoc
    let server: PvaServer
    let client: PvaClient
    const source = new SharedPv(double, { value: { value: 7 } })
    const long = new SharedPv(ntScalarArray("int"), {
      value: { value: Int32Array.from({ length: 300_000 }, (_, i) => i) },
    })
    const put = vi.fn()
    const target = new SharedPv(double, {
      onPut: request => {
        put(request.value.value, request.changed.paths, request.options["process"])
        request.apply()
      },
    })
    const open = async (): Promise<void> => {
      // On the port where the IOC listens too: a search that either gets reaches the other through it.
      server = await PvaServer.open({
        interfaces: ["127.0.0.1"],
        port: 0,
        broadcastPort: ioc.ports.pvaSearch,
        autoBeaconAddressList: false,
        byteOrder,
        env: {},
      })
      server.add(`${P}source`, source)
      server.add(`${P}long`, long)
      server.add(`${P}target`, target)
    }

    beforeAll(async () => {
      ioc = await startSoftIoc({ text: links, macros: { P }, pva: "qsrv1" })
      await open()
      client = new PvaClient({ ...ioc.clientConfig().pva, env: {}, timeout: 20 })
    })
    afterAll(async () => {
      await client?.close()
      await server?.close()
      await ioc?.[Symbol.asyncDispose]()
    })
    const reads = (name: string, expected: unknown): Promise<void> =>
      vi.waitFor(async () => expect((await client.get(P + name))["value"]).toEqual(expected), wait)

    it("find it and follow its values, with a pipeline and without", async () => {
      await reads("plain", 7)
      await reads("piped", 7)
      for (let n = 0; n <= 100; n++) {
        source.post({ value: n })
        if (n % 10 === 0) await new Promise(resolve => setImmediate(resolve))
      }
      await reads("plain", 100)
      await reads("piped", 100)
    })

    it("take an array of a megabyte", async () => {
      await vi.waitFor(async () => {
        const array = (await client.get(`${P}array`))["value"] as Int32Array
        expect([array.length, array[299_999]]).toEqual([300_000, 299_999])
      }, wait)
    })

    it("write to it", async () => {
      await client.put(`${P}out`, 42)
      await vi.waitFor(() => expect(put).toHaveBeenCalledWith(42, ["value"], "true"), wait)
      expect(target.value.value).toBe(42)
    })

    it("notice that it goes, and come back when it does", async () => {
      await server.close()
      await vi.waitFor(async () => {
        expect(readAlarm(await client.get(`${P}plain`))?.severity).toBe(3)
      }, wait)
      await open()
      source.post({ value: 5 })
      await reads("plain", 5)
    })
  },
)
