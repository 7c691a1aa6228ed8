import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Channel } from "../../src/client/channel.ts"
import type { PvaClient } from "../../src/client/client.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { structure } from "../../src/values/field-type.ts"
import { deferred, Pair, take } from "../support/pair.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")
interface Options {
  readonly timeout?: number
  readonly signal?: AbortSignal
  readonly request?: string
}
/** The five operations, each to its first result. A client takes the name first, a channel has it already. */
const operations = {
  GET: (on: Channel, options?: Options) => on.get(options),
  PUT: (on: Channel, options?: Options) => on.put(2, options),
  RPC: (on: Channel, options?: Options) => on.rpc(null, options),
  GET_FIELD: (on: Channel, options?: Options) => on.info(options),
  MONITOR: (on: Channel, options?: Options) => take(on.monitor(options), 1),
} satisfies Record<string, (on: Channel, options?: Options) => Promise<unknown>>
const byName = {
  GET: (client: PvaClient, name: string, options?: Options) => client.get(name, options),
  PUT: (client: PvaClient, name: string, options?: Options) => client.put(name, 2, options),
  RPC: (client: PvaClient, name: string, options?: Options) => client.rpc(name, null, options),
  GET_FIELD: (client: PvaClient, name: string, options?: Options) => client.info(name, options),
  MONITOR: async (client: PvaClient, name: string, options?: Options) =>
    take(client.monitor(name, options), 1),
} satisfies Record<string, (client: PvaClient, name: string, options?: Options) => Promise<unknown>>
type Operation = keyof typeof operations
const all = Object.keys(operations) as Operation[]

/** A PV that takes part in every operation. */
const obliging = (): SharedPv<typeof double> =>
  new SharedPv(double, { onPut: put => put.apply(), onRpc: () => null })

describe.each(all)("%s", operation => {
  let pair: Pair
  beforeEach(async () => {
    pair = await Pair.open()
  })
  afterEach(() => pair[Symbol.asyncDispose]())
  const run = (name: string, options?: Options): Promise<unknown> =>
    byName[operation](pair.client, name, options)

  it("connects lazily: nothing is sent before it, and it waits for a PV that comes later", async () => {
    await using channel = pair.client.channel("late")
    expect(pair.server.clientCount).toBe(0)
    const result = operations[operation](channel, { timeout: 20 })
    await until(() => expect(pair.server.clientCount).toBe(1))
    expect(channel.isConnected).toBe(false)
    pair.server.add("late", obliging())
    await result
    expect(channel.isConnected).toBe(true)
  })

  it("times out with its name, the channel's and the state", async () => {
    await expect(run("nobody", { timeout: 0.05 })).rejects.toMatchObject({
      code: "PVA_TIMEOUT",
      message: expect.stringMatching(
        /nobody: no (answer|update) after 0.05 s; the channel is still searching/,
      ),
    })
  })

  it("is cancelled before it starts, while it searches, and when all is ready", async () => {
    const cancelled = { code: "PVA_ABORTED", cause: "enough" }
    await expect(run("nobody", { signal: AbortSignal.abort("enough") })).rejects.toMatchObject(cancelled)
    const searching = new AbortController()
    const one = run("nobody", { signal: searching.signal, timeout: 20 })
    searching.abort("enough")
    await expect(one).rejects.toMatchObject(cancelled)
    pair.server.add("x", obliging())
    await run("x")
    const ready = new AbortController()
    const two = run("x", { signal: ready.signal })
    ready.abort("enough")
    await expect(two).rejects.toMatchObject(cancelled)
    await run("x")
  })

  it("is cancelled from inside a callback of its own channel, and others on it go on", async () => {
    await using channel = pair.client.channel("x")
    const abort = new AbortController()
    channel.on("connected", () => abort.abort())
    const before = operations[operation](channel, { timeout: 20 })
    const cancelled = operations[operation](channel, { signal: abort.signal, timeout: 20 })
    const after = operations[operation](channel, { timeout: 20 })
    pair.server.add("x", obliging())
    await expect(cancelled).rejects.toMatchObject({ code: "PVA_ABORTED" })
    await before
    await after
  })

  it("can be started from inside the callback of another, in any number", async () => {
    pair.server.add("x", obliging())
    const inner: Promise<unknown>[] = []
    const done = deferred()
    const monitor = pair.client.monitor("x", {
      onUpdate: () => {
        inner.push(run("x"), run("x"), run("x"))
        monitor.close()
        done.resolve()
      },
    })
    await done.promise
    await Promise.all(inner)
  })

  it("goes on when the handle it was started on is closed, and a closed handle starts nothing", async () => {
    const channel = pair.client.channel("x")
    const result = operations[operation](channel, { timeout: 20 })
    channel.close()
    pair.server.add("x", obliging())
    await result
    await expect((async () => operations[operation](channel))()).rejects.toMatchObject({ code: "PVA_CLOSED" })
  })

  it("ends when its client is closed under it, and a client that is closed starts nothing", async () => {
    pair.server.add("x", obliging())
    await run("x")
    await using channel = pair.client.channel("y")
    const waiting = expect(run("nobody")).rejects.toMatchObject({ code: "PVA_CLOSED" })
    const ready = run("x").catch(error => error.code as string)
    await pair.client.close()
    await waiting
    expect(["PVA_CLOSED", "PVA_OUTCOME_UNKNOWN"]).toContain(await ready)
    await expect(run("x")).rejects.toMatchObject({ code: "PVA_CLOSED" })
    await expect((async () => operations[operation](channel))()).rejects.toMatchObject({ code: "PVA_CLOSED" })
    expect(channel.state).toBe("closed")
  })

  it("on a PV that closes and opens again is repeated where that is safe", async () => {
    const pv = obliging()
    pair.server.add("x", pv)
    await run("x")
    pv.close()
    const again = run("x", { timeout: 20 })
    pv.open(double)
    // A write or call that was on its way is not repeated.
    if (operation === "PUT" || operation === "RPC")
      await expect(again).rejects.toMatchObject({ code: "PVA_OUTCOME_UNKNOWN" })
    else await again
    await run("x", { timeout: 20 })
  })

  it("of an empty name, or one too long, is refused before anything is sent", async () => {
    for (const name of ["", "x".repeat(501)])
      await expect((async () => run(name))()).rejects.toMatchObject({ code: "PVA_BAD_INPUT" })
    expect(pair.server.clientCount).toBe(0)
  })

  it("that does not begin leaves no channel behind to be searched for ever", async () => {
    const states: Record<string, string> = {}
    const note = (message: unknown): void => {
      const { name, state } = message as { name: string; state: string }
      states[name] = state
    }
    subscribe("pvxs-node:channel", note)
    await using pair = await Pair.open({}, { linger: 0.05 })
    const names = [`${operation}:aborted`]
    await expect(
      byName[operation](pair.client, names[0]!, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: "PVA_ABORTED" })
    if (operation !== "GET_FIELD") {
      names.push(`${operation}:request`)
      const request = { request: "field(" }
      await expect(byName[operation](pair.client, names[1]!, request)).rejects.toMatchObject({
        code: "PVA_BAD_REQUEST",
      })
    }
    await until(() => expect(names.map(name => states[name])).toEqual(names.map(() => "closed")))
    unsubscribe("pvxs-node:channel", note)
  })

  it("of a read-only PV is refused if it writes or calls, and works otherwise", async () => {
    pair.server.add("ro", new SharedPv(double))
    const result = run("ro")
    if (operation === "PUT" || operation === "RPC")
      await expect(result).rejects.toThrow(/ro: ERROR "ro (is read-only|takes no calls)"/)
    else await result
  })

  it("over TCP search alone finds its server among several name servers, dead ones too", async () => {
    await using other = await PvaServer.open({ isolated: true })
    pair.server.add("x", obliging())
    const nameServers = ["127.0.0.1:1", ...(other.clientConfig().nameServers ?? [])]
    const { PvaClient } = await import("../../src/client/client.ts")
    await using client = new PvaClient({
      ...pair.server.clientConfig(),
      nameServers: [...nameServers, ...(pair.server.clientConfig().nameServers ?? [])],
      timeout: 20,
    })
    await byName[operation](client, "x")
  })
})

