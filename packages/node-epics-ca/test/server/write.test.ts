import { afterEach, describe, expect, test, vi } from "vitest"
import { PutRefused, ServerPv } from "../../src/index.ts"
import { Command } from "../../src/wire/constants.ts"
import {
  DBR_PUT_ACKS,
  DBR_PUT_ACKT,
  DBR_STSACK_STRING,
  Dbr,
  DbrFamily,
  dbrType,
} from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { writeClearChannel } from "../../src/wire/messages/channel.ts"
import { writePut } from "../../src/wire/messages/write.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

async function serve<P extends ServerPv>(
  pv: P,
  name = pv.name,
): Promise<{ pv: P; client: RawClient; sid: number; cid: number; port: number }> {
  const server = await startServer()
  server.add(pv)
  const client = await RawClient.connect(server.port)
  return { pv, client, port: server.port, ...(await client.create(name)) }
}

/** A put handler whose completions the test decides. */
function pendingPuts(): {
  onPut: (value: unknown) => Promise<void>
  pending: { value: unknown; done: () => void; fail: (e: Error) => void }[]
} {
  const pending: { value: unknown; done: () => void; fail: (e: Error) => void }[] = []
  const onPut = (value: unknown): Promise<void> =>
    new Promise((done, fail) => pending.push({ value, done, fail }))
  return { onPut, pending }
}

describe("writing", () => {
  test.each([
    ["double", 0, "12.5", Dbr.STRING, 12.5],
    ["long", 0, 12.9, Dbr.DOUBLE, 12],
    ["short", 0, 70000, Dbr.LONG, 4464],
    ["char", 0, 200, Dbr.CHAR, 200],
    ["float", 0, 7, Dbr.SHORT, 7],
    ["string", "", 1.5, Dbr.DOUBLE, "1.500000"],
    ["enum", 0, "On", Dbr.STRING, 1],
    ["enum", 0, "1", Dbr.STRING, 1],
    ["enum", 0, 1, Dbr.ENUM, 1],
  ] as const)("a %s takes what converts (%#)", async (type, value, written, as, result) => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type, value, enumStrings: type === "enum" ? ["Off", "On"] : [] }),
    )
    expect(await client.put(sid, as, written)).toBe(Eca.NORMAL)
    expect(pv.value).toBe(result)
  })

  test("a handler that posts by itself shows the value when it likes", async () => {
    const { onPut, pending } = pendingPuts()
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "double", value: 1, onPut, postPuts: false }),
    )
    const answer = client.put(sid, Dbr.DOUBLE, 2)
    await vi.waitFor(() => expect(pending).toHaveLength(1))
    expect(pv.value).toBe(1)
    pv.post(2)
    pending[0]!.done()
    expect([await answer, pv.value]).toEqual([Eca.NORMAL, 2])
  })

  test("WRITE_NOTIFY of what does not convert fails with PUTFAIL and changes nothing", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "enum", value: 1, enumStrings: ["Off", "On"] }),
    )
    for (const [type, value] of [
      [Dbr.STRING, "Maybe"],
      [Dbr.ENUM, 2],
      [Dbr.STRING, "2"],
    ] as const) {
      expect(await client.put(sid, type, value)).toBe(Eca.PUTFAIL)
    }
    expect(pv.value).toBe(1)
  })

  test("WRITE has no reply, but a failure comes as ERROR with the request's header and a text", async () => {
    const { pv, client, sid, cid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    writePut(client.writer, false, Dbr.DOUBLE, 1, sid, 7, 2)
    client.flush()
    expect(await client.settle()).toEqual([])
    expect(pv.value).toBe(2)
    writePut(client.writer, false, Dbr.STRING, 1, sid, 0xca, "abc")
    client.flush()
    expect(await client.error()).toEqual({
      cid,
      status: Eca.PUTFAIL,
      request: { command: Command.WRITE, size: 8, type: Dbr.STRING, count: 1, p1: sid, p2: 0xca },
      text: '"abc" is not a number of the channel\'s type',
    })
  })

  test("a read behind a write in the same segment sees its effect", async () => {
    const { client, sid } = await serve(
      new ServerPv("X:v", { type: "long", value: 1, onPut: () => new Promise(() => undefined) }),
    )
    writePut(client.writer, true, Dbr.LONG, 1, sid, 7, 2)
    expect((await client.read(sid, Dbr.LONG)).value).toBe(2)
  })

  test("fewer elements shorten an array, none empty it, more than fit are left out", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "double", value: [1, 2, 3], maxCount: 4 }),
    )
    await client.put(sid, Dbr.DOUBLE, [5, 6])
    expect(pv.value).toEqual(Float64Array.of(5, 6))
    await client.put(sid, Dbr.STRING, ["1.5", "2", "3", "4", "5", "6"])
    expect(pv.value).toEqual(Float64Array.of(1.5, 2, 3, 4))
    expect(await client.put(sid, Dbr.DOUBLE, [])).toBe(Eca.NORMAL)
    expect(pv.value).toEqual(new Float64Array(0))
  })

  test("a scalar takes the first of several elements, and ignores an empty write", async () => {
    const onPut = vi.fn()
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1, onPut }))
    expect(await client.put(sid, Dbr.DOUBLE, [8, 9])).toBe(Eca.NORMAL)
    expect(pv.value).toBe(8)
    expect(await client.put(sid, Dbr.DOUBLE, [])).toBe(Eca.NORMAL)
    expect([pv.value, onPut.mock.calls.length]).toEqual([8, 1])
  })

  test("the $ form writes a long text, up to its NUL", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:rec.DESC", { type: "string", value: "", maxLength: 100 }),
      "X:rec.DESC$",
    )
    const text = "a text of more than forty bytes, with an ü in it"
    await client.put(sid, Dbr.CHAR, [...new TextEncoder().encode(`${text}\0junk`)])
    expect(pv.value).toBe(text)
    await client.put(sid, Dbr.STRING, "short")
    expect(pv.value).toBe("short")
  })

  test("a write of a type that cannot be written fails with BADTYPE, one that claims too much with BADCOUNT", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    client.send(Command.WRITE_NOTIFY, dbrType(Dbr.DOUBLE, DbrFamily.TIME), 1, sid, 1, new Uint8Array(24))
    expect((await client.take(Command.WRITE_NOTIFY)).p1).toBe(Eca.BADTYPE)
    client.send(Command.WRITE_NOTIFY, Dbr.DOUBLE, 5, sid, 2, new Uint8Array(8))
    expect((await client.take(Command.WRITE_NOTIFY)).p1).toBe(Eca.BADCOUNT)
    client.send(Command.WRITE, Dbr.DOUBLE, 0xffff, sid, 2, new Uint8Array(8))
    expect((await client.error()).status).toBe(Eca.BADCOUNT)
    expect(pv.value).toBe(1)
  })

  test("alarm acknowledgement is remembered", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    expect(await client.put(sid, DBR_PUT_ACKT, 0)).toBe(Eca.NORMAL)
    expect((await client.read(sid, DBR_STSACK_STRING)).metadata).toEqual({ ackTransient: 0, ackSeverity: 0 })
    expect(await client.put(sid, DBR_PUT_ACKS, 2)).toBe(Eca.NORMAL)
  })

  test("ten thousand pipelined completion writes keep order and count", async () => {
    const values: number[] = []
    const { client, sid } = await serve(
      new ServerPv("X:v", { type: "long", value: -1, onPut: v => void values.push(v) }),
    )
    const all = Array.from({ length: 10_000 }, (_, i) => i)
    for (const i of all) writePut(client.writer, true, Dbr.LONG, 1, sid, i, i)
    client.flush()
    const replies = await client.settle()
    expect(replies.map(m => m.p2)).toEqual(all)
    expect(values).toEqual(all)
  })
})

