import { Socket } from "node:dgram"
import { networkInterfaces } from "node:os"
import { UdpPort } from "@ophyd-ts/epics-net"
import { describe, expect, it, vi } from "vitest"
import { PvaClient } from "../../src/client/client.ts"
import { resolveConfig } from "../../src/client/config.ts"
import { findServers } from "../../src/client/discover.ts"
import { Searcher } from "../../src/client/searcher.ts"
import { parseDestination, parseInterfaces } from "../../src/net/destination.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { resolveServerConfig } from "../../src/server/config.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { until } from "../support/until.ts"

const loopback =
  Object.entries(networkInterfaces()).find(([, list]) => list?.some(a => a.internal))?.[0] ?? "lo"
const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(a => a.address === "::1"))
/** A group of this host alone, another one in each run. */
const group = `239.255.${1 + Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}`

async function freePort(): Promise<number> {
  const udp = await UdpPort.open({ address: "127.0.0.1", onDatagram: () => {} })
  const { port } = udp
  await udp.close()
  return port
}

async function serve(
  interfaces: readonly string[],
  options = {},
): Promise<{ server: PvaServer; port: number }> {
  const port = await freePort()
  const server = await PvaServer.open({
    interfaces,
    port: 0,
    broadcastPort: port,
    beaconAddressList: [],
    autoBeaconAddressList: false,
    env: {},
    ...options,
  })
  server.add("x", new SharedPv(ntScalar("double"), { value: { value: 4 } }))
  return { server, port }
}

const find = (addressList: readonly string[], broadcastPort: number): PvaClient =>
  new PvaClient({ addressList, autoAddressList: false, broadcastPort, env: {}, timeout: 20 })

describe("an entry of an address list", () => {
  it.each([
    ["10.0.0.1", { host: "10.0.0.1", port: 5076, unicast: true }],
    ["host.example:6", { host: "host.example", port: 6, unicast: true }],
    ["239.1.1.1,0@lo", { host: "239.1.1.1", port: 5076, unicast: false, ttl: 0, interface: "lo" }],
    ["239.1.1.1:7,255", { host: "239.1.1.1", port: 7, unicast: false, ttl: 255 }],
    ["239.1.1.1@10.0.0.9", { host: "239.1.1.1", port: 5076, unicast: false, interface: "10.0.0.9" }],
    ["::1", { host: "::1", port: 5076, unicast: true }],
    ["[::1]:7", { host: "::1", port: 7, unicast: true }],
    ["fe80::1%eth0", { host: "fe80::1%eth0", port: 5076, unicast: true }],
    ["[ff02::42:1]:7,1@eth0", { host: "ff02::42:1", port: 7, unicast: false, ttl: 1, interface: "eth0" }],
    ["FF02::42:1", { host: "FF02::42:1", port: 5076, unicast: false }],
  ] as const)("reads %s", (text, expected) => {
    expect(parseDestination(text, 5076)).toEqual(expected)
  })

  it.each(["239.1.1.1,256", "a:b:c", "[::1", "", ",1", "10.0.0.1:70000"])("refuses %j and names it", text => {
    expect(() => parseDestination(text, 5076)).toThrow(`EPICS_PVA_ADDR_LIST: "${text}"`)
  })

  it("tells a server its own addresses from the groups it is to join", () => {
    expect(parseInterfaces(["127.0.0.1", "::1", "239.1.1.1@127.0.0.1"])).toEqual({
      addresses: ["127.0.0.1", "::1"],
      groups: [{ group: "239.1.1.1", interface: "127.0.0.1" }],
    })
    expect(parseInterfaces([`239.1.1.1@${loopback}`]).addresses).toEqual(["127.0.0.1"])
    expect(parseInterfaces(["239.1.1.1", "ff02::42:1"]).addresses).toEqual(["0.0.0.0", "::"])
    expect(() => parseInterfaces(["239.1.1.1@nowhere0"])).toThrow(/"nowhere0" is no IPv4 interface/)
  })

  it("names servers too, and the client's own interfaces, groups aside", () => {
    const config = resolveConfig({
      env: {
        EPICS_PVA_NAME_SERVERS: "gw.example ::1 [fd00::7]:6",
        EPICS_PVA_INTF_ADDR_LIST: "239.1.1.1@127.0.0.1 127.0.0.1 ::1",
        EPICS_PVA_AUTO_ADDR_LIST: "NO",
      },
    })
    expect(config.nameServers).toEqual([
      { host: "gw.example", port: 5075 },
      { host: "::1", port: 5075 },
      { host: "fd00::7", port: 6 },
    ])
    expect(config.interfaces).toEqual(["127.0.0.1", "::1"])
  })

  it("of the variables reaches client and server", () => {
    const env = { EPICS_PVA_ADDR_LIST: "239.1.1.1,4@lo ::1", EPICS_PVA_AUTO_ADDR_LIST: "NO" }
    expect(resolveConfig({ env }).destinations).toHaveLength(2)
    const server = resolveServerConfig({
      env: { ...env, EPICS_PVAS_IGNORE_ADDR_LIST: "10.0.0.1 10.0.0.2:7" },
    })
    expect(server.beacons.map(b => b.host)).toEqual(["239.1.1.1", "::1"])
    expect(server.ignored).toEqual([
      { host: "10.0.0.1", port: 0 },
      { host: "10.0.0.2", port: 7 },
    ])
  })
})

