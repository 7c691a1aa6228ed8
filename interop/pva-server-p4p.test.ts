import {
  create,
  createNdArray,
  ndArray,
  ntEnum,
  ntNdArray,
  ntScalar,
  ntScalarArray,
  ntTable,
  PvaServer,
  type PvaServerConfig,
  type PvStructureValue,
  readQuery,
  SharedPv,
  structure,
  t,
} from "pvxs-node"
import { describe, expect, it, vi } from "vitest"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { peers, python, startPython } from "./peers.ts"

const P = `t${Math.random().toString(36).slice(2, 8)}:`
const double = ntScalar("double", { display: true })

const environment = (server: PvaServer): Record<string, string> => ({
  EPICS_PVA_ADDR_LIST: "",
  EPICS_PVA_AUTO_ADDR_LIST: "NO",
  EPICS_PVA_NAME_SERVERS: `127.0.0.1:${server.port}`,
})

/** Prints one JSON value for each of a few things a p4p client does. `ctxt`, `P` and `show` are at hand. */
const client = (body: string): string => `
import json, sys
import numpy as np
from p4p.client.thread import Context, RemoteError
from p4p.nt import NTURI
P = sys.argv[1]
def show(x):
    print(json.dumps(x))
def error(f):
    try:
        f()
    except Exception as e:
        return type(e).__name__ + ": " + str(e)
ctxt = Context("pva", nt=False)
${body}
ctxt.close()
`

