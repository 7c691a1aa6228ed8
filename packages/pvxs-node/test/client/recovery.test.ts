import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { PvaClient } from "../../src/client/client.ts"
import { ntScalar, ntScalarArray } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { clientOf, deferred, fastClock, replacePort } from "../support/pair.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")

describe("when the network fails", () => {
  let server: PvaServer
  let proxy: TcpProxy
  let client: PvaClient
  let pv: SharedPv<typeof double>
  beforeEach(async () => {
    server = await PvaServer.open({ isolated: true })
    proxy = await TcpProxy.start({ port: server.port })
    // Search replies name the server's own port; the proxy makes them name its own.
    proxy.toClient.change = chunk => replacePort(chunk, server.port, proxy.port)
    client = clientOf(proxy.port)
    pv = SharedPv.mailbox(double)
    server.add("x", pv)
  })
  afterEach(async () => {
    await client.close()
    await proxy.close()
    await server.close()
  })

  it("works over a network that cuts every byte apart", async () => {
    proxy.toClient.change = undefined
    proxy.toClient.split = 1
    proxy.toTarget.split = 1
    server.add("wave", SharedPv.mailbox(ntScalarArray("short"), { value: [1, 2, 3] }))
    expect((await client.get("wave", { timeout: 20 }))["value"]).toEqual(Int16Array.of(1, 2, 3))
    await client.put("x", 5, { timeout: 20 })
    expect(pv.value.value).toBe(5)
  })

  it.each(["cut", "reset"] as const)(
    "subscribes again after a %s, with a complete first update",
    async how => {
      const monitor = client.monitor("x", { type: double })
      const updates = monitor[Symbol.asyncIterator]()
      expect((await updates.next()).value?.initial).toBe(true)
      const lost = vi.fn()
      monitor.on("disconnected", lost)
      proxy[how]()
      await until(() => expect(lost).toHaveBeenCalledTimes(1))
      pv.post({ value: 8 })
      const { value: update } = await updates.next()
      expect(update).toMatchObject({ initial: true, dropped: 0 })
      expect(update?.value.value).toBe(8)
      expect(proxy.accepted).toBe(2)
    },
  )

  it("repeats a get, but a put or a call in flight has an unknown outcome", async () => {
    const arrived = deferred()
    const never = new Promise<never>(() => {})
    server.add(
      "slow",
      new SharedPv(double, {
        onPut: () => {
          arrived.resolve()
          return never
        },
        onRpc: () => never,
      }),
    )
    await client.get("slow")
    const put = client.put("slow", 1, { completion: true })
    const call = client.rpc("slow", null, { timeout: 20 })
    await arrived.promise
    const get = client.get("slow", { timeout: 20 })
    proxy.reset()
    await expect(put).rejects.toMatchObject({ code: "PVA_OUTCOME_UNKNOWN" })
    await expect(call).rejects.toThrow(/call of slow: the connection was lost before the answer/)
    expect((await get)["value"]).toBe(0)
  })

  it("comes back to a server that was refused for a while", async () => {
    await client.get("x")
    await proxy.refuse()
    proxy.cut()
    await expect(client.get("x", { timeout: 0.3 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
    await proxy.accept()
    expect((await client.get("x", { timeout: 20 }))["value"]).toBe(0)
  })

  it("notices a silent loss by missing echoes, in a time the configuration says", async () => {
    await client.close()
    const clock = fastClock(6)
    client = clientOf(proxy.port, { clock, connectionTimeout: 9 })
    const monitor = client.monitor("x")
    const events: string[] = []
    monitor.on("connected", () => events.push("connected"))
    monitor.on("disconnected", reason => events.push(reason.message))
    await until(() => expect(events).toEqual(["connected"]))
    // Echoes keep a quiet connection alive far beyond the limit of 12 s.
    const quietUntil = clock.now() + 25
    await until(() => expect(clock.now()).toBeGreaterThan(quietUntil))
    expect(events).toEqual(["connected"])
    const frozen = clock.now()
    proxy.freeze()
    await until(() => expect(events).toHaveLength(2))
    expect(events[1]).toMatch(/nothing heard after/)
    expect(clock.now() - frozen).toBeGreaterThan(6)
    proxy.thaw()
    await until(() => expect(events).toHaveLength(3))
  }, 60_000)

  it("finds a server that was restarted elsewhere, with the same name and another type", async () => {
    const monitor = client.monitor("x", { deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await server.close()
    server = await PvaServer.open({ isolated: true })
    server.add("x", new SharedPv(ntScalar("string"), { value: { value: "new" } }))
    proxy.target = { port: server.port }
    const { value: update } = await updates.next()
    expect(update?.value["value"]).toBe("new")
    expect(update?.initial).toBe(true)
  })
})
