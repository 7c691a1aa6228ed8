import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { PvaClient } from "../../src/client/client.ts"
import { PvaError } from "../../src/errors.ts"
import { ntEnum, ntScalar, ntScalarArray } from "../../src/nt/scalar.ts"
import { ntUri, readQuery } from "../../src/nt/table.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { create } from "../../src/values/create.ts"
import { structure, t, typeKey } from "../../src/values/field-type.ts"
import { plain } from "../../src/values/plain.ts"
import type { PvStructureValue } from "../../src/values/value-of.ts"
import { deferred, Pair, take } from "../support/pair.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")

describe.each(["little", "big"] as const)("client and server, %s-endian", byteOrder => {
  let pair: Pair
  beforeEach(async () => {
    pair = await Pair.open({ byteOrder })
  })
  afterEach(() => pair[Symbol.asyncDispose]())

  it("reads a value, typed by its declaration, and the type alone", async () => {
    pair.server.add(
      "x",
      new SharedPv(double, { value: { value: 1.5, alarm: { severity: 2, message: "hot" } } }),
    )
    const value = await pair.client.get("x", { type: double })
    expect(value.value).toBe(1.5)
    expect(value.alarm.message).toBe("hot")
    expect(typeKey(await pair.client.info("x"))).toBe(typeKey(double))
  })

  it("carries arrays of every size and type", async () => {
    for (const [of, list] of [
      ["double", Float64Array.from({ length: 100_000 }, (_, i) => i / 3)],
      ["short", Int16Array.of(-1, 2, -3)],
      ["long", BigInt64Array.of(-(2n ** 60n))],
      ["ubyte", Uint8Array.from({ length: 300 }, (_, i) => i)],
      ["string", ["a", "", "µ"]],
    ] as const) {
      const name = `array:${of}`
      pair.server.add(name, SharedPv.mailbox(ntScalarArray(of)))
      await pair.client.put(name, list)
      expect((await pair.client.get(name))["value"]).toEqual(list)
    }
  })

  it("writes members, a bare value, an enum by label and by index, and says why it cannot", async () => {
    const pv = SharedPv.mailbox(double)
    const choice = SharedPv.mailbox(ntEnum(), { value: { choices: ["Close", "Open"] } })
    pair.server.add("x", pv)
    pair.server.add("e", choice)
    await pair.client.put("x", 2)
    await pair.client.put("x", { alarm: { message: "set" } })
    expect(plain(pv.value)).toMatchObject({ value: 2, alarm: { message: "set" } })
    await pair.client.put("e", "Open")
    expect(choice.value.value.index).toBe(1)
    await pair.client.put("e", 0)
    expect(plain(choice.value.value)).toEqual({ index: 0, choices: ["Close", "Open"] })
    await expect(pair.client.put("e", "Ajar")).rejects.toThrow(
      /put to e: "Ajar" is none of its choices "Close", "Open"/,
    )
    await expect(pair.client.put("x", "2")).rejects.toThrow(
      /put to x: value is a double; it takes a number, not "2"/,
    )
    await expect(pair.client.put("x", { valeu: 2 })).rejects.toMatchObject({ code: "PVA_BAD_INPUT" })
  })

  it("hands a put's options and author to the server, and completes when the server does", async () => {
    const done = deferred()
    const seen = vi.fn()
    const pv = new SharedPv(double, {
      onPut: async put => {
        seen(put.user !== "", put.options, put.changed.paths, put.value.value)
        await done.promise
        put.apply()
      },
    })
    pair.server.add("x", pv)
    const put = pair.client.put("x", 7, { completion: true, process: true })
    await until(() =>
      expect(seen).toHaveBeenCalledWith(true, { block: "true", process: "true" }, ["value"], 7),
    )
    expect(pv.value.value).toBe(0)
    done.resolve()
    await put
    expect(pv.value.value).toBe(7)
  })

  it("refuses a put to a read-only PV, and a put whose handler throws, and goes on", async () => {
    pair.server.add("ro", new SharedPv(double))
    const strict = new SharedPv(double, {
      onPut: put => {
        if (put.value.value < 0) throw new Error("below the lower limit")
        put.apply()
      },
    })
    pair.server.add("strict", strict)
    await expect(pair.client.put("ro", 1)).rejects.toThrow(/put to ro: ERROR "ro is read-only"/)
    await expect(pair.client.put("strict", -1)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    await pair.client.put("strict", 1)
    expect(strict.value.value).toBe(1)
  })

  it("calls procedures: with a query, with null, with a null result, with a refusal", async () => {
    const sum = structure("", { value: t.double })
    pair.server.add(
      "add",
      new SharedPv(structure("", {}), {
        onRpc: async argument => {
          const { a, b } = readQuery(argument) as { a?: number; b?: number }
          if (a === undefined) return null
          if (b === undefined) throw new Error("b is missing")
          return create(sum, { value: a + b }) as unknown as PvStructureValue
        },
      }),
    )
    expect(plain(await pair.client.rpc("add", ntUri("add", { a: 1, b: 2 })))).toEqual({ value: 3 })
    expect(await pair.client.rpc("add", null)).toBeNull()
    await expect(pair.client.rpc("add", ntUri("add", { a: 1 }))).rejects.toThrow(
      /call of add: ERROR "b is missing"/,
    )
    pair.server.add("x", new SharedPv(double))
    await expect(pair.client.rpc("x", null)).rejects.toThrow(/x takes no calls/)
  })

  it("monitors: first everything, then only what changed, as deltas on the last value", async () => {
    const pv = new SharedPv(double, { value: { value: 1 } })
    pair.server.add("x", pv)
    await using monitor = pair.client.monitor("x", { type: double, deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    const first = (await updates.next()).value!
    expect(first.initial).toBe(true)
    expect(first.changed.size).toBe(7)
    expect(first.value.value).toBe(1)
    pv.post({ alarm: { severity: 1 } })
    pv.post({ value: 3 })
    const second = (await updates.next()).value!
    const third = (await updates.next()).value!
    expect(second.changed.paths).toEqual(["alarm.severity"])
    expect([second.value.value, second.value.alarm.severity]).toEqual([1, 1])
    expect([third.value.value, third.value.alarm.severity, third.initial]).toEqual([3, 1, false])
    expect(monitor.latest?.value).toBe(3)
  })

  it("answers requests of one channel in the order they were made", async () => {
    const pv = SharedPv.mailbox(double)
    pair.server.add("x", pv)
    const order: string[] = []
    await pair.client.get("x")
    const calls = [1, 2, 3].flatMap(n => [
      pair.client.put("x", n).then(() => order.push(`put ${n}`)),
      pair.client.get("x").then(() => order.push(`get ${n}`)),
    ])
    await Promise.all(calls)
    expect(order.filter(o => o.startsWith("put"))).toEqual(["put 1", "put 2", "put 3"])
    expect(order.filter(o => o.startsWith("get"))).toEqual(["get 1", "get 2", "get 3"])
    expect(pv.value.value).toBe(3)
  })

  it("asks for some fields only, and is refused when none exists", async () => {
    pair.server.add("x", new SharedPv(double, { value: { value: 5, alarm: { severity: 1 } } }))
    const value = await pair.client.get("x", { request: "field(alarm.severity)" })
    expect(plain(value)).toMatchObject({ value: 0, alarm: { severity: 1 } })
    await expect(pair.client.get("x", { request: "field(nothing)" })).rejects.toThrow(
      /none of the requested fields/,
    )
  })
})

describe("a client", () => {
  let pair: Pair
  beforeEach(async () => {
    pair = await Pair.open()
  })
  afterEach(() => pair[Symbol.asyncDispose]())

  it("refuses bad input before anything is sent", async () => {
    await expect(pair.client.get("")).rejects.toMatchObject({ code: "PVA_BAD_INPUT" })
    await expect(pair.client.get("x", { request: "field(" })).rejects.toMatchObject({
      code: "PVA_BAD_REQUEST",
    })
    const both = { request: "field(value)", completion: true }
    await expect(pair.client.put("x", 1, both)).rejects.toThrow(/either as options or in the text/)
    expect(() => pair.client.monitor("x", { queueSize: 0 })).toThrow(/queueSize/)
    expect(() => pair.client.monitor("x", { queueSize: 2, request: "field(value)" })).toThrow(/either/)
  })

  it("names every difference when a channel is not of the declared type", async () => {
    pair.server.add("s", new SharedPv(ntScalar("string")))
    await expect(pair.client.get("s", { type: double })).rejects.toThrow(
      /s is not of the declared type: value is string, not double/,
    )
    const monitor = pair.client.monitor("s", { type: double })
    await expect(take(monitor, 1)).rejects.toMatchObject({ code: "PVA_TYPE_MISMATCH" })
  })

  it("connects lazily, shares one channel among all who use the name, and tells when it connects", async () => {
    const channel = pair.client.channel("late")
    expect(channel.state).toBe("searching")
    const states: string[] = []
    channel.on("connected", endpoint => states.push(endpoint))
    const waiting = channel.connect({ timeout: 20 })
    pair.server.add("late", new SharedPv(double))
    await waiting
    expect(states).toEqual([`127.0.0.1:${pair.server.port}`])
    const other = pair.client.channel("late")
    expect(other.isConnected).toBe(true)
    channel.close()
    expect(other.isConnected).toBe(true)
    await expect(channel.get()).rejects.toMatchObject({ code: "PVA_CLOSED" })
    expect((await other.get())["value"]).toBe(0)
    expect(pair.server.clientCount).toBe(1)
  })

  it("says which place of the address list nothing can be sent to", async () => {
    await using client = new PvaClient({
      addressList: ["no-such-host.invalid"],
      autoAddressList: false,
      nameServers: [],
    })
    const said = (): Promise<string> => client.get("nobody", { timeout: 0.2 }).catch(error => error.message)
    await expect
      .poll(said, { timeout: 15_000 })
      .toMatch(
        /by UDP no-such-host\.invalid:5076\); no datagram can be sent to no-such-host\.invalid:5076 \(/,
      )
  })

  it("times out with the state it was in, and aborts with the caller's reason", async () => {
    await expect(pair.client.get("nobody", { timeout: 0.05 })).rejects.toThrow(
      /get nobody: no answer after 0.05 s; the channel is still searching/,
    )
    const abort = new AbortController()
    const call = pair.client.get("nobody", { signal: abort.signal })
    abort.abort("enough")
    await expect(call).rejects.toMatchObject({ code: "PVA_ABORTED", cause: "enough" })
    await expect(pair.client.info("nobody", { signal: abort.signal })).rejects.toMatchObject({
      code: "PVA_ABORTED",
    })
    await expect(pair.client.put("nobody", 1, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      PvaError,
    )
  })

  it("tells the server when a call is given up, and the server tells its handler", async () => {
    const cancelled = deferred()
    const called = deferred()
    const onRpc = (_: unknown, { signal }: { signal: AbortSignal }): Promise<null> => {
      called.resolve()
      signal.addEventListener("abort", () => cancelled.resolve())
      return new Promise(() => {})
    }
    pair.server.add("slow", new SharedPv(structure("", {}), { onRpc }))
    const abort = new AbortController()
    const call = pair.client.rpc("slow", null, { signal: abort.signal })
    await called.promise
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: "PVA_ABORTED" })
    await cancelled.promise
  })

  it("survives listeners that throw, and cancelling from inside a callback", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
    const pv = new SharedPv(double)
    pair.server.add("x", pv)
    const bad = pair.client.monitor("x")
    bad.on("update", () => {
      throw new Error("in a listener")
    })
    const closing = pair.client.monitor("x")
    const seen: boolean[] = []
    closing.on("update", update => {
      seen.push(update.initial)
      closing.close()
    })
    await until(() => expect(seen).toEqual([true]))
    await until(() =>
      expect(warned).toHaveBeenCalledWith(expect.stringContaining("in a listener"), "PvaListenerWarning"),
    )
    pv.post({ value: 1 })
    expect((await pair.client.get("x"))["value"]).toBe(1)
    expect(seen).toEqual([true])
    warned.mockRestore()
  })

  it("ends everything that waits when it is closed, and takes nothing afterwards", async () => {
    pair.server.add("x", new SharedPv(double))
    const monitor = pair.client.monitor("x")
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    const next = updates.next()
    const get = pair.client.get("nobody")
    await pair.client.close()
    await expect(get).rejects.toMatchObject({ code: "PVA_CLOSED" })
    await expect(next).rejects.toMatchObject({ code: "PVA_CLOSED" })
    await expect(pair.client.get("x")).rejects.toMatchObject({ code: "PVA_CLOSED" })
    await until(() => expect(pair.server.clientCount).toBe(0))
  })

  it("closes a connection that nobody uses any more", async () => {
    const pv = new SharedPv(double)
    pair.server.add("x", pv)
    const brief = new (pair.client.constructor as typeof import("../../src/client/client.ts").PvaClient)({
      ...pair.server.clientConfig(),
      linger: 0.01,
    })
    await brief.get("x")
    const channel = brief.channel("x")
    channel.close()
    await until(() => expect(channel.state).toBe("closed"))
    expect((await brief.get("x"))["value"]).toBe(0)
    await brief.close()
  })

  it("holds a thousand channels over one connection", async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `many:${i}`)
    for (const [i, name] of names.entries())
      pair.server.add(name, new SharedPv(double, { value: { value: i } }))
    const values = await Promise.all(names.map(name => pair.client.get(name, { type: double, timeout: 20 })))
    expect(values.map(v => v.value)).toEqual(names.map((_, i) => i))
    expect(pair.server.clientCount).toBe(1)
  })
})
