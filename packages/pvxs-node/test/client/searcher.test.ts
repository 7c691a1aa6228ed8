import { UdpPort } from "@ophyd-ts/epics-net"
import { FakeClock, seededRandom } from "@ophyd-ts/epics-net/testing"
import { describe, expect, it } from "vitest"
import { resolveConfig } from "../../src/client/config.ts"
import type { Connection } from "../../src/client/connection.ts"
import { type SearchedName, Searcher } from "../../src/client/searcher.ts"
import { Command } from "../../src/wire/codes.ts"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { readSearch, writeBeacon } from "../../src/wire/search.ts"
import { Writer } from "../../src/wire/writer.ts"
import { until } from "../support/until.ts"

const entry = (cid: number, name = `name:${cid}`): SearchedName => ({
  cid,
  name,
  searchPlace: undefined,
  searchAttempts: 0,
  searchWindow: -1,
})

/** A search engine on a clock of the test's, with one name server that keeps what it is asked. */
function engine(): { clock: FakeClock; searcher: Searcher; asked: string[][] } {
  const clock = new FakeClock()
  const asked: string[][] = []
  const nameServer = {
    isReady: true,
    backlog: 0,
    send: (write: (writer: Writer) => void) => {
      const writer = new Writer()
      write(writer)
      new Framer(defaultLimits, false, {
        onMessage: (_, reader) => asked.push(readSearch(reader).channels.map(c => c.name)),
        onControl: () => {},
      }).push(writer.toBytes())
    },
  } as unknown as Connection
  const config = resolveConfig({ env: {}, autoAddressList: false, clock, random: seededRandom() })
  const searcher = new Searcher(
    config,
    () => [nameServer],
    () => {},
  )
  return { clock, searcher, asked }
}

const beacon = (guid: string, port = 5075): Uint8Array => {
  const writer = new Writer({ little: false, fromServer: true })
  writeBeacon(writer, {
    guid: guid.repeat(12),
    sequence: 1,
    changeCount: 0,
    address: "",
    port,
    protocol: "tcp",
  })
  return writer.toBytes()
}
const from = { host: "127.0.0.1", port: 5076 }

describe("searching", () => {
  it("asks at once for all names of a turn together, then less and less often, for ever", async () => {
    const { clock, searcher, asked } = engine()
    for (let cid = 1; cid <= 3; cid++) searcher.add(entry(cid))
    clock.advance(0)
    expect(asked).toEqual([["name:1", "name:2", "name:3"]])
    clock.advance(60)
    const minute = asked.length
    expect(minute).toBeGreaterThan(5)
    clock.advance(60)
    expect(asked.length - minute).toBeLessThanOrEqual(4)
    expect(asked.length).toBeGreaterThan(minute)
    await searcher.close()
    clock.advance(600)
    expect(clock.pending).toBe(0)
  })

  it("hurries when a server appears that it did not know, or under another identity, not oftener than it should", async () => {
    const { clock, searcher, asked } = engine()
    searcher.add(entry(1))
    clock.advance(200)
    const within = (seconds: number): number => {
      const before = asked.length
      clock.advance(seconds)
      return asked.length - before
    }
    searcher.onDatagram(beacon("01"), from)
    expect(within(1.5)).toBeGreaterThan(0)
    clock.advance(100)
    searcher.onDatagram(beacon("01"), from)
    expect(within(1.5)).toBe(0)
    searcher.onDatagram(beacon("02"), from)
    expect(within(1.5)).toBeGreaterThan(0)
    // Many new servers at once are one reason, not many.
    clock.advance(100)
    for (let n = 0; n < 50; n++) searcher.onDatagram(beacon("03", 6000 + n), from)
    expect(within(3)).toBeLessThan(6)
    await searcher.close()
  })

  it("keeps every datagram small, and loses no name", async () => {
    const datagrams: { bytes: number; names: string[] }[] = []
    const target = await UdpPort.open({
      address: "127.0.0.1",
      onDatagram: datagram =>
        new Framer(defaultLimits, false, {
          onMessage: (command, reader) => {
            if (command !== Command.search) return
            datagrams.push({ bytes: datagram.length, names: readSearch(reader).channels.map(c => c.name) })
          },
          onControl: () => {},
        }).push(datagram),
    })
    const config = resolveConfig({
      env: {},
      autoAddressList: false,
      addressList: [`127.0.0.1:${target.port}`],
    })
    const searcher = new Searcher(
      config,
      () => [],
      () => {},
    )
    const names = Array.from({ length: 300 }, (_, i) => `beamline:µ:device:${i}${"x".repeat(i % 60)}`)
    for (const [cid, name] of names.entries()) searcher.add(entry(cid, name))
    await until(() => expect(new Set(datagrams.flatMap(d => d.names)).size).toBe(names.length))
    expect(Math.max(...datagrams.map(d => d.bytes))).toBeLessThanOrEqual(1400)
    await searcher.close()
    await target.close()
  })
})
