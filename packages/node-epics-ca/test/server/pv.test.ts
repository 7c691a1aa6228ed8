import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { afterEach, describe, expect, test } from "vitest"
import { CaServer, SERVER_CHANNEL, type ServerEvent, ServerPv } from "../../src/index.ts"
import { Command } from "../../src/wire/constants.ts"
import { Dbr } from "../../src/wire/dbr-types.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

afterEach(closeAll)

describe("a PV", () => {
  test("works without a server, with typed values", () => {
    const scalar = new ServerPv("a", { type: "double", value: 21.5 })
    const text = new ServerPv("b", { type: "string", value: ["x"], maxCount: 3 })
    const array = new ServerPv("c", { type: "short", value: [1, 2], maxCount: 3 })
    scalar.post(scalar.value + 1)
    text.post([...text.value, "y"])
    array.post(Int16Array.of(7, 8, 9))
    expect([scalar.value, text.value, array.value]).toEqual([22.5, ["x", "y"], Int16Array.of(7, 8, 9)])
    const all: ServerPv[] = [scalar, text, array]
    expect(all.map(pv => pv.name)).toEqual(["a", "b", "c"])
  })

  test("copies what is posted", () => {
    const pv = new ServerPv("a", { type: "double", value: [0, 0] })
    const mine = Float64Array.of(1, 2)
    pv.post(mine)
    mine[0] = 99
    expect(pv.value).toEqual(Float64Array.of(1, 2))
  })

  test("keeps alarm and time as posted; without a severity they stay, a severity of 0 clears the condition", () => {
    const pv = new ServerPv("a", { type: "double", value: 1, severity: 3, status: 17, timestamp: 1000.5 })
    expect([pv.severity, pv.status, pv.timestamp]).toEqual([3, 17, 1000.5])
    pv.post(2)
    expect([pv.severity, pv.status]).toEqual([3, 17])
    expect(Math.abs(pv.timestamp - Date.now() / 1000)).toBeLessThan(5)
    pv.post(2, { severity: 0, timestamp: { seconds: 7, nanoseconds: 8 } })
    expect([pv.severity, pv.status, pv.timestamp]).toEqual([0, 0, 7.000000008])
  })

  test("splits a time stamp into seconds and nanoseconds that are always less than one", () => {
    const pv = new ServerPv("a", { type: "double", value: 1, timestamp: 0.9999999999 })
    expect(pv.timestamp).toBe(0.999999999)
    pv.post(2, { timestamp: 5.25 })
    expect(pv.timestamp).toBe(5.25)
  })

  test("casts numbers to its type as a typed array would", () => {
    const cast = (type: "short" | "char" | "long" | "float" | "enum", value: number): number => {
      const pv = new ServerPv("a", { type, value: 0 })
      pv.post(value)
      return pv.value
    }
    expect([cast("short", 70000), cast("char", -1), cast("long", 1.9), cast("enum", 65536)]).toEqual([
      4464, 255, 1, 0,
    ])
    expect(cast("float", 0.1)).toBe(Math.fround(0.1))
  })

  test("changes its metadata piece by piece", () => {
    const pv = new ServerPv("a", {
      type: "double",
      value: 1,
      units: "V",
      limits: { display: [0, 1], alarm: [-1, 2] },
    })
    pv.describe({ precision: 4, limits: { display: [0, 5] } })
    expect(pv.metadata).toMatchObject({
      units: "V",
      precision: 4,
      limits: { display: [0, 5], alarm: [-1, 2] },
    })
  })

  test.each([
    [
      "more than sixteen states",
      { type: "enum", value: 0, enumStrings: Array.from({ length: 17 }, String) },
      "17 states",
    ],
    [
      "a state of 26 bytes",
      { type: "enum", value: 0, enumStrings: ["é".repeat(13)] },
      "longer than 25 bytes",
    ],
    [
      "a first value that is no state",
      { type: "enum", value: "Up", enumStrings: ["Down"] },
      '"Up" is none of its states',
    ],
    ["a value of another kind", { type: "double", value: "1" }, "expected a number, got string"],
    ["a number for a text", { type: "string", value: 1 }, "expected a string, got number"],
    [
      "more elements than it holds",
      { type: "long", value: [1, 2, 3], maxCount: 2 },
      "does not hold 3 elements",
    ],
    ["half a digit", { type: "double", value: 1, precision: 1.5 }, "precision of 1.5"],
    ["a type that does not exist", { type: "int64", value: 1 }, 'no type "int64"'],
  ] as const)("refuses %s, naming itself", (_, options, reason) => {
    expect(() => new ServerPv("X:mine", options as never)).toThrow(reason)
    expect(() => new ServerPv("X:mine", options as never)).toThrow(/^X:mine/)
  })

  test.each([
    ["too many elements", [1, 2, 3], "3 elements, at most 2 fit"],
    ["a text among numbers", [1, "2"], "expected a number"],
  ])("refuses to post %s and keeps its value", (_, value, reason) => {
    const pv = new ServerPv("X:mine", { type: "double", value: [5], maxCount: 2 })
    expect(() => pv.post(value as never)).toThrow(reason)
    expect(pv.value).toEqual(Float64Array.of(5))
  })
})

