import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { describe, expect, onTestFinished, test } from "vitest"
import { CaClient, type CaClientConfig, CaServer, ServerPv } from "../../src/index.ts"

/** A server with a few values, and a client that reaches it directly or through a proxy. */
async function setUp(options: { config?: CaClientConfig; proxied?: boolean; strict?: boolean } = {}) {
  const server = await CaServer.listen({ strict: options.strict ?? true })
  onTestFinished(() => server.close())
  const number = server.add(new ServerPv("t:number", { type: "double", value: 1.5 }))
  server.add(new ServerPv("t:label", { type: "enum", enumStrings: ["off", "on"], value: 0 }))
  const array = server.add(
    new ServerPv("t:array", { type: "double", maxCount: 1_000_000, value: Float64Array.of(1, 2, 3) }),
  )
  server.add(new ServerPv("t:empty", { type: "char", maxCount: 10, value: new Uint8Array(0) }))
  server.add(new ServerPv("t:texts", { type: "string", maxCount: 4, value: ["a", "b"] }))
  const proxy = options.proxied ? await TcpProxy.start({ port: server.port }) : undefined
  if (proxy !== undefined) onTestFinished(() => proxy.close())
  const nameServers = [`127.0.0.1:${proxy?.port ?? server.port}`]
  const config = { ...server.clientConfig(), nameServers, timeout: 15, ...options.config }
  const client = new CaClient(config)
  onTestFinished(() => client.close())
  return { server, client, number, array, proxy: proxy as TcpProxy, config }
}

/** Like toEqual, which takes minutes for a million elements. */
const same = (a: unknown, b: Float64Array): boolean =>
  a instanceof Float64Array &&
  Buffer.compare(Buffer.from(a.buffer, a.byteOffset, a.byteLength), Buffer.from(b.buffer)) === 0

describe("over a network that misbehaves", () => {
  test("every byte alone, both ways, changes nothing", async () => {
    const { client, proxy, array } = await setUp({ proxied: true })
    proxy.toClient.split = 1
    proxy.toTarget.split = 1
    expect((await client.get("t:number", { metadata: true })).value).toBe(1.5)
    await client.put("t:number", 2.5, { completion: true })
    expect((await client.get("t:number")).value).toBe(2.5)
    expect((await client.get("t:array")).value).toEqual(Float64Array.of(1, 2, 3))
    proxy.toClient.split = 997
    const large = Float64Array.from({ length: 5000 }, (_, i) => i)
    array.post(large)
    expect(same((await client.get("t:array")).value, large)).toBe(true)
  })

  test("a reset in mid-traffic fails what was in flight once, and all goes on by itself", async () => {
    const { client, proxy, number } = await setUp({ proxied: true })
    const seen: unknown[] = []
    client.monitor("t:number", { onUpdate: ({ value }) => void seen.push(value) })
    await expect.poll(() => seen).toEqual([1.5])
    proxy.toClient.freeze()
    const outcomes = [
      ...Array.from({ length: 100 }, () => client.get("t:number")),
      ...Array.from({ length: 100 }, (_, i) => client.put("t:number", i)),
      client.put("t:number", 7, { completion: true }),
    ].map(promise =>
      promise.then(
        () => "done",
        error => error.code,
      ),
    )
    await expect.poll(() => number.value).toBe(7)
    proxy.reset()
    proxy.toClient.thaw()
    const codes = await Promise.all(outcomes)
    expect(new Set(codes.slice(0, 100))).toEqual(new Set(["DISCONNECTED"]))
    expect(new Set(codes.slice(100))).toEqual(new Set(["OUTCOME_UNKNOWN"]))
    number.post(9)
    await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe(9)
  })

  test("silence is noticed, and lasting silence ends in a new circuit", async () => {
    const quick = { connectionTimeout: 0.3, echoTimeout: 0.2, unresponsiveTimeout: 0.4 }
    const { client, proxy } = await setUp({ proxied: true, config: quick })
    const channel = client.channel("t:number")
    await channel.connect()
    proxy.freeze()
    await expect.poll(() => channel.state, { timeout: 10_000 }).toBe("unresponsive")
    await expect.poll(() => channel.state, { timeout: 10_000 }).toBe("searching")
    proxy.thaw()
    await channel.connect()
    expect((await channel.get()).value).toBe(1.5)
  })

  test("a size that lies closes the circuit with its name, and the next one works", async () => {
    const { client, proxy } = await setUp({ proxied: true })
    await client.get("t:number")
    let lies = 1
    proxy.toClient.change = chunk => {
      // READ_NOTIFY's payload is no multiple of 8 any more.
      if (lies > 0 && chunk.readUInt16BE(0) === 15) {
        lies -= 1
        chunk.writeUInt16BE(chunk.readUInt16BE(2) + 3, 2)
      }
      return chunk
    }
    await expect(client.get("t:number")).rejects.toMatchObject({
      code: "DISCONNECTED",
      cause: { violation: "misaligned-payload" },
    })
    expect((await client.get("t:number")).value).toBe(1.5)
  })
})