describe("searching by multicast", () => {
  it.each([`${group},0@127.0.0.1`, `${group},3@${loopback}`])(
    "through %s finds a server that joined the group, with that time-to-live, and beside it one by unicast",
    async entry => {
      const { server, port } = await serve([`${group}@127.0.0.1`])
      const other = await serve(["127.0.0.1"])
      other.server.remove("x")
      other.server.add("y", new SharedPv(ntScalar("double"), { value: { value: 5 } }))
      const ttl = vi.spyOn(Socket.prototype, "setMulticastTTL")
      const by = vi.spyOn(Socket.prototype, "setMulticastInterface")
      const client = find([entry, `127.0.0.1:${other.port}`], port)
      expect((await client.get("x"))["value"]).toBe(4)
      expect((await client.get("y"))["value"]).toBe(5)
      expect(ttl.mock.calls).toContainEqual([Number(/,(\d+)/.exec(entry)?.[1])])
      expect(by.mock.calls).toContainEqual(["127.0.0.1"])
      vi.restoreAllMocks()
      await client.close()
      await server.close()
      await other.server.close()
    },
  )

  it("lists who is there, and hears the beacon of a server in the group", async () => {
    const { server, port } = await serve([`${group}@127.0.0.1`])
    const config = {
      addressList: [`${group}@127.0.0.1`],
      autoAddressList: false,
      broadcastPort: port,
      env: {},
    }
    expect((await findServers(config, 0.3)).map(s => s.guid)).toEqual([server.guid])
    const searcher = new Searcher(
      resolveConfig(config),
      () => [],
      () => {},
    )
    const hurried = vi.spyOn(searcher, "hurry")
    searcher.add({ cid: 1, name: "nobody", searchPlace: undefined, searchAttempts: 0, searchWindow: -1 })
    await until(async () => {
      const late = await serve(["127.0.0.1"], { beaconAddressList: [`${group}:${port},0@127.0.0.1`] })
      try {
        await vi.waitFor(() => expect(hurried).toHaveBeenCalled(), 500)
      } finally {
        await late.server.close()
      }
    })
    await searcher.close()
    await server.close()
  })

  it("by an interface that is not there is reported, and does not keep other entries from working", async () => {
    const { server, port } = await serve(["127.0.0.1"])
    const client = find([`${group}@nowhere0`, "127.0.0.1"], port)
    expect((await client.get("x"))["value"]).toBe(4)
    await client.close()
    await server.close()
  })
})

describe.skipIf(!hasIpv6)("IPv6", () => {
  it("connects to a server that listens there, by its own configuration and through a search", async () => {
    const { server, port } = await serve(["::1"])
    server.add("y", SharedPv.mailbox(ntScalar("double"), { value: 5 }))
    expect(server.clientConfig().nameServers).toEqual([`[::1]:${server.port}`])
    await using direct = new PvaClient({ ...server.clientConfig(), timeout: 20 })
    await direct.put("y", 6)
    await using found = find(["::1"], port)
    expect((await found.get("y"))["value"]).toBe(6)
    await using channel = found.channel("y")
    await channel.connect()
    expect(channel.endpoint).toBe(`[::1]:${server.port}`)
    await server.close()
  })

  it("and IPv4 can be served by one server at one port, and searched by one client", async () => {
    const { server, port } = await serve(["127.0.0.1", "::1"])
    const six = await serve(["::1"])
    six.server.add("z", new SharedPv(ntScalar("double"), { value: { value: 6 } }))
    await using client = find(["127.0.0.1", `[::1]:${six.port}`], port)
    expect((await client.get("x"))["value"]).toBe(4)
    expect((await client.get("z"))["value"]).toBe(6)
    await using other = new PvaClient({ ...server.clientConfig(), nameServers: [`[::1]:${server.port}`] })
    expect((await other.get("x"))["value"]).toBe(4)
    await server.close()
    await six.server.close()
  })

  it("multicast goes by the interface that its entry names, and is received there", async () => {
    // The loopback interface carries no IPv6 multicast on some systems, so only what the sockets are told is looked at.
    const by = vi.spyOn(Socket.prototype, "setMulticastInterface")
    const joined = vi.spyOn(Socket.prototype, "addMembership")
    const { server, port } = await serve(["::1", `ff02::42:1@${loopback}`])
    await using client = find([`[ff02::42:1]:${port},1@${loopback}`], port)
    await expect(client.get("x", { timeout: 0.1 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
    const scope = process.platform === "win32" ? expect.stringMatching(/^::%\d+$/) : `::%${loopback}`
    expect(joined.mock.calls).toContainEqual(["ff02::42:1", scope])
    expect(by.mock.calls).toContainEqual([scope])
    vi.restoreAllMocks()
    await server.close()
  })
})

describe("a server", () => {
  it("does not answer searches of hosts that it is to ignore", async () => {
    const { server, port } = await serve(["127.0.0.1"], { ignoreAddressList: ["127.0.0.1"] })
    await using client = find(["127.0.0.1"], port)
    await expect(client.get("x", { timeout: 0.3 })).rejects.toMatchObject({ code: "PVA_TIMEOUT" })
    await using direct = new PvaClient(server.clientConfig())
    expect((await direct.get("x"))["value"]).toBe(4)
    await server.close()
  })
})
