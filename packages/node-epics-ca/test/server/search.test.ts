import { createSocket, type Socket } from "node:dgram"
import { once } from "node:events"
import { FakeClock } from "@ophyd-ts/epics-net/testing"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { ServerPv } from "../../src/index.ts"
import { answerSearch } from "../../src/server/search.ts"
import { Command } from "../../src/wire/constants.ts"
import { readBeacon } from "../../src/wire/messages/beacon.ts"
import { writeSearch } from "../../src/wire/messages/search.ts"
import { writeDatagramVersion } from "../../src/wire/messages/version.ts"
import { parseDatagram } from "../../src/wire/parser.ts"
import { MessageWriter } from "../../src/wire/writer.ts"
import { closeAll, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const bytes = (...words: string[]): Uint8Array => Buffer.from(words.join("").replaceAll(" ", ""), "hex")

const exists = (name: string): boolean => name.startsWith("t:")

function request(names: string[], sequence?: number): Uint8Array {
  const writer = new MessageWriter()
  writeDatagramVersion(writer, sequence)
  for (const [id, name] of names.entries()) writeSearch(writer, id, name)
  return writer.take().slice()
}

describe("a search datagram", () => {
  test("is answered as a genuine server answers it, VERSION first", () => {
    const datagram = bytes(
      "00000000 0001000d 00000001 00000000",
      "00060008 0005000d 00000001 00000001",
      "743a6169 00000000",
    )
    expect(answerSearch(datagram, exists, 25064).map(hex)).toEqual([
      hex(
        bytes(
          "00000000 0001000d 00000001 00000000",
          "00060008 61e80000 ffffffff 00000001",
          "000d0000 00000000",
        ),
      ),
    ])
  })

  test("with several names gets one VERSION and an answer for each that exists, by p2", () => {
    const writer = new MessageWriter()
    writeDatagramVersion(writer, 7)
    writer.text(Command.SEARCH, 10, 13, 1, 11, "t:a")
    writer.text(Command.SEARCH, 10, 13, 2, 12, "nobody")
    writer.text(Command.SEARCH, 5, 13, 3, 13, "t:b")
    const [reply] = answerSearch(writer.take(), exists, 5064)
    const seen: number[][] = []
    parseDatagram(reply!, m => void seen.push([m.command, m.p1, m.p2]))
    expect(seen).toEqual([
      [Command.VERSION, 7, 0],
      [Command.SEARCH, 0xffffffff, 11],
      [Command.SEARCH, 0xffffffff, 13],
    ])
  })

  test("is not answered when nothing is known, when VERSION is missing, or when the name is empty", () => {
    expect(answerSearch(request(["x", "y"]), exists, 1)).toEqual([])
    expect(answerSearch(request(["t:a"]).subarray(16), exists, 1)).toEqual([])
    expect(answerSearch(request([""]), () => true, 1)).toEqual([])
  })

  test("of an old client gets no VERSION back", () => {
    const writer = new MessageWriter()
    writer.begin(Command.VERSION, 0, 0, 10, 0, 0)
    writeSearch(writer, 1, "t:a")
    const [reply] = answerSearch(writer.take(), exists, 1)
    expect([reply!.length, reply![1]]).toEqual([24, Command.SEARCH])
  })

  test("with very many names is answered in several datagrams, each with VERSION and none above 1024 bytes", () => {
    const replies = answerSearch(
      request(
        Array.from({ length: 500 }, (_, i) => `t:${i}`),
        3,
      ),
      exists,
      1,
    )
    const ids: number[] = []
    for (const reply of replies) {
      expect(reply.length).toBeLessThanOrEqual(1024)
      expect([...reply.subarray(0, 12)]).toEqual([0, 0, 0, 0, 0, 1, 0, 13, 0, 0, 0, 3])
      parseDatagram(reply, m => void (m.command === Command.SEARCH && ids.push(m.p2)))
    }
    expect(ids).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  test("of any bytes does no harm and is never answered with more than it brought", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, valid) => {
        const datagram = valid ? Buffer.concat([request(["t:a"]), noise]) : noise
        const total = answerSearch(datagram, exists, 1).reduce((n, reply) => n + reply.length, 0)
        expect(total).toBeLessThanOrEqual(datagram.length)
      }),
    )
  })
})

describe("a server's UDP port", () => {
  let socket: Socket
  beforeEach(async () => {
    socket = createSocket("udp4")
    socket.bind(0, "127.0.0.1")
    await once(socket, "listening")
  })
  afterEach(() => void socket.close())

  test("answers searches from the port they were sent to, with the TCP port", async () => {
    const server = await startServer({ searchPort: 0 })
    server.add(new ServerPv("t:a", { type: "long", value: 1 }))
    socket.send(request(["t:none", "t:a"], 5), server.searchPort!, "127.0.0.1")
    const [reply, from] = (await once(socket, "message")) as [Buffer, { port: number }]
    expect(from.port).toBe(server.searchPort)
    expect(reply.readUInt16BE(20)).toBe(server.port)
    expect(reply.readUInt32BE(28)).toBe(1)
  })

  test("may be shared by two servers, and ignores whom it was told to ignore", async () => {
    const first = await startServer({ searchPort: 0 })
    await startServer({ searchPort: first.searchPort!, ignore: ["127.0.0.1"] })
  })

  test("is not there by default", async () => {
    const server = await startServer()
    expect(server.searchPort).toBeUndefined()
  })

  test("sends beacons when asked for: at once, then at doubling intervals up to the period", async () => {
    const clock = new FakeClock()
    const heard: { counter: number; port: number; at: number }[] = []
    socket.on("message", datagram =>
      parseDatagram(datagram, m => {
        const { counter, port } = readBeacon(m)
        heard.push({ counter, port, at: Math.round(clock.now() * 1000) })
      }),
    )
    const start = clock.now()
    const to = { host: "127.0.0.1", port: socket.address().port }
    const server = await startServer({ clock, beacons: [to], beaconPeriod: 0.1 })
    for (const [n, step] of [0, 0.02, 0.04, 0.08, 0.1, 0.1].entries()) {
      clock.advance(step)
      await vi.waitFor(() => expect(heard).toHaveLength(n + 1))
    }
    expect(heard.map(({ counter, port }) => [counter, port])).toEqual(
      [0, 1, 2, 3, 4, 5].map(n => [n, server.port]),
    )
    expect(heard.map(({ at }) => at - Math.round(start * 1000))).toEqual([0, 20, 60, 140, 240, 340])
    await server.close()
    clock.advance(10)
    expect(heard).toHaveLength(6)
  })
})