describe("a put handler", () => {
  test("runs before the value is posted, and may post another one itself", async () => {
    const seen: unknown[] = []
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", {
        type: "long",
        value: 1,
        onPut: value => {
          seen.push(pv.value, value)
          pv.post(value * 2)
        },
      }),
    )
    await client.put(sid, Dbr.LONG, 5)
    expect([seen, pv.value]).toEqual([[1, 5], 10])
  })

  test("completes the client's put when its promise settles, in whatever order", async () => {
    const { onPut, pending } = pendingPuts()
    const { pv, client, port, sid } = await serve(new ServerPv("X:v", { type: "long", value: 0, onPut }))
    const other = await RawClient.connect(port)
    const { sid: otherSid } = await other.create("X:v")
    const first = client.put(sid, Dbr.LONG, 1)
    await vi.waitFor(() => expect(pending).toHaveLength(1))
    const second = other.put(otherSid, Dbr.LONG, 2)
    await vi.waitFor(() => expect(pending).toHaveLength(2))
    expect(pv.value).toBe(2)
    pending[1]!.done()
    expect(await second).toBe(Eca.NORMAL)
    pending[0]!.fail(new Error("stalled"))
    expect(await first).toBe(Eca.PUTFAIL)
  })

  test("a pending completion does not hold up other requests", async () => {
    const { onPut, pending } = pendingPuts()
    const { client, sid } = await serve(new ServerPv("X:v", { type: "long", value: 0, onPut }))
    writePut(client.writer, true, Dbr.LONG, 1, sid, 1, 5)
    expect((await client.read(sid, Dbr.LONG)).value).toBe(5)
    pending[0]!.done()
    expect((await client.take(Command.WRITE_NOTIFY)).p2).toBe(1)
  })

  test("that throws refuses the value, with its own text and status", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", {
        type: "long",
        value: 1,
        onPut: value => {
          throw value > 5 ? new PutRefused("beyond the limit", Eca.BADCOUNT) : new Error("not today")
        },
      }),
    )
    expect(await client.put(sid, Dbr.LONG, 9)).toBe(Eca.BADCOUNT)
    writePut(client.writer, false, Dbr.LONG, 1, sid, 3, 4)
    client.flush()
    expect(await client.error()).toMatchObject({ status: Eca.PUTFAIL, text: "not today", request: { p2: 3 } })
    expect(pv.value).toBe(1)
  })

  test("that rejects after a plain WRITE is reported by ERROR", async () => {
    const { onPut, pending } = pendingPuts()
    const { client, sid, cid } = await serve(new ServerPv("X:v", { type: "long", value: 0, onPut }))
    writePut(client.writer, false, Dbr.LONG, 1, sid, 8, 5)
    client.flush()
    await vi.waitFor(() => expect(pending).toHaveLength(1))
    pending[0]!.fail(new Error("axis stuck"))
    expect(await client.error()).toMatchObject({
      cid,
      status: Eca.PUTFAIL,
      text: "axis stuck",
      request: { p2: 8 },
    })
  })

  test("may be preceded by a check that refuses or replaces a value before anything happens", async () => {
    const onPut = vi.fn(async () => undefined)
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", {
        type: "double",
        value: 1,
        check: value => {
          if (Number.isNaN(value)) throw new Error("not a position")
          return Math.min(value, 10)
        },
        onPut,
      }),
    )
    expect(await client.put(sid, Dbr.DOUBLE, Number.NaN)).toBe(Eca.PUTFAIL)
    expect([pv.value, onPut.mock.calls.length]).toEqual([1, 0])
    expect(await client.put(sid, Dbr.DOUBLE, 99)).toBe(Eca.NORMAL)
    expect(pv.value).toBe(10)
  })

  test.each([
    ["the circuit closes", (client: RawClient) => void client.close()],
    [
      "the channel is cleared",
      (client: RawClient, sid: number, cid: number) => {
        writeClearChannel(client.writer, sid, cid)
        client.flush()
      },
    ],
  ])("is told by its signal when %s", async (_, leave) => {
    const signals: AbortSignal[] = []
    const { client, sid, cid, port } = await serve(
      new ServerPv("X:v", {
        type: "long",
        value: 0,
        onPut: (_v, { signal }) => {
          signals.push(signal)
          return new Promise(resolve => signal.addEventListener("abort", () => resolve()))
        },
      }),
    )
    const other = await RawClient.connect(port)
    const { sid: otherSid } = await other.create("X:v")
    writePut(client.writer, true, Dbr.LONG, 1, sid, 1, 5)
    client.flush()
    writePut(other.writer, true, Dbr.LONG, 1, otherSid, 1, 6)
    other.flush()
    await vi.waitFor(() => expect(signals).toHaveLength(2))
    leave(client, sid, cid)
    await vi.waitFor(() => expect(signals.filter(s => s.aborted)).toHaveLength(1))
  })

  test("of a PV that is removed: the client's put fails and then the channel goes", async () => {
    const { onPut } = pendingPuts()
    const server = await startServer()
    server.add(new ServerPv("X:v", { type: "long", value: 0, onPut }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:v")
    writePut(client.writer, true, Dbr.LONG, 1, sid, 4, 5)
    client.flush()
    await client.settle()
    server.remove("X:v")
    const reply = await client.take(Command.WRITE_NOTIFY)
    expect([reply.p1, reply.p2]).toEqual([Eca.DISCONN, 4])
    await client.take(Command.SERVER_DISCONN)
  })

  test("beyond the limit of puts under way fails with PUTCBINPROG", async () => {
    const { onPut, pending } = pendingPuts()
    const server = await startServer({ limits: { puts: 1 } })
    server.add(new ServerPv("X:v", { type: "long", value: 0, onPut }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:v")
    writePut(client.writer, true, Dbr.LONG, 1, sid, 1, 5)
    writePut(client.writer, true, Dbr.LONG, 1, sid, 2, 6)
    client.flush()
    expect((await client.take(Command.WRITE_NOTIFY)).p1).toBe(Eca.PUTCBINPROG)
    pending[0]!.done()
    expect((await client.take(Command.WRITE_NOTIFY)).p1).toBe(Eca.NORMAL)
    writePut(client.writer, true, Dbr.LONG, 1, sid, 3, 7)
    client.flush()
    await vi.waitFor(() => expect(pending).toHaveLength(2))
  })
})