describe.skipIf(!peers().p4p).each<[string, PvaServerConfig]>([
  ["little-endian", { byteOrder: "little" }],
  ["big-endian", { byteOrder: "big" }],
])("our pvAccess server, %s, against a p4p client", (_, config) => {
  const open = async (): Promise<PvaServer> => PvaServer.open({ isolated: true, ...config })

  it("is read: scalars, arrays, enums, tables, images", async () => {
    await using server = await open()
    server.add(
      `${P}x`,
      new SharedPv(double, { value: { value: 1.5, alarm: { severity: 2, message: "hot" } } }),
    )
    server.add(`${P}a`, new SharedPv(ntScalarArray("short"), { value: { value: [1, -2] } }))
    server.add(`${P}s`, new SharedPv(ntScalarArray("string"), { value: { value: ["a", "µ"] } }))
    server.add(
      `${P}e`,
      new SharedPv(ntEnum(), { value: { value: { index: 1, choices: ["Close", "Open"] } } }),
    )
    const table = ntTable({ x: "double", n: "string" })
    server.add(
      `${P}t`,
      new SharedPv(table, { value: { labels: ["X", "N"], value: { x: [1, 2], n: ["a", "b"] } } }),
    )
    const image = createNdArray({ data: Uint16Array.from({ length: 6 }, (__, i) => i), shape: [3, 2] })
    server.add(`${P}i`, new SharedPv(ntNdArray, { value: image as never }))
    const seen = await python(
      client(`
v = ctxt.get(P + "x")
show([v.value, v.alarm.severity, v.alarm.message, v.getID(), sorted(v.display.keys())])
show(ctxt.get(P + "a").value.tolist())
show(ctxt.get(P + "s").value)
v = ctxt.get(P + "e").value
show([v.index, v.choices])
v = ctxt.get(P + "t")
show([v.labels, v.value.x.tolist(), v.value.n])
v = Context("pva").get(P + "i")
show([list(v.shape), v.dtype.name, v.tolist()])`),
      { args: [P], env: environment(server) },
    )
    expect(seen).toEqual([
      [
        1.5,
        2,
        "hot",
        "epics:nt/NTScalar:1.0",
        ["description", "form", "limitHigh", "limitLow", "precision", "units"],
      ],
      [1, -2],
      ["a", "µ"],
      [1, ["Close", "Open"]],
      [
        ["X", "N"],
        [1, 2],
        ["a", "b"],
      ],
      [
        [2, 3],
        "uint16",
        [
          [0, 1, 2],
          [3, 4, 5],
        ],
      ],
    ])
  })

  it("is written, refuses with its words, and completes when the work is done", async () => {
    await using server = await open()
    const done = vi.fn()
    const pv = new SharedPv(double, {
      onPut: async put => {
        if (put.value.value < 0) throw new Error("below zero")
        await new Promise(resolve => setTimeout(resolve, 50))
        done(put.value.value, put.options["block"])
        put.apply()
      },
    })
    server.add(`${P}x`, pv)
    server.add(`${P}ro`, new SharedPv(double))
    server.add(`${P}e`, SharedPv.mailbox(ntEnum(), { value: { choices: ["Close", "Open"] } }))
    // An image PV before its first image: the client reads it back before it writes.
    server.add(`${P}i`, SharedPv.mailbox(ntNdArray))
    const seen = await python(
      client(`
ctxt.put(P + "x", 4.5, wait=True)
show(ctxt.get(P + "x").value)
show(error(lambda: ctxt.put(P + "x", -1)))
show(error(lambda: ctxt.put(P + "ro", 1)))
Context("pva").put(P + "e", "Open")
show(ctxt.get(P + "e").value.index)
ctxt.put(P + "i", {"uniqueId": 7}, timeout=20)
show(ctxt.get(P + "i").uniqueId)`),
      { args: [P], env: environment(server) },
    )
    expect(seen).toEqual([4.5, "RemoteError: below zero", `RemoteError: ${P}ro is read-only`, 1, 7])
    expect(done).toHaveBeenCalledWith(4.5, "true")
  })

  it("is called", async () => {
    await using server = await open()
    const result = structure("", { value: t.double })
    const sum = new SharedPv(structure("", {}), {
      onRpc: argument => {
        const { a, b } = readQuery(argument) as { a: number; b?: number }
        if (b === undefined) throw new Error("b is missing")
        return create(result, { value: a + b }) as unknown as PvStructureValue
      },
    })
    server.add(`${P}sum`, sum)
    const seen = await python(
      client(`
one = NTURI([("a", "d")])
two = NTURI([("a", "d"), ("b", "d")])
show(ctxt.rpc(P + "sum", two.wrap(P + "sum", kws={"a": 1, "b": 2})).value)
show(error(lambda: ctxt.rpc(P + "sum", one.wrap(P + "sum", kws={"a": 1}))))`),
      { args: [P], env: environment(server) },
    )
    expect(seen).toEqual([3, "RemoteError: b is missing"])
  })

  it("is monitored: deltas, several clients, its own closing and coming back", async () => {
    await using server = await open()
    const pv = new SharedPv(double, { value: { value: 1 } })
    server.add(`${P}x`, pv)
    const script = client(`
import queue
q = queue.Queue()
def update(v):
    q.put(type(v).__name__ if isinstance(v, Exception) or v is None else [v.value, sorted(v.changedSet())])
sub = ctxt.monitor(P + "x", update, notify_disconnect=True)
other = queue.Queue()
sub2 = ctxt.monitor(P + "x", other.put)
for line in sys.stdin:
    show(q.get(timeout=20))`)
    await using monitor = startPython<unknown>(script, { args: [P], env: environment(server) })
    const next = async (): Promise<unknown> => {
      monitor.send("next")
      return monitor.next()
    }
    expect(await next()).toBe("Disconnected")
    const first = (await next()) as [number, string[]]
    expect(first[0]).toBe(1)
    expect(first[1]).toContain("display.units")
    await vi.waitFor(() => expect(pv.subscriberCount).toBeGreaterThan(0), 20_000)
    pv.post({ value: 2 })
    expect(await next()).toEqual([2, ["value"]])
    pv.post({ alarm: { severity: 1, message: "m" } })
    expect(await next()).toEqual([2, ["alarm.message", "alarm.severity"]])
    pv.close()
    expect(await next()).toBe("Disconnected")
    pv.open(double, { value: 8 })
    expect(((await next()) as [number])[0]).toBe(8)
    monitor.end()
  })

  it("keeps the newest for a client with a short queue, and paces one with a pipeline", async () => {
    await using server = await open()
    const pv = new SharedPv(ntNdArray)
    server.add(`${P}i`, pv)
    const script = client(`
import queue
q = queue.Queue()
for request in ("field()record[queueSize=2]", "field()record[pipeline=true,queueSize=4]"):
    sub = ctxt.monitor(P + "i", lambda v: q.put(v.uniqueId), request=request)
    show("subscribed")
    last = -1
    while last != 200:
        last = q.get(timeout=30)
    show(last)
    sub.close()`)
    await using monitor = startPython<unknown>(script, { args: [P], env: environment(server) })
    for (let round = 0; round < 2; round++) {
      expect(await monitor.next()).toBe("subscribed")
      for (let id = 0; id <= 200; id++) {
        pv.post(ndArray({ data: new Uint16Array(10_000).fill(id), shape: [100, 100], uniqueId: id }))
        await new Promise(resolve => setImmediate(resolve))
      }
      expect(await monitor.next()).toBe(200)
    }
  })

  it("is found by UDP search alone", async () => {
    const broadcastPort = await freePort()
    await using server = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port: 0,
      broadcastPort,
      autoBeaconAddressList: false,
      env: {},
      ...config,
    })
    server.add(`${P}x`, new SharedPv(double, { value: { value: 6 } }))
    const env = {
      EPICS_PVA_ADDR_LIST: "127.0.0.1",
      EPICS_PVA_AUTO_ADDR_LIST: "NO",
      EPICS_PVA_NAME_SERVERS: "",
      EPICS_PVA_BROADCAST_PORT: String(broadcastPort),
    }
    expect(await python(client(`show(ctxt.get(P + "x", timeout=20).value)`), { args: [P], env })).toEqual([6])
  })
})
