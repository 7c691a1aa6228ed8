import { ntNdArray, ntScalar, ntUri, type PvaClient, plain, readNdArray, readTable } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { P4pServer } from "./p4p-server.ts"
import { peers } from "./peers.ts"

const script = `
import json, sys, threading, time
import numpy as np
from p4p import Type, Value
from p4p.nt import NTScalar, NTEnum, NTTable, NTNDArray
from p4p.rpc import rpc
from p4p.server import Server
from p4p.server.thread import SharedPV

class Mailbox:
    def put(self, pv, op):
        v = op.value()
        if isinstance(v, float) and v < 0:
            op.done(error="below zero")
            return
        pv.post(v)
        op.done()

class Sum:
    def rpc(self, pv, op):
        q = op.value().query
        if "b" not in q:
            op.done(error="b is missing")
        else:
            op.done(Value(Type([("value", "d")]), {"value": q.a + q.b}))

everything = Type([
    ("bool", "?"), ("i8", "b"), ("i16", "h"), ("i32", "i"), ("i64", "l"), ("u8", "B"), ("u16", "H"), ("u32", "I"), ("u64", "L"),
    ("f32", "f"), ("f64", "d"), ("text", "s"),
    ("abool", "a?"), ("ai8", "ab"), ("ai64", "al"), ("au64", "aL"), ("af32", "af"), ("atext", "as"),
    ("union", ("U", None, [("number", "i"), ("text", "s")])),
    ("any", "v"), ("sub", ("S", "sub_t", [("x", "d"), ("deep", ("S", None, [("y", "s")]))])),
    ("list", ("aS", None, [("n", "i")])),
], id="test:everything/1.0")

image = np.arange(12, dtype=np.uint16).reshape((3, 4))
table = NTTable([("x", "d"), ("name", "s")])
pvs = {
    "scalar": SharedPV(nt=NTScalar("d", display=True), initial=1.5, handler=Mailbox()),
    "ro": SharedPV(nt=NTScalar("d"), initial=1.5),
    "enum": SharedPV(nt=NTEnum(), initial={"index": 0, "choices": ["Close", "Open"]}, handler=Mailbox()),
    "table": SharedPV(nt=table, initial=[{"x": 1.0, "name": "a"}, {"x": 2.0, "name": "b"}]),
    "image": SharedPV(nt=NTNDArray(), initial=image),
    "sum": SharedPV(nt=NTScalar("d"), initial=0.0, handler=Sum()),
    "all": SharedPV(initial=Value(everything, {
        "bool": True, "i8": -8, "i16": -16, "i32": -32, "i64": -2**60, "u8": 200, "u16": 60000, "u32": 4000000000, "u64": 2**63,
        "f32": 0.5, "f64": 0.25, "text": "Grüße", "abool": [True, False], "ai8": [-1, 1], "ai64": [-2**60], "au64": [2**63],
        "af32": [0.5], "atext": ["a", "", "µ"], "union": ("text", "chosen"), "any": 42.0,
        "sub": {"x": 1.0, "deep": {"y": "down"}}, "list": [{"n": 1}, {"n": 2}]})),
}
prefix = sys.argv[1]
with Server(providers=[{prefix + name: pv for name, pv in pvs.items()}], isolate=True) as server:
    print(json.dumps(server.conf()["EPICS_PVAS_SERVER_PORT"]))
    for line in sys.stdin:
        name, value = json.loads(line)
        if name == "image":
            pvs[name].post(np.full((3, 4), value, dtype=np.uint16))
        elif name == "close":
            pvs[value].close(destroy=True)
        else:
            pvs[name].post(value)
        print(json.dumps(True))
`

describe.skipIf(!peers().p4p)("our pvAccess client against a p4p server", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`
  let server: P4pServer
  let client: PvaClient

  beforeAll(async () => {
    server = await P4pServer.start(script, P)
    client = server.client
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  const post = async (name: string, value: unknown): Promise<void> => {
    server.script.send([name, value])
    await server.script.next()
  }

  it("reads every type there is", async () => {
    expect(plain(await client.get(`${P}all`))).toEqual({
      bool: true,
      i8: -8,
      i16: -16,
      i32: -32,
      i64: -(2n ** 60n),
      u8: 200,
      u16: 60000,
      u32: 4000000000,
      u64: 2n ** 63n,
      f32: 0.5,
      f64: 0.25,
      text: "Grüße",
      abool: Uint8Array.of(1, 0),
      ai8: Int8Array.of(-1, 1),
      ai64: BigInt64Array.of(-(2n ** 60n)),
      au64: BigUint64Array.of(2n ** 63n),
      af32: Float32Array.of(0.5),
      atext: ["a", "", "µ"],
      union: "chosen",
      any: 42,
      sub: { x: 1, deep: { y: "down" } },
      list: [{ n: 1 }, { n: 2 }],
    })
  })

  it("writes, is refused with the server's words, and goes on", async () => {
    await client.put(`${P}scalar`, 2.5)
    expect((await client.get(`${P}scalar`))["value"]).toBe(2.5)
    await expect(client.put(`${P}scalar`, -1)).rejects.toThrow(/ERROR "below zero"/)
    await expect(client.put(`${P}ro`, 1)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    await client.put(`${P}enum`, "Open")
    expect(plain((await client.get(`${P}enum`))["value"])).toEqual({ index: 1, choices: ["Close", "Open"] })
  })

  it("reads tables and images, and follows images as they come", async () => {
    expect(readTable(await client.get(`${P}table`))).toMatchObject({
      labels: ["x", "name"],
      columns: { x: Float64Array.of(1, 2), name: ["a", "b"] },
    })
    const image = readNdArray(await client.get(`${P}image`, { type: ntNdArray }))!
    expect(image).toMatchObject({ shape: [4, 3], pixelType: "ushort" })
    expect(image.data).toEqual(Uint16Array.from({ length: 12 }, (_, i) => i))
    await using monitor = client.monitor(`${P}image`, { pipeline: true })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    for (const pixel of [5, 6]) {
      await post("image", pixel)
      const { value: update } = await updates.next()
      expect(readNdArray(update?.value)?.data).toEqual(new Uint16Array(12).fill(pixel))
    }
  })

  it("calls a procedure", async () => {
    const result = await client.rpc(`${P}sum`, ntUri(`${P}sum`, { a: 1, b: 2 }))
    expect(plain(result)).toEqual({ value: 3 })
    await expect(client.rpc(`${P}sum`, ntUri(`${P}sum`, { a: 1 }))).rejects.toThrow(/b is missing/)
  })

  it("lists the names of the server through its info channel", async () => {
    const names = await client.rpc("server", ntUri("server", { op: "channels" }), {
      server: server.endpoint,
    })
    expect(names?.["value"]).toContain(`${P}scalar`)
  })

  it("hears when a PV is closed, and gets no more of it", async () => {
    const channel = client.channel(`${P}ro`)
    await channel.connect()
    const lost = new Promise<string>(resolve => channel.on("disconnected", reason => resolve(reason.code)))
    await post("close", "ro")
    expect(await lost).toBe("PVA_DISCONNECTED")
    channel.close()
  })

  it("sees updates of a declared type, with what changed", async () => {
    await using monitor = client.monitor(`${P}scalar`, { type: ntScalar("double"), deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    await post("scalar", 7)
    const { value: update } = await updates.next()
    expect(update?.value.value).toBe(7)
    expect(update?.changed.has("value")).toBe(true)
    expect(update?.changed.has("display")).toBe(false)
  })
})
