import { FakeClock } from "@ophyd-ts/epics-net/testing"
import fc from "fast-check"
import { afterEach, describe, expect, test, vi } from "vitest"
import { CaServer, ServerPv } from "../../src/index.ts"
import { Circuit, type CircuitServer } from "../../src/server/circuit.ts"
import { defaultLimits } from "../../src/server/limits.ts"
import { NameTable } from "../../src/server/names.ts"
import { Command } from "../../src/wire/constants.ts"
import { decodeDbr } from "../../src/wire/dbr-decode.ts"
import { Dbr, DbrFamily, dbrType } from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { writeCreateChannel } from "../../src/wire/messages/channel.ts"
import { writePut } from "../../src/wire/messages/write.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

/** A circuit without a socket: what it sends is counted, and the peer reads only when told to. */
function loneCircuit(
  pvs: ServerPv[],
  limits = {},
): {
  circuit: Circuit
  sent: Uint8Array[]
  state: { reads: boolean; paused: boolean; closed: boolean; held: number; mostHeld: number }
  drain(): void
} {
  const names = new NameTable()
  for (const pv of pvs) names.set(pv)
  const server: CircuitServer = {
    address: "test",
    port: 1,
    limits: { ...defaultLimits, ...limits },
    clock: new FakeClock(),
    strict: false,
    resolve: name => names.resolve(name),
    closed: () => undefined,
  }
  const sent: Uint8Array[] = []
  const state = { reads: true, paused: false, closed: false, held: 0, mostHeld: 0 }
  const circuit = new Circuit(server, {
    peer: "nobody",
    write(bytes, done) {
      sent.push(bytes.slice())
      if (state.reads) {
        done()
        return true
      }
      state.held += bytes.length
      state.mostHeld = Math.max(state.mostHeld, state.held)
      return state.held < server.limits.outputBytes
    },
    pause: () => {
      state.paused = true
    },
    resume: () => {
      state.paused = false
    },
    end: () => {
      state.closed = true
    },
    destroy: () => {
      state.closed = true
    },
  })
  const drain = (): void => {
    state.held = 0
    circuit.onDrain()
  }
  return { circuit, sent, state, drain }
}

const message = (
  command: number,
  type: number,
  count: number,
  p1: number,
  p2: number,
  payload = "",
): Buffer => {
  const body = Buffer.alloc(Math.ceil(payload.length / 8) * 8)
  body.write(payload)
  const header = Buffer.alloc(16)
  for (const [i, field] of [command, body.length, type, count].entries()) header.writeUInt16BE(field, i * 2)
  header.writeUInt32BE(p1, 8)
  header.writeUInt32BE(p2, 12)
  return Buffer.concat([header, body])
}

const hello = Buffer.concat([
  message(Command.VERSION, 0, 13, 0, 0),
  message(Command.CREATE_CHAN, 0, 0, 1, 13, "X:a"),
])

