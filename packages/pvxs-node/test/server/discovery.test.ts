import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { UdpPort } from "@ophyd-ts/epics-net"
import { UdpProxy } from "@ophyd-ts/epics-net/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PvaClient } from "../../src/client/client.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { Command } from "../../src/wire/codes.ts"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import type { Reader } from "../../src/wire/reader.ts"
import {
  readBeacon,
  readSearchResponse,
  type SearchResponse,
  writeBeacon,
  writeSearch,
  writeSearchResponse,
} from "../../src/wire/search.ts"
import { Writer } from "../../src/wire/writer.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")

/** A UDP port that nobody uses just now. */
async function freePort(): Promise<number> {
  const udp = await UdpPort.open({ address: "127.0.0.1", onDatagram: () => {} })
  const { port } = udp
  await udp.close()
  return port
}

const messages = (
  datagram: Uint8Array,
  fromServer: boolean,
  onMessage: (command: number, reader: Reader) => void,
): void => {
  new Framer(defaultLimits, fromServer, { onMessage, onControl: () => {} }).push(datagram)
}

describe("finding by UDP", () => {
  let port: number
  let server: PvaServer
  let client: PvaClient | undefined
  beforeEach(async () => {
    port = await freePort()
    server = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port: 0,
      broadcastPort: port,
      autoBeaconAddressList: false,
      env: {},
    })
    server.add("x", new SharedPv(double, { value: { value: 4 } }))
  })
  afterEach(async () => {
    await client?.close()
    await server.close()
  })
  const search = (addressList: readonly string[], broadcastPort = port): PvaClient => {
    client = new PvaClient({ addressList, autoAddressList: false, broadcastPort, env: {} })
    return client
  }

  it("works by unicast", async () => {
    expect((await search(["127.0.0.1"]).get("x"))["value"]).toBe(4)
  })

  it("survives lost, doubled and reordered datagrams", async () => {
    await using proxy = await UdpProxy.start({ port })
    let lost = 0
    proxy.toTarget.drop = () => lost++ < 2
    proxy.toClient.duplicate = 2
    // The response says "whoever sent this", which is the proxy, so it is given the server's TCP port on this host.
    expect((await search([`127.0.0.1:${proxy.port}`]).get("x", { timeout: 20 }))["value"]).toBe(4)
    expect(server.clientCount).toBe(1)
  })

  it("reaches a server behind another program's socket: the receiver passes a unicast search on", async () => {
    // The second server binds the same port, so the system gives unicast datagrams to one of the two only.
    await using second = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port: 0,
      broadcastPort: port,
      autoBeaconAddressList: false,
      env: {},
    })
    second.add("y", new SharedPv(double, { value: { value: 5 } }))
    const both = search(["127.0.0.1"])
    expect((await both.get("x", { timeout: 20 }))["value"]).toBe(4)
    expect((await both.get("y", { timeout: 20 }))["value"]).toBe(5)
  })

  it("uses one server when two have the name, and reports the other", async () => {
    const problems: string[] = []
    const note = (message: unknown): unknown => problems.push(String((message as { error: unknown }).error))
    subscribe("pvxs-node:problem", note)
    await using second = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port: 0,
      broadcastPort: port,
      autoBeaconAddressList: false,
      env: {},
    })
    second.add("x", new SharedPv(double, { value: { value: 5 } }))
    await search(["127.0.0.1"]).get("x", { timeout: 20 })
    expect(server.clientCount + second.clientCount).toBe(1)
    await until(() =>
      expect(problems.join()).toMatch(/x is served by 127.0.0.1:\d+ and by 127.0.0.1:\d+; the first is used/),
    )
    unsubscribe("pvxs-node:problem", note)
  })

  it("answers who is there, and stays silent about names it does not have", async () => {
    const responses: SearchResponse[] = []
    const udp = await UdpPort.open({
      address: "127.0.0.1",
      onDatagram: datagram =>
        messages(datagram, true, (command, reader) => {
          if (command === Command.searchResponse) responses.push(readSearchResponse(reader))
        }),
    })
    const ask = (
      replyRequired: boolean,
      names: readonly string[],
      protocols: readonly string[],
      sequence: number,
    ): void => {
      const writer = new Writer({ little: sequence % 2 === 0 })
      const channels = names.map((name, id) => ({ id, name }))
      writeSearch(writer, {
        sequence,
        replyRequired,
        unicast: true,
        replyAddress: "",
        replyPort: udp.port,
        protocols,
        channels,
      })
      udp.send(writer.toBytes(), { host: "127.0.0.1", port })
    }
    ask(false, ["nobody"], ["tcp"], 1)
    ask(false, ["x"], ["tls"], 2)
    ask(true, [], [], 3)
    ask(true, ["nobody"], ["tcp"], 4)
    ask(false, ["nobody", "x"], ["tcp"], 5)
    await until(() => expect(responses.map(r => r.sequence)).toContain(5))
    expect(responses.map(({ sequence, found, ids }) => ({ sequence, found, ids }))).toEqual([
      { sequence: 3, found: false, ids: [] },
      { sequence: 4, found: false, ids: [] },
      { sequence: 5, found: true, ids: [1] },
    ])
    expect(responses[0]).toMatchObject({ guid: server.guid, port: server.port, protocol: "tcp" })
    await udp.close()
  })

  it("ignores stale, senseless and foreign answers, and garbage", async () => {
    const dead = await freePort()
    const stale = (ids: readonly number[], at: number, protocol = "tcp"): Uint8Array => {
      const writer = new Writer({ fromServer: true })
      writeSearchResponse(writer, {
        guid: "11".repeat(12),
        sequence: 1,
        address: "127.0.0.1",
        port: at,
        protocol,
        found: true,
        ids,
      })
      return writer.toBytes()
    }
    await using proxy = await UdpProxy.start({ port })
    // In front of every true answer come: a refused address, port 0, a protocol we do not speak, unknown ids, noise.
    proxy.toClient.change = datagram => [
      stale([1], 0),
      stale([1], server.port, "tls"),
      stale([99], server.port),
      Uint8Array.of(1, 2, 3),
      datagram.subarray(0, 20),
      stale([1], dead),
      datagram,
    ]
    const value = await search([`127.0.0.1:${proxy.port}`]).get("x", { timeout: 20 })
    expect(value["value"]).toBe(4)
  })
})

describe("beacons", () => {
  it("are sent in the expected form, and a new one hurries a client's search", async () => {
    const port = await freePort()
    const seen: ReturnType<typeof readBeacon>[] = []
    const listener = await UdpPort.open({
      address: "127.0.0.1",
      port,
      onDatagram: datagram =>
        messages(datagram, true, (command, reader) => {
          if (command === Command.beacon) seen.push(readBeacon(reader))
        }),
    })
    await using server = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port: 0,
      broadcastPort: await freePort(),
      beaconAddressList: [`127.0.0.1:${port}`],
      autoBeaconAddressList: false,
      env: {},
    })
    await until(() => expect(seen).toHaveLength(1))
    expect(seen[0]).toMatchObject({
      guid: server.guid,
      port: server.port,
      protocol: "tcp",
      sequence: 0,
      address: "",
    })
    await listener.close()
    const writer = new Writer({ fromServer: true })
    writeBeacon(writer, { ...seen[0]!, changeCount: 70000 })
    messages(writer.toBytes(), true, (_, reader) =>
      expect(readBeacon(reader).changeCount).toBe(70000 & 0xffff),
    )
  })
})
