import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PvaClient } from "../../src/client/client.ts"
import { ntScalar, ntScalarArray } from "../../src/nt/scalar.ts"
import { ntUri } from "../../src/nt/table.ts"
import type { PvaServerConfig } from "../../src/server/config.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { structure, t, union } from "../../src/values/field-type.ts"
import { plain } from "../../src/values/plain.ts"
import { hex, toHex } from "../support/hex.ts"
import { fastClock, Pair } from "../support/pair.ts"
import { RawClient } from "../support/raw-client.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")
const login = 'ca 02 00 01 13000000 00000000 ff7f 0000 09 "anonymous" ff'
const open = 'ca 02 00 07 08000000 0100 01000000 01 "x"'

describe("a server", () => {
  let server: PvaServer
  let pv: SharedPv<typeof double>
  const start = async (config: PvaServerConfig = {}): Promise<RawClient> => {
    server = await PvaServer.open({ isolated: true, ...config })
    pv = SharedPv.mailbox(double, { value: 1.5 })
    server.add("x", pv)
    return new RawClient(server.port)
  }
  const ready = async (config: PvaServerConfig = {}): Promise<RawClient> => {
    const raw = await start(config)
    raw.say(login + open)
    await raw.hears("7 01000000")
    return raw
  }
  afterEach(() => server.close())

  it("speaks first: byte order and methods; then validates, also empty credentials", async () => {
    await using raw = await start()
    await raw.hears("1 ")
    expect(raw.received).toEqual(["control 2", "1 00000100ff7f0209616e6f6e796d6f7573026361"])
    raw.say(`ca 02 00 01 1c000000 00000000 ff7f 0000 02 "ca" 80 00 02 04 "user" 60 04 "host" 60 00 00`)
    expect(await raw.hears("9 ")).toBe("9 ff")
  })

  it("refuses a method it did not offer, and stays open", async () => {
    await using raw = await start()
    raw.say('ca 02 00 01 0e000000 00000000 ff7f 0000 04 "x509" ff')
    expect(await raw.hears("9 02")).toContain(toHex(hex('"was not offered"')))
    raw.say(open)
    await raw.hears("7 01000000")
  })

  it("creates several channels of one message, and says which it does not have", async () => {
    await using raw = await start()
    raw.say('ca 02 00 07 10000000 0200 01000000 01 "x" 02000000 03 "foo"')
    await raw.hears("7 02000000")
    expect(raw.received.filter(r => r.startsWith("7 "))).toEqual([
      "7 0100000001000000ff",
      `7 02000000ffffffff02${toHex(hex('0f "no such channel" 00'))}`.replace("020f", "020f"),
    ])
  })

  it("accepts a null pvRequest, a segmented message, bytes one by one, and both byte orders on one connection", async () => {
    await using raw = await ready()
    raw.say("ca 02 00 0a 0a000000 01000000 05000000 08 ff")
    await raw.hears("10 0500000008ff80")
    raw.say("ca 02 10 0a 08000000 01000000 06000000 | ca 02 20 0a 04000000 08 80 00 00")
    await raw.hears("10 0600000008ff80")
    raw.say("ca 02 80 0a 0000000c 00000001 00000007 08 800000")
    await raw.hears("10 0700000008ff80")
    for (const byte of hex("ca 02 00 0a 09000000 01000000 05000000 00")) raw.say(toHex(Uint8Array.of(byte)))
    await raw.hears("10 0500000000ff")
  })

  it("leaves a union without a member out of a value that is read back, as out of one that is read", async () => {
    await using raw = await start()
    server.add("u", SharedPv.mailbox(structure("", { u: union("", { a: t.int }), n: t.int }), { n: 7 }))
    raw.say(`${login} ca 02 00 07 08000000 0100 01000000 01 "u"`)
    await raw.hears("7 01000000")
    for (const command of ["0a", "0b"])
      raw.say(
        `ca 02 00 ${command} 0c000000 01000000 ${command}000000 08 800000 | ca 02 00 ${command} 09000000 01000000 ${command}000000 40`,
      )
    expect(await raw.hears("10 0a00000040")).toBe("10 0a00000040ff010407000000")
    expect(await raw.hears("11 0b00000040")).toBe("11 0b00000040ff010407000000")
  })

  it("answers in the byte order a client asks for", async () => {
    await using raw = await start()
    raw.say("ca 02 81 02 00000000 | ca 02 80 07 00000008 0001 00000001 01 78")
    expect(await raw.hears("7 ")).toBe("7 0000000100000001ff")
  })

  it("answers what it does not do with an error, once, and unknown commands with nothing", async () => {
    await using raw = await ready()
    for (const command of ["0c", "0e", "10"])
      raw.say(`ca 02 00 ${command} 0c000000 01000000 05000000 08 800000`)
    for (const unused of ["05", "06", "13"]) raw.say(`ca 02 00 ${unused} 00000000`)
    raw.say("ca 02 00 63 04000000 00000000 | ca 02 00 16 00000000")
    for (const control of ["00", "01", "03", "04", "63"]) raw.say(`ca 02 01 ${control} 00000000`)
    raw.say('ca 02 00 02 03000000 "abc"')
    await raw.hears("2 616263")
    for (const code of [12, 14, 16]) {
      expect(raw.received.filter(r => r.startsWith(`${code} 0500000008`))).toHaveLength(1)
    }
    expect(raw.closed).toBe(false)
  })

  it("tolerates late executions and destroys, dead channels, and numbers in use", async () => {
    await using raw = await ready()
    raw.say("ca 02 00 0a 09000000 01000000 63000000 00")
    raw.say("ca 02 00 0f 08000000 01000000 63000000 | ca 02 00 15 08000000 01000000 63000000")
    raw.say("ca 02 00 0a 0c000000 63000000 05000000 08 800000")
    await raw.hears("10 050000000802")
    raw.say("ca 02 00 0a 0c000000 01000000 06000000 08 800000")
    await raw.hears("10 0600000008ff")
    raw.say("ca 02 00 0a 0c000000 01000000 06000000 08 800000")
    await raw.hears("10 060000000802")
    raw.say("ca 02 00 11 09000000 63000000 09000000 00")
    await raw.hears("17 0900000002")
    raw.say("ca 02 00 08 08000000 01000000 01000000")
    await raw.hears("8 0100000001000000")
    expect(raw.closed).toBe(false)
  })

  it("ends an operation with its last execution", async () => {
    await using raw = await ready()
    raw.say("ca 02 00 0a 0c000000 01000000 05000000 08 800000 | ca 02 00 0a 09000000 01000000 05000000 10")
    await raw.hears("10 0500000010ff")
    raw.say("ca 02 00 0a 09000000 01000000 05000000 00 | ca 02 00 02 00000000")
    await raw.hears("2 ")
    expect(raw.received.filter(r => r.startsWith("10 0500000000"))).toEqual([])
  })

  it.each([
    ["bytes that are no message", "55555555 55555555"],
    ["a message over the limit", "ca 02 00 0a ffffff7f"],
    ["a type id that was never defined", "ca 02 00 0a 0c000000 01000000 05000000 08 fe 0900"],
    ["a message cut short inside", "ca 02 00 0a 04000000 01000000"],
    ["its own direction", "ca 02 40 0a 00000000"],
  ])("closes the connection, and no other, on %s", async (_, bytes) => {
    await using raw = await ready()
    await using other = new RawClient(server.port)
    other.say(login + open)
    await other.hears("7 01000000")
    raw.say(bytes)
    await until(() => expect(raw.closed).toBe(true))
    other.say("ca 02 00 02 00000000")
    await other.hears("2 ")
  })

  it("lets a client that never validates disturb nobody, and closes it when silent", async () => {
    await using raw = await start({ clock: fastClock(50) })
    await raw.hears("control 2")
    await using client = new PvaClient(server.clientConfig())
    expect((await client.get("x"))["value"]).toBe(1.5)
    await until(() => expect(raw.closed).toBe(true))
  })

  it("limits what one client may open", async () => {
    await using raw = await ready({ maxPerClient: 1 })
    raw.say('ca 02 00 07 08000000 0100 02000000 01 "x"')
    expect(await raw.hears("7 02000000")).toContain(toHex(hex('"too many channels"')))
    raw.say(
      "ca 02 00 0a 0c000000 01000000 05000000 08 800000 | ca 02 00 0a 0c000000 01000000 06000000 08 800000",
    )
    expect(await raw.hears("10 0600000008")).toContain(toHex(hex('"too many operations"')))
  })

  it("listens no longer to a client that asks and does not read, gives it all its answers when it does, and serves others", async () => {
    const raw = await ready({ sendLimit: 200_000 })
    server.add("w", new SharedPv(ntScalarArray("double"), { value: { value: new Float64Array(20_000) } }))
    raw.say('ca 02 00 07 08000000 0100 02000000 01 "w"')
    await raw.hears("7 02000000")
    raw.say("ca 02 00 0a 0c000000 02000000 05000000 08 800000")
    await raw.hears("10 0500000008ff")
    raw.pause()
    const count = 600
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < count / 100; i++) raw.say("ca 02 00 0a 09000000 02000000 05000000 00 ".repeat(100))
    await using client = new PvaClient(server.clientConfig())
    for (let i = 0; i < 20; i++) await client.get("x")
    // 600 answers are 96 MB; what waits is a few of them.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    raw.resume()
    await until(() => expect(raw.received.filter(r => r.startsWith("10 0500000000ff"))).toHaveLength(count))
    await raw[Symbol.asyncDispose]()
  })

  it("answers a client that is sent as much as it can take", async () => {
    server = await PvaServer.open({ isolated: true, sendLimit: 100_000 })
    const wave = new SharedPv(ntScalarArray("double"))
    server.add("w", wave)
    server.add("x", SharedPv.mailbox(double, { value: 1.5 }))
    await using client = new PvaClient({ ...server.clientConfig(), timeout: 20 })
    let updates = 0
    await using monitor = client.monitor("w", { onUpdate: () => void updates++ })
    await until(() => expect(monitor.latest).not.toBeNull())
    let posting = true
    const post = (): void => {
      if (!posting) return
      wave.post({ value: new Float64Array(100_000) })
      setImmediate(post)
    }
    post()
    for (let n = 0; n < 20; n++) await client.put("x", n)
    posting = false
    expect((await client.get("x"))["value"]).toBe(19)
    expect(updates).toBeGreaterThan(1)
  })

  it("closes a client that floods it with requests and never reads an answer", async () => {
    const raw = await ready({ sendLimit: 200_000, clock: fastClock(60) })
    server.add("w", new SharedPv(ntScalarArray("double"), { value: { value: new Float64Array(20_000) } }))
    raw.say('ca 02 00 07 08000000 0100 02000000 01 "w"')
    await raw.hears("7 02000000")
    raw.say("ca 02 00 0a 0c000000 02000000 05000000 08 800000")
    await raw.hears("10 0500000008ff")
    raw.pause()
    for (let i = 0; i < 100; i++) raw.say("ca 02 00 0a 09000000 02000000 05000000 00 ".repeat(100))
    await until(() => expect(server.clientCount).toBe(0))
    await raw[Symbol.asyncDispose]()
  })

  it("merges updates for a client that does not read, within bounds, while others get all", async () => {
    const wave = new SharedPv(ntScalarArray("double"))
    const raw = await ready({ sendLimit: 100_000 })
    server.add("w", wave)
    raw.say('ca 02 00 07 08000000 0100 02000000 01 "w"')
    await raw.hears("7 02000000")
    raw.say("ca 02 00 0d 0c000000 02000000 05000000 08 800000 | ca 02 00 0d 09000000 02000000 05000000 44")
    await raw.hears("13 0500000000")
    raw.pause()
    await using client = new PvaClient(server.clientConfig())
    const seen: number[] = []
    const monitor = client.monitor("w", { queueSize: 1000 })
    monitor.on("update", ({ value }) => seen.push((value["value"] as Float64Array)[0] ?? -1))
    await until(() => expect(seen).toEqual([-1]))
    for (let n = 0; n < 300; n++) {
      wave.post({ value: new Float64Array(20_000).fill(n) })
      await new Promise(resolve => setImmediate(resolve))
    }
    await until(() => expect(seen.at(-1)).toBe(299))
    raw.resume()
    // ioid, sub-command, bit set {value}, size, and then the first element, which says which update it was.
    const updates = (): number[] =>
      raw.received
        .filter(r => r.startsWith("13 05000000000102fe"))
        .map(r => new DataView(hex(r.slice(3)).buffer).getFloat64(12, true))
    await until(() => expect(updates().at(-1)).toBe(299))
    // 300 arrays are 48 MB; what waited for the slow client is a few of them and what its socket took.
    expect(updates().length).toBeLessThan(150)
    await raw[Symbol.asyncDispose]()
  })
})