describe("a hostile client", () => {
  test("may send any bytes, cut anywhere: nothing throws, and memory stays bounded", () => {
    const field = fc.oneof(fc.nat(40), fc.nat(0xffff))
    const plausible = fc
      .tuple(field, field, field, fc.nat(2), fc.nat(3), fc.string({ maxLength: 40 }))
      .map(([command, type, count, p1, p2, payload]) => message(command % 30, type, count, p1, p2, payload))
    const noise = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes))
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: plausible }, noise), { maxLength: 30 }),
        fc.nat(200),
        (parts, cut) => {
          const pv = new ServerPv("X:a", { type: "double", value: [1, 2], maxCount: 5 })
          const { circuit, sent } = loneCircuit([pv], { payloadBytes: 10_000 })
          const stream = Buffer.concat([hello, ...parts])
          circuit.onData(stream.subarray(0, cut))
          circuit.onData(stream.subarray(cut))
          pv.post([3])
          circuit.onClose()
          const bytes = sent.reduce((n, chunk) => n + chunk.length, 0)
          expect(bytes).toBeLessThan(1000 + parts.length * 10_100)
        },
      ),
      { numRuns: 300 },
    )
  })

  test("that asks for a hundred large arrays and never reads gets one of them into memory", () => {
    const value = new Float64Array(100_000)
    const { circuit, state, drain, sent } = loneCircuit([new ServerPv("X:a", { type: "double", value })])
    circuit.onData(hello)
    state.reads = false
    const reads = Array.from({ length: 100 }, (_, i) => message(Command.READ_NOTIFY, Dbr.DOUBLE, 0, 0, i))
    circuit.onData(Buffer.concat(reads))
    expect(state).toMatchObject({ paused: true, closed: false })
    expect(state.mostHeld).toBeLessThan(2 * value.byteLength)
    // Every request is answered in the end, in order.
    for (let i = 0; i < 100; i++) drain()
    const ids = sent
      .filter(b => b[1] === Command.READ_NOTIFY && b.length <= 24)
      .map(b => Buffer.from(b).readUInt32BE(12))
    expect(ids).toEqual(reads.map((_, i) => i))
    expect(state.paused).toBe(false)
  })

  test("that subscribes and never reads holds one value per subscription, the newest, whatever is posted", () => {
    const pv = new ServerPv("X:a", { type: "double", value: 0 })
    const { circuit, state, drain, sent } = loneCircuit([pv], { outputBytes: 10_000 })
    circuit.onData(hello)
    circuit.onData(message(Command.EVENT_ADD, Dbr.DOUBLE, 0, 0, 9, "\0\0\0\0\0\0\0\0\0\0\0\0\0\u0001\0\0"))
    state.reads = false
    for (let i = 1; i <= 100_000; i++) pv.post(i)
    circuit.onData(message(Command.ECHO, 0, 0, 0, 0))
    expect(state.mostHeld).toBeLessThan(200_000)
    sent.length = 0
    drain()
    const bytes = Buffer.concat(sent)
    expect(bytes.readUInt32BE(12)).toBe(9)
    expect(bytes.readDoubleBE(16)).toBe(100_000)
  })

  test("whose backlog of messages that cannot be merged passes the limit is cut off", () => {
    const pv = new ServerPv("X:a", { type: "double", value: 0 })
    const { circuit, state } = loneCircuit([pv], { outputBytes: 100, backlogBytes: 10_000 })
    circuit.onData(hello)
    state.reads = false
    for (let i = 0; i < 100_000 && !state.closed; i++) {
      pv.setAccess(i % 2 === 0 ? "read" : "read-write")
      if (i % 100 === 0) circuit.output.flush()
    }
    expect(state.closed).toBe(true)
    expect(state.mostHeld).toBeLessThan(30_000)
    expect(pv.channelCount).toBe(0)
  })

  test("that floods CREATE_CHAN gets CREATE_CH_FAIL beyond the limit, and a fresh channel after clearing one", async () => {
    const server = await startServer({ limits: { channels: 10 } })
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    for (let cid = 0; cid < 1000; cid++) writeCreateChannel(client.writer, cid, "X:a")
    client.flush()
    const replies = await client.settle()
    expect(replies.filter(m => m.command === Command.CREATE_CHAN)).toHaveLength(10)
    expect(replies.filter(m => m.command === Command.CREATE_CH_FAIL)).toHaveLength(990)
    client.send(Command.CLEAR_CHANNEL, 0, 0, 3, 3)
    await client.take(Command.CLEAR_CHANNEL)
    expect((await client.create("X:a")).sid).not.toBeUndefined()
  })

  test.each([
    ["empty", ""],
    ["of 600 bytes", "n".repeat(600)],
    ["that is no UTF-8", "\u00ff\u00fe"],
  ])("that creates a channel with a name %s gets CREATE_CH_FAIL", async (_, name) => {
    const server = await startServer()
    server.provide(() => {
      throw new Error("asked")
    })
    const client = await RawClient.connect(server.port)
    client.send(
      Command.CREATE_CHAN,
      0,
      0,
      4,
      13,
      Buffer.concat([Buffer.from(name, "latin1"), Buffer.alloc(8 - (name.length % 8))]),
    )
    expect((await client.take(Command.CREATE_CH_FAIL)).p1).toBe(4)
    client.send(Command.CREATE_CHAN, 0, 0, 5, 13)
    expect((await client.take(Command.CREATE_CH_FAIL)).p1).toBe(5)
  })

  test("that subscribes beyond the limit gets ADDFAIL", async () => {
    const server = await startServer({ limits: { subscriptions: 2 } })
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    for (const subid of [1, 2, 3]) client.subscribe(sid, Dbr.LONG, 1, subid)
    await client.update()
    await client.update()
    expect((await client.error()).status).toBe(Eca.ADDFAIL)
  })

  test("that announces 4 GiB is answered TOLARGE and can go on only after sending them", async () => {
    const server = await startServer({ limits: { payloadBytes: 1 << 16 } })
    server.add(new ServerPv("X:a", { type: "char", value: [], maxCount: 10 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    writePut(client.writer, false, Dbr.CHAR, 80_000, sid, 1, new Uint8Array(80_000))
    client.flush()
    expect(await client.error()).toMatchObject({
      status: Eca.TOLARGE,
      request: { size: 80_000, count: 80_000 },
    })
    await client.settle()
    const huge = Buffer.from("0004ffff00040000000000000000000100000000", "hex")
    client.socket.write(Buffer.concat([huge.subarray(0, 16), Buffer.from("fffffff8ffffffff", "hex")]))
    expect((await client.error()).status).toBe(Eca.TOLARGE)
  })

  test("that completes a put too large is told so in the reply", async () => {
    const server = await startServer({ limits: { payloadBytes: 1000 } })
    server.add(new ServerPv("X:a", { type: "char", value: [], maxCount: 10 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    expect(await client.put(sid, Dbr.CHAR, [...new Uint8Array(2000)])).toBe(Eca.TOLARGE)
  })

  test("that says nothing is dropped after a while, one that has spoken is not", async () => {
    const clock = new FakeClock()
    const server = await startServer({ clock, limits: { helloTimeout: 30 } })
    const silent = await RawClient.connect(server.port, { greet: false })
    const idle = await RawClient.connect(server.port)
    await silent.take(Command.VERSION)
    await idle.settle()
    clock.advance(29)
    expect(server.clients).toHaveLength(2)
    clock.advance(2)
    await silent.waitClosed()
    await idle.settle()
  })

  test("beyond the limit of circuits is turned away", async () => {
    const server = await startServer({ limits: { circuits: 1 } })
    const first = await RawClient.connect(server.port)
    const second = await RawClient.connect(server.port, { greet: false })
    await second.waitClosed()
    await first.settle()
  })
})

test("a real client that stops reading a flood of arrays loses updates but not the last, and nobody else waits for it", async () => {
  const server = await startServer()
  const pv = server.add(new ServerPv("X:image", { type: "char", value: new Uint8Array(1 << 18) }))
  const slow = await RawClient.connect(server.port)
  const quick = await RawClient.connect(server.port)
  const TIME_CHAR = dbrType(Dbr.CHAR, DbrFamily.TIME)
  for (const client of [slow, quick]) {
    const { sid } = await client.create("X:image")
    client.subscribe(sid, TIME_CHAR, 1, 1)
    await client.take(Command.EVENT_ADD)
  }
  slow.socket.pause()
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  for (let i = 1; i <= 200; i++) {
    pv.post(new Uint8Array(1 << 18).fill(i))
    await quick.take(Command.EVENT_ADD)
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  slow.socket.resume()
  const first = (image: Uint8Array): number => image[0]!
  await vi.waitFor(() => {
    const last = slow.inbox.at(-1)!
    expect(first(decodeDbr(last, false).value as Uint8Array)).toBe(200)
  }, 40_000)
  expect(slow.inbox.length).toBeLessThan(150)
  expect(most).toBeLessThan(60 << 20)
})

test("nothing is left behind when a server closes", async () => {
  const server = await CaServer.listen()
  const pv = server.add(
    new ServerPv("X:a", { type: "long", value: 1, onPut: () => new Promise(() => undefined) }),
  )
  const client = await RawClient.connect(server.port)
  const { sid } = await client.create("X:a")
  client.subscribe(sid, Dbr.LONG, 1, 1)
  writePut(client.writer, true, Dbr.LONG, 1, sid, 1, 5)
  client.flush()
  await client.settle()
  const { port } = server
  await server.close()
  await client.waitClosed()
  expect([pv.channelCount, server.clients]).toEqual([0, []])
  pv.post(7)
  // The port is free again, and closing twice is harmless.
  await server.close()
  await startServer({ port })
})

test("a server closes although a client never reads what it was sent", async () => {
  const server = await CaServer.listen()
  server.add(new ServerPv("X:a", { type: "char", value: new Uint8Array(8 << 20) }))
  const client = await RawClient.connect(server.port)
  const { sid } = await client.create("X:a")
  client.socket.pause()
  client.send(Command.READ_NOTIFY, Dbr.CHAR, 0, sid, 1)
  await vi.waitFor(() => expect(client.socket.bytesRead).toBeGreaterThan(1000))
  await server.close()
  await client.close()
})

test("a client of an old protocol is refused what needs an extended header", async () => {
  const server = await startServer()
  server.add(new ServerPv("X:a", { type: "char", value: new Uint8Array(20_000) }))
  const client = await RawClient.connect(server.port)
  client.send(Command.VERSION, 0, 8)
  const { sid } = await client.create("X:a")
  expect((await client.read(sid, Dbr.CHAR, 20_000)).eca).toBe(Eca["16KARRAYCLIENT"])
  expect((await client.read(sid, Dbr.CHAR, 10_000)).eca).toBe(Eca.NORMAL)
})