describe("against a strict server", () => {
  test("channels, monitors and calls come and go under traffic, and the circuit lives", async () => {
    const { client, number, server } = await setUp()
    const stop = setInterval(() => number.post(Math.random()), 1)
    onTestFinished(() => clearInterval(stop))
    const keep = client.channel("t:number")
    let disconnects = 0
    keep.events.on("disconnected", () => disconnects++)
    await keep.connect()
    for (let round = 0; round < 30; round += 1) {
      const monitors = Array.from({ length: 5 }, (_, i) =>
        client.monitor("t:number", {
          events: i % 2 ? ["value"] : ["log"],
          onUpdate: () => monitors[i]?.close(),
        }),
      )
      const handle = client.channel("t:array")
      const got = handle.get().then(() => handle.close())
      await Promise.all([got, client.put("t:number", round), client.get("t:label", { metadata: true })])
      for (const monitor of monitors) monitor.close()
    }
    expect(disconnects).toBe(0)
    expect(server.clients).toHaveLength(1)
  })

  test("a channel may be closed inside the callbacks of connecting, reading, writing and updates", async () => {
    const { client } = await setUp({ config: { channelLinger: 0.01 } })
    const inConnect = client.channel("t:number")
    const order: string[] = []
    inConnect.events.on("connected", () => {
      order.push("connected")
      client.monitor("t:number", {
        onUpdate({ value }) {
          order.push(`update ${value}`)
        },
      })
      inConnect.close()
    })
    const inGet = client.channel("t:label")
    await inGet.get().then(() => inGet.close())
    const inPut = client.channel("t:array")
    await inPut.put([1]).then(() => inPut.close())
    await expect.poll(() => order).toEqual(["connected", "update 1.5"])
    await expect(inGet.get()).rejects.toMatchObject({ code: "CLOSED" })
    // Unused channels are given back, and come again when they are wanted.
    await expect.poll(() => inPut.state).toBe("closed")
    expect((await client.get("t:array")).value).toEqual(Float64Array.of(1))
  })

  test("ten thousand reads, writes and completion writes in flight all end, in order", async () => {
    const { client } = await setUp()
    const writes = Array.from({ length: 10_000 }, (_, i) => client.put("t:number", i))
    const read = client.get("t:number")
    await Promise.all(writes)
    expect((await read).value).toBe(9999)
    const gets = await Promise.all(Array.from({ length: 10_000 }, () => client.get("t:number")))
    expect(gets.every(({ value }) => value === 9999)).toBe(true)
    const completions = Array.from({ length: 10_000 }, (_, i) =>
      client.put("t:number", i, { completion: true, whenBusy: "queue" }),
    )
    await Promise.all(completions)
    expect((await client.get("t:number")).value).toBe(9999)
  })

  test("the same name opened twice, one after the other and at the same moment, is one channel", async () => {
    const { client, server } = await setUp()
    const both = [client.channel("t:number"), client.channel("t:number")]
    await Promise.all([...both.map(channel => channel.connect()), client.get("t:number")])
    const later = client.channel("t:number")
    await later.connect()
    expect(both.every(({ connected }) => connected)).toBe(true)
    both[0]!.close()
    expect((await both[1]!.get()).value).toBe(1.5)
    expect(server.channelCount).toBe(1)
  })

  test("values survive as they are: NaN, infinities, -0, text of any alphabet, empty and large arrays", async () => {
    const { client } = await setUp()
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324]) {
      await client.put("t:number", value)
      expect((await client.get("t:number")).value).toBe(value)
    }
    await client.put("t:texts", ["Ω", "日本", "\u00b5", "x".repeat(39)])
    expect((await client.get("t:texts")).value).toEqual(["Ω", "日本", "\u00b5", "x".repeat(39)])
    await client.put("t:label", "on")
    expect((await client.get("t:label")).value).toBe(1)
    expect((await client.get("t:empty")).value).toEqual(new Uint8Array(0))
    await client.put("t:array", [])
    expect((await client.get("t:array")).value).toEqual(new Float64Array(0))
    const large = Float64Array.from({ length: 1_000_000 }, (_, i) => i / 3)
    await client.put("t:array", large, { completion: true })
    expect(same((await client.get("t:array")).value, large)).toBe(true)
  })

  test("a limit of this side on arrays is an error of that call alone", async () => {
    const { client, config } = await setUp()
    await client.put("t:array", new Float64Array(100_000))
    const small = new CaClient({ ...config, maxArrayBytes: 100_000 })
    onTestFinished(() => small.close())
    const seen: unknown[] = []
    small.monitor("t:array", { onError: ({ code }) => void seen.push(code) })
    await expect(small.get("t:array")).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("maxArrayBytes is 100000"),
    })
    expect((await small.get("t:number")).value).toBe(1.5)
    await expect.poll(() => seen).toEqual(["TOO_LARGE"])
    expect((await small.get("t:array", { count: 3 })).value).toHaveLength(3)
  })
})