describe("browsing", () => {
  let pair: Pair
  beforeEach(async () => {
    pair = await Pair.open()
  })
  afterEach(() => pair[Symbol.asyncDispose]())

  it("tells what the server has and is, through the channel named server", async () => {
    pair.server.add("b", new SharedPv(double))
    pair.server.add("a", new SharedPv(double))
    const server = `127.0.0.1:${pair.server.port}`
    const names = await pair.client.rpc("server", ntUri("server", { op: "channels" }), { server })
    expect(plain(names?.["value"])).toEqual(["b", "a"])
    const info = await pair.client.rpc("server", ntUri("server", { op: "info" }), { server })
    expect(plain(info)).toMatchObject({ implLang: "typescript" })
    await expect(pair.client.rpc("server", ntUri("server", { op: "x" }), { server })).rejects.toThrow(
      /op="channels"/,
    )
    await expect(pair.client.rpc("server", null, { timeout: 0.1 })).rejects.toThrow(/still searching/)
  })

  it("refuses two PVs of one name and names without length", () => {
    pair.server.add("a", new SharedPv(double))
    expect(() => pair.server.add("a", new SharedPv(double))).toThrow(/already/)
    expect(() => pair.server.add("", new SharedPv(double))).toThrow(/1 to 500/)
  })

  it("gives every server its own identity and port", async () => {
    await using other = await PvaServer.open({ isolated: true, port: pair.server.port })
    expect(other.guid).not.toBe(pair.server.guid)
    expect(other.guid).toMatch(/^[0-9a-f]{24}$/)
    expect(other.port).not.toBe(pair.server.port)
  })
})
