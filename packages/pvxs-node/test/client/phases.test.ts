import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { describe, expect, it } from "vitest"
import type { PvaClient } from "../../src/client/client.ts"
import { writeChannelCreated } from "../../src/wire/channel.ts"
import { Command, Control } from "../../src/wire/codes.ts"
import { error, ok } from "../../src/wire/status.ts"
import { writeValidated } from "../../src/wire/validation.ts"
import { clientOf, deferred, fastClock, take } from "../support/pair.ts"
import { type Fault, ScriptedServer, type Step } from "../support/scripted-server.ts"
import { until } from "../support/until.ts"

const calls: Readonly<
  Record<
    string,
    (client: PvaClient, options?: { timeout?: number; signal?: AbortSignal }) => Promise<unknown>
  >
> = {
  get: (client, options) => client.get("x", options),
  put: (client, options) => client.put("x", 2, options),
  rpc: (client, options) => client.rpc("x", null, options),
  info: (client, options) => client.info("x", options),
  monitor: (client, options) => take(client.monitor("x", options), 1),
}
/** The steps each call goes through. */
const steps: Readonly<Record<string, readonly Step[]>> = {
  get: ["hello", "validate", "create", "init", "exec"],
  put: ["hello", "validate", "create", "init", "exec"],
  rpc: ["hello", "validate", "create", "init", "exec"],
  info: ["hello", "validate", "create", "info"],
  monitor: ["hello", "validate", "create", "init", "exec"],
}
const cases = Object.keys(calls).flatMap(call => steps[call]!.map(step => ({ call, step })))

const first =
  (wanted: Step, fault: Fault) =>
  (step: Step, nth: number): Fault =>
    step === wanted && nth === 0 ? fault : undefined
const always =
  (wanted: Step, fault: Fault) =>
  (step: Step): Fault =>
    step === wanted ? fault : undefined