describe("a server", () => {
  test("refuses a name that is empty, too long, or served already", async () => {
    const server = await startServer()
    const named = (name: string) => () => server.add(new ServerPv(name, { type: "long", value: 1 }))
    named("a")()
    expect(named("a")).toThrow("a is served already")
    expect(named("")).toThrow("cannot be the name")
    expect(named("n".repeat(501))).toThrow("501 bytes")
  })

  test("says which address it cannot listen on, and leaves nothing open", async () => {
    const first = await startServer({ searchPort: 0 })
    await expect(CaServer.listen({ port: first.port })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: `cannot listen on 127.0.0.1, TCP ${first.port}`,
      cause: { code: "EADDRINUSE" },
    })
    await expect(CaServer.listen({ host: "192.0.2.1" })).rejects.toMatchObject({
      cause: { code: "EADDRNOTAVAIL" },
    })
  })

  test("falls back to a free port when it is told to", async () => {
    const first = await startServer()
    const second = await startServer({ port: first.port, portFallback: true })
    expect(second.port).not.toBe(first.port)
    const { port } = second
    expect(second.clientConfig()).toEqual({
      nameServers: [`127.0.0.1:${port}`],
      addressList: [],
      autoAddressList: false,
    })
    expect(second.environment()).toEqual({
      EPICS_CA_NAME_SERVERS: `127.0.0.1:${port}`,
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    })
  })

  test("closes with its scope", async () => {
    let port: number
    {
      await using server = await CaServer.listen()
      port = server.port
    }
    await startServer({ port })
  })

  test("publishes what happens to it on its diagnostics channel", async () => {
    const events: ServerEvent[] = []
    const listen = (event: unknown): void => void events.push(event as ServerEvent)
    subscribe(SERVER_CHANNEL, listen)
    const server = await startServer()
    server.add(
      new ServerPv("a", {
        type: "long",
        value: 1,
        onPut: () => {
          throw new Error("stuck")
        },
      }),
    )
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("a")
    await client.put(sid, Dbr.LONG, 5)
    client.send(99)
    await client.take(Command.ERROR)
    await server.close()
    unsubscribe(SERVER_CHANNEL, listen)
    const mine = events.filter(event => !("server" in event) || event.server.endsWith(`:${server.port}`))
    expect(mine).toMatchObject([
      { kind: "circuit-opened" },
      { kind: "put-failed", pv: "a", error: { message: "stuck" } },
      { kind: "client-mistake", command: "command 99" },
      { kind: "circuit-closed", reason: { code: "CLOSED" } },
    ])
  })
})
