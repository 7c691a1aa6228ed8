import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { afterEach, describe, expect, test, vi } from "vitest"
import { CaClient, type CaServer, ServerPv } from "../../src/index.ts"
import { closeAll, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
  await closeAll()
})

function clientOf(server: CaServer): CaClient {
  const client = new CaClient(server.clientConfig())
  opened.push(client)
  return client
}

/** A client whose only way to the server is the proxy. */
async function through(server: CaServer, timeouts = {}): Promise<{ proxy: TcpProxy; client: CaClient }> {
  const proxy = await TcpProxy.start({ port: server.port })
  // The server tells its own port in search replies; "at the end of this circuit" is what counts.
  const client = new CaClient({
    ...server.clientConfig(),
    nameServers: [`127.0.0.1:${proxy.port}`],
    ...timeouts,
  })
  opened.push(proxy, client)
  return { proxy, client }
}

describe("our client and our server", () => {
  test("five lines serve a PV and reach it", async () => {
    const server = await startServer()
    const pv = server.add(new ServerPv("X:temp", { type: "double", value: 21.5, units: "C", precision: 2 }))
    pv.post(22.1)
    const client = clientOf(server)
    expect(await client.get("X:temp", { metadata: true })).toMatchObject({
      value: 22.1,
      metadata: { units: "C", precision: 2 },
    })
  })

  test.each([
    ["string", "plain", ["a", "ü", ""]],
    ["short", -5, [1, -32768]],
    ["float", 0.5, [1.5, Number.NaN]],
    ["enum", 1, [0, 1]],
    ["char", 200, [0, 255]],
    ["long", -70000, [2147483647, -1]],
    ["double", 1e-9, [Number.NEGATIVE_INFINITY, -0]],
  ] as const)("exchange a %s, single and as array, both ways", async (type, scalar, array) => {
    const server = await startServer()
    const enumStrings = type === "enum" ? ["Off", "On"] : []
    const one = server.add(new ServerPv("X:one", { type, value: scalar, enumStrings }))
    const many = server.add(new ServerPv("X:many", { type, value: array, maxCount: 5, enumStrings }))
    const client = clientOf(server)
    expect((await client.get("X:one")).value).toBe(scalar)
    const { value } = await client.get("X:many")
    expect([...(value as string[])]).toEqual([...array])
    one.post(type === "string" ? "" : 0)
    many.post([])
    expect([...((await client.get("X:many")).value as string[])]).toEqual([])
    await client.put("X:one", scalar, { completion: true })
    await client.put("X:many", value as Float64Array, { completion: true })
    expect(one.value).toBe(scalar)
    expect([...(many.value as string[])]).toEqual([...array])
  })

  test("a put with completion resolves when the handler is done and rejects with its failure", async () => {
    const server = await startServer()
    let finish: () => void = () => undefined
    server.add(
      new ServerPv("X:axis", {
        type: "double",
        value: 0,
        onPut: value =>
          value > 10
            ? Promise.reject(new Error("limit"))
            : new Promise<void>(resolve => {
                finish = resolve
              }),
      }),
    )
    const client = clientOf(server)
    let arrived = false
    const moving = client.put("X:axis", 5, { completion: true }).then(() => {
      arrived = true
    })
    await vi.waitFor(async () => expect((await client.get("X:axis")).value).toBe(5))
    expect(arrived).toBe(false)
    finish()
    await moving
    await expect(client.put("X:axis", 11, { completion: true })).rejects.toMatchObject({ code: "REMOTE" })
  })

  test("monitors deliver every post, and restart with a new server on the same port", async () => {
    const server = await startServer()
    const pv = server.add(new ServerPv("X:count", { type: "long", value: 0 }))
    const client = clientOf(server)
    const seen: unknown[] = []
    const monitor = client.monitor("X:count", { onUpdate: reading => seen.push(reading.value) })
    await vi.waitFor(() => expect(seen).toEqual([0]))
    for (let i = 1; i <= 1000; i++) pv.post(i)
    await vi.waitFor(() => expect(seen).toHaveLength(1001))
    expect(seen).toEqual(Array.from({ length: 1001 }, (_, i) => i))
    const { port } = server
    await server.close()
    const second = await startServer({ port })
    second.add(new ServerPv("X:count", { type: "long", value: -1 }))
    await vi.waitFor(() => expect(seen.at(-1)).toBe(-1), 30_000)
    monitor.close()
  })
})

describe("a server behind a troubled network", () => {
  test("serves a client to whom, and from whom, every byte comes alone", async () => {
    const server = await startServer()
    const pv = server.add(new ServerPv("X:a", { type: "double", value: [1, 2, 3] }))
    const { proxy, client } = await through(server)
    proxy.toClient.split = 1
    proxy.toTarget.split = 1
    expect((await client.get("X:a", { timeout: 15 })).value).toEqual(Float64Array.of(1, 2, 3))
    await client.put("X:a", [4, 5], { completion: true, timeout: 15 })
    expect(pv.value).toEqual(Float64Array.of(4, 5))
  })

  test("forgets a client whose connection was reset, and tells the put that nobody waits", async () => {
    const server = await startServer()
    const signals: AbortSignal[] = []
    const pv = server.add(
      new ServerPv("X:a", {
        type: "long",
        value: 0,
        onPut: (_, { signal }) => {
          signals.push(signal)
          return new Promise(() => undefined)
        },
      }),
    )
    const { proxy, client } = await through(server)
    const put = client.put("X:a", 1, { completion: true })
    const outcome = expect(put).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" })
    await vi.waitFor(() => expect(signals).toHaveLength(1), 30_000)
    await proxy.refuse()
    proxy.reset()
    await outcome
    await vi.waitFor(() =>
      expect([pv.channelCount, server.clients, signals[0]?.aborted]).toEqual([0, [], true]),
    )
  })

  test("keeps a frozen client's newest value for it, in bounded memory", async () => {
    const server = await startServer()
    const pv = server.add(new ServerPv("X:image", { type: "char", value: new Uint8Array(1 << 17) }))
    const { proxy, client } = await through(server, { connectionTimeout: 120 })
    const seen: number[] = []
    client.monitor("X:image", { onUpdate: reading => seen.push((reading.value as Uint8Array)[0]!) })
    await vi.waitFor(() => expect(seen).toEqual([0]), 30_000)
    proxy.freeze()
    const before = proxy.toClient.passed.bytes
    for (let i = 1; i <= 250; i++) {
      pv.post(new Uint8Array(1 << 17).fill(i))
      if (i % 10 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    proxy.thaw()
    await vi.waitFor(() => expect(seen.at(-1)).toBe(250), 30_000)
    expect(proxy.toClient.passed.bytes - before).toBeLessThan(160 << 17)
  })
})