describe("clients", () => {
  test("are independent: each has its own settings, and the end of one is nothing to the others", async () => {
    const { client, config } = await setUp()
    const lost = new CaClient({ nameServers: [], addressList: [], autoAddressList: false, timeout: 0.2 })
    const other = new CaClient(config)
    onTestFinished(() => other.close())
    await expect(lost.get("t:number")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("the address list and the name servers are empty"),
    })
    expect((await other.get("t:number")).value).toBe(1.5)
    await lost.close()
    await other.close()
    expect((await client.get("t:number")).value).toBe(1.5)
  })

  test("say which place of the address list nothing can be sent to", async () => {
    await using astray = new CaClient({
      nameServers: [],
      addressList: ["no-such-host.invalid"],
      autoAddressList: false,
    })
    const said = (): Promise<string> => astray.get("t:x", { timeout: 0.2 }).catch(error => error.message)
    await expect
      .poll(said, { timeout: 15_000 })
      .toMatch(/by UDP no-such-host\.invalid:5064; no datagram can be sent to no-such-host\.invalid:5064 \(/)
  })

  test("leave nothing behind when they close, whatever they were doing", async () => {
    const { config, server } = await setUp()
    const before = process.getActiveResourcesInfo().length
    const client = new CaClient({ ...config, addressList: ["127.0.0.1:9"] })
    const outcomes = [
      client.get("t:nobody"),
      client.channel("t:nobody").connect(),
      client.get("t:number"),
      client.put("t:number", 3),
    ].map(promise =>
      promise.then(
        () => "done",
        error => error.code,
      ),
    )
    client.monitor("t:number")
    client.monitor("t:nobody")
    await client.close()
    await client.close()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["CLOSED"]))
    await expect.poll(() => process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before)
    await expect.poll(() => server.clients.length).toBe(0)
  })

  test("send what was written before they close", async () => {
    const { config, number } = await setUp()
    const client = new CaClient(config)
    await client.get("t:number")
    void client.put("t:number", 42).catch(() => {})
    await client.close()
    await expect.poll(() => number.value).toBe(42)
  })

  test("in a scope close with it, and an aborted or impossible call does not even begin", async () => {
    const { config } = await setUp()
    let outer: CaClient
    {
      await using client = new CaClient(config)
      outer = client
      await expect(client.get("t:number", { signal: AbortSignal.abort("no") })).rejects.toMatchObject({
        code: "ABORTED",
        cause: "no",
      })
      await expect(client.put("t:number", {} as never)).rejects.toMatchObject({ code: "BAD_INPUT" })
      await expect(client.put("t:number", null as never)).rejects.toMatchObject({ code: "BAD_INPUT" })
      await expect(client.put("t:number", "x".repeat(40))).rejects.toMatchObject({ code: "BAD_INPUT" })
      await expect(client.get("t:number", { timeout: Number.NaN })).rejects.toMatchObject({
        code: "BAD_INPUT",
      })
      const abort = new AbortController()
      const waiting = client.get("t:nobody", { signal: abort.signal, timeout: Number.POSITIVE_INFINITY })
      abort.abort()
      await expect(waiting).rejects.toMatchObject({ code: "ABORTED" })
    }
    await expect(outer.get("t:number")).rejects.toMatchObject({ code: "CLOSED" })
  })
})