describe.each(all.filter(operation => operation !== "GET_FIELD"))("the pvRequest of %s", operation => {
  let pair: Pair
  beforeEach(async () => {
    pair = await Pair.open()
  })
  afterEach(() => pair[Symbol.asyncDispose]())
  const run = (request: string): Promise<unknown> => byName[operation](pair.client, "x", { request })

  it("that cannot be read is refused before anything is sent", async () => {
    for (const request of ["field(", "field(value)record[", "field(a.)", "record[=1]"]) {
      await expect((async () => run(request))(), request).rejects.toMatchObject({
        code: "PVA_BAD_REQUEST",
      })
    }
    expect(pair.server.clientCount).toBe(0)
  })

  it("for fields that do not exist is refused by the server in INIT", async () => {
    pair.server.add("x", obliging())
    await expect(run("field(nothing)")).rejects.toMatchObject({
      code: "PVA_REFUSED",
      status: { message: "none of the requested fields exists" },
    })
    await run("field(value,nothing)")
  })
})

describe("the identity of servers", () => {
  it("is different for each of many instances of one process", async () => {
    const servers = await Promise.all(Array.from({ length: 50 }, () => PvaServer.open({ isolated: true })))
    expect(new Set(servers.map(s => s.guid)).size).toBe(50)
    await Promise.all(servers.map(s => s.close()))
  })
})

describe("a procedure", () => {
  it.each(["at once", "later"])(
    "that answers %s with what is no structure is refused, and the next is served",
    async when => {
      await using pair = await Pair.open()
      let calls = 0
      const onRpc = (): never => {
        const wrong = calls++ === 0 ? { value: 1 } : null
        return (when === "later" ? Promise.resolve(wrong) : wrong) as never
      }
      pair.server.add("p", new SharedPv(structure("", {}), { onRpc }))
      await expect(pair.client.rpc("p", null)).rejects.toThrow(
        /call of p: ERROR "the procedure returned no structure/,
      )
      expect(await pair.client.rpc("p", null)).toBeNull()
      await expect(pair.client.rpc("p", { value: 1 })).rejects.toThrow(
        /the argument of a call is a structure/,
      )
    },
  )
})