// Each with a server of its own, on whose clock they wait.
describe.concurrent.each(cases)("$call, when at $step the server", ({ call, step }) => {
  const run = calls[call]!

  it("says nothing: times out with the state, leaves no one waiting", async () => {
    await using server = await ScriptedServer.open(always(step, "silent"))
    await using client = clientOf(server.port)
    await expect(run(client, { timeout: 0.1 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
  })

  it("says nothing: can be aborted", async () => {
    await using server = await ScriptedServer.open(always(step, "silent"))
    await using client = clientOf(server.port)
    const abort = new AbortController()
    const result = run(client, { signal: abort.signal })
    const reached = step === "init" || step === "exec" || step === "info"
    if (reached) await until(() => expect(server.received.length).toBeGreaterThan(0))
    abort.abort()
    await expect(result).rejects.toMatchObject({ code: "PVA_ABORTED" })
    // The server hears of it, once it knows of the operation.
    if (step === "exec") await until(() => expect(server.received).toContain("destroyRequest"))
  })

  const unknown = step === "exec" && (call === "put" || call === "rpc")
  it.each(["close", "garbage"] as const)(
    unknown
      ? "breaks (%s): the outcome is unknown and nothing is repeated"
      : "breaks once (%s): succeeds after reconnecting",
    async fault => {
      await using server = await ScriptedServer.open(first(step, fault))
      // A server that breaks down is left alone for 10 s, which pass quickly here.
      await using client = clientOf(server.port, { clock: fastClock(20) })
      const outcome = run(client, { timeout: 380 })
      if (unknown) {
        await expect(outcome).rejects.toMatchObject({ code: "PVA_OUTCOME_UNKNOWN" })
        expect(server.received.filter(r => r === `${call} 00`)).toHaveLength(1)
      } else {
        await outcome
        expect(server.connections).toBeGreaterThan(1)
      }
    },
  )
})

describe("a refusal", () => {
  it.each(["get", "put", "rpc"])(
    "of %s in INIT or in EXEC reaches the caller, and the next call works",
    async call => {
      for (const step of ["init", "exec"] as const) {
        await using server = await ScriptedServer.open(first(step, "refuse"))
        await using client = clientOf(server.port)
        await expect(calls[call]!(client)).rejects.toMatchObject({
          code: "PVA_REFUSED",
          status: { message: "refused" },
        })
        await calls[call]!(client)
        expect(server.connections).toBe(1)
      }
    },
  )

  it("of info reaches the caller", async () => {
    await using server = await ScriptedServer.open(first("info", "refuse"))
    await using client = clientOf(server.port)
    await expect(client.info("x")).rejects.toThrow(/info of x: ERROR "no info"/)
    await client.info("x")
  })

  it("of a monitor ends it: in INIT, and by the server later", async () => {
    for (const step of ["init", "exec"] as const) {
      await using server = await ScriptedServer.open(first(step, "refuse"))
      await using client = clientOf(server.port)
      await expect(take(client.monitor("x"), 5)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    }
  })

  it("of a channel is kept for the message of the time-out", async () => {
    await using server = await ScriptedServer.open(always("create", "refuse"))
    await using client = clientOf(server.port)
    await expect(client.get("x", { timeout: 0.2 })).rejects.toThrow(
      /still searching.*refused channel x: ERROR "not here"/,
    )
  })

  it("of the client itself is reported, and retried with patience", async () => {
    await using server = await ScriptedServer.open(always("validate", "refuse"))
    await using client = clientOf(server.port)
    await expect(client.get("x", { timeout: 0.2 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
    expect(server.connections).toBeLessThan(3)
  })
})

describe("patience with a server", () => {
  it.concurrent("that never answers the creation of a channel has an end, and it is asked again", async () => {
    await using server = await ScriptedServer.open(first("create", "silent"))
    await using client = clientOf(server.port, { clock: fastClock(50) })
    expect((await client.get("x", { timeout: 900 }))["value"]).toBe(1.5)
    expect(server.connections).toBe(1)
  })

  it.concurrent.each(Object.keys(calls))(
    "that never answers the INIT of a %s has an end too: it is asked again",
    async call => {
      const step = call === "info" ? "info" : "init"
      await using server = await ScriptedServer.open(first(step, "silent"))
      await using client = clientOf(server.port, { clock: fastClock(50) })
      await calls[call]!(client, { timeout: Number.POSITIVE_INFINITY })
      expect(server.connections).toBe(1)
    },
  )

  it("of a monitor has a limit where its user sets one, which counts from the start to the first update", async () => {
    await using server = await ScriptedServer.open(first("init", "silent"))
    await using client = clientOf(server.port)
    await expect(take(client.monitor("x", { timeout: 0.1 }), 1)).rejects.toThrow(
      /monitor of x: no update after 0.1 s; the channel is connected at 127.0.0.1:\d+/,
    )
    const ended = deferred<unknown>()
    const monitor = client.monitor("x", { timeout: 0.3 })
    monitor.on("ended", ended.resolve)
    await until(() => expect(monitor.latest).not.toBeNull())
    // Having begun in time it goes on as long as it likes.
    expect(await Promise.race([ended.promise, new Promise(r => setTimeout(r, 500, "goes on"))])).toBe(
      "goes on",
    )
    expect(() => client.monitor("x", { timeout: 0 })).toThrow(
      /timeout of a monitor is a number of seconds above 0/,
    )
  })

  it("whose message never ends has an end too, although echoes are answered", async () => {
    await using server = await ScriptedServer.open(first("exec", "endless"))
    await using client = clientOf(server.port, { clock: fastClock(20) })
    expect((await client.get("x", { timeout: 380 }))["value"]).toBe(1.5)
    expect(server.connections).toBe(2)
    expect(server.received).toContain("echo")
  })
})

describe("a message of the server", () => {
  it("is published, and disturbs nothing", async () => {
    const problems: unknown[] = []
    const note = (problem: unknown): unknown => problems.push(problem)
    subscribe("pvxs-node:problem", note)
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    await client.get("x")
    server.say(w =>
      w.message(Command.message, () => {
        w.u32(server.ioids[0]!)
        w.u8(1)
        w.string("careful")
      }),
    )
    await client.get("x")
    unsubscribe("pvxs-node:problem", note)
    expect(JSON.stringify(problems)).toContain("careful")
  })

  it("that nobody uses, or knows, or that is meant for servers disturbs nothing", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    await client.get("x")
    const { setMarker, ackMarker, echoRequest, echoResponse } = Control
    for (const control of [setMarker, ackMarker, echoRequest, echoResponse, 99])
      server.say(w => w.control(control, 7))
    const { authnz, aclChange, multipleData, search, originTag, putGet } = Command
    for (const command of [authnz, aclChange, multipleData, search, originTag, putGet, 99])
      server.say(w => w.message(command, () => w.zeros(40)))
    expect((await client.get("x"))["value"]).toBe(1.5)
    expect(server.connections).toBe(1)
  })
})

describe("when a channel goes and comes back on the same connection", () => {
  it("late updates of the subscription before are none of the one after", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    await using monitor = client.monitor("x", { deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    expect((await updates.next()).value?.initial).toBe(true)
    server.destroyChannel()
    await until(() => expect(server.ioids).toHaveLength(2))
    server.update(server.ioids[0]!, 99)
    server.update(server.ioids[1]!, 3)
    const seen: unknown[] = []
    while (seen.at(-1) !== 3) seen.push((await updates.next()).value?.value["value"])
    expect(seen).not.toContain(99)
    expect(server.connections).toBe(1)
  })

  it("one that was created after nobody wanted it any more is given back", async () => {
    await using server = await ScriptedServer.open(first("create", "silent"))
    await using client = clientOf(server.port, { linger: 0.01 })
    await using other = client.channel("other")
    const channel = client.channel("x")
    await until(() => expect(server.cids).toHaveLength(2))
    const states: string[] = []
    const note = (message: unknown): void => {
      const { name, state } = message as { name: string; state: string }
      states.push(`${name} ${state}`)
    }
    subscribe("pvxs-node:channel", note)
    channel.close()
    await until(() => expect(states).toContain("x closed"))
    unsubscribe("pvxs-node:channel", note)
    server.say(w => writeChannelCreated(w, { cid: server.cids.at(-1)!, sid: 8, status: ok }))
    await until(() => expect(server.received).toContain("destroyChannel"))
    expect(other.state).not.toBe("closed")
  })

  it("an operation kept for the next call is not used any more", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    await using channel = client.channel("x")
    await client.get("x")
    const gone = new Promise(resolve => channel.on("disconnected", resolve))
    server.destroyChannel()
    await gone
    await client.get("x")
    await client.get("x")
    expect(server.received.filter(r => r.startsWith("get"))).toEqual([
      "get 08",
      "get 00",
      "get 08",
      "get 00",
      "get 00",
    ])
    expect(server.received).not.toContain("destroyRequest")
  })
})

it("a server that refuses a client and welcomes it in one breath has refused it", async () => {
  await using server = await ScriptedServer.open(step => (step === "validate" ? "silent" : undefined))
  const states: string[] = []
  const note = (message: unknown): void => void states.push((message as { state: string }).state)
  subscribe("pvxs-node:connection", note)
  await using client = clientOf(server.port)
  const result = client.get("x", { timeout: 0.5 })
  await until(() => expect(server.validations).toBe(1))
  server.say(w => {
    writeValidated(w, error("go away"))
    writeValidated(w, ok)
  })
  await expect(result).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
  unsubscribe("pvxs-node:connection", note)
  expect(states).not.toContain("ready")
})

describe("repeated calls", () => {
  it("execute one operation again instead of starting a new one", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    for (let i = 0; i < 3; i++) await client.get("x")
    expect(server.received).toEqual(["get 08", "get 00", "get 00", "get 00"])
  })

  it("leave no operation behind on the server for each of many different requests", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    for (let i = 0; i < 50; i++) await client.get("x", { request: `record[n=${i}]` })
    await until(() =>
      expect(server.received.filter(r => r === "destroyRequest").length).toBeGreaterThanOrEqual(50 - 16),
    )
    await client.get("x", { request: "record[n=49]" })
    expect(server.received.filter(r => r === "get 08")).toHaveLength(50)
  })

  it("that overlap each have an operation of their own", async () => {
    await using server = await ScriptedServer.open()
    await using client = clientOf(server.port)
    await Promise.all([client.put("x", 1), client.put("x", 2)])
    expect(server.received.filter(r => r === "put 08")).toHaveLength(2)
  })

  it("given up before the answer do not leave a stale operation to the next", async () => {
    await using server = await ScriptedServer.open(first("exec", "silent"))
    await using client = clientOf(server.port)
    await expect(client.get("x", { timeout: 0.1 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
    expect((await client.get("x"))["value"]).toBe(1.5)
    expect(server.received).toContain("destroyRequest")
  })
})
