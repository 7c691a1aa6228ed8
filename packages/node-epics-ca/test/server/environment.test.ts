import { createSocket } from "node:dgram"
import { once } from "node:events"
import { afterEach, describe, expect, test } from "vitest"
import { CaClient, CaServer, caServerOptions, ServerPv } from "../../src/index.ts"
import { writeSearch } from "../../src/wire/messages/search.ts"
import { writeDatagramVersion } from "../../src/wire/messages/version.ts"
import { MessageWriter } from "../../src/wire/writer.ts"
import { closeAll, startServer } from "./raw-client.ts"

afterEach(closeAll)

describe("the options of a server from the environment", () => {
  test("are those of an IOC when no variable is set", () => {
    const { beacons, ...options } = caServerOptions({})
    expect(options).toEqual({
      host: "0.0.0.0",
      port: 5064,
      portFallback: true,
      searchPort: 5064,
      ignore: [],
      beaconPeriod: 15,
    })
    expect(beacons?.length).toBeGreaterThan(0)
    expect(beacons?.every(({ port }) => port === 5065)).toBe(true)
  })

  test("follow the server's own variables first", () => {
    expect(
      caServerOptions({
        EPICS_CA_SERVER_PORT: "6000",
        EPICS_CAS_SERVER_PORT: "6001",
        EPICS_CAS_INTF_ADDR_LIST: "127.0.0.1",
        EPICS_CAS_IGNORE_ADDR_LIST: "10.0.0.1 10.0.0.2",
        EPICS_CAS_BEACON_ADDR_LIST: "127.0.0.1 127.0.0.1:7000",
        EPICS_CAS_AUTO_BEACON_ADDR_LIST: "no",
        EPICS_CAS_BEACON_PORT: "6005",
        EPICS_CAS_BEACON_PERIOD: "2.5",
      }),
    ).toEqual({
      host: "127.0.0.1",
      port: 6001,
      portFallback: true,
      searchPort: 6001,
      ignore: ["10.0.0.1", "10.0.0.2"],
      beacons: [
        { host: "127.0.0.1", port: 6005 },
        { host: "127.0.0.1", port: 7000 },
      ],
      beaconPeriod: 2.5,
    })
  })

  test("name several interfaces", () => {
    const { host } = caServerOptions({ EPICS_CAS_INTF_ADDR_LIST: "10.0.0.1 10.0.0.2" })
    expect(host).toEqual(["10.0.0.1", "10.0.0.2"])
  })

  test("take the clients' variables in their place", () => {
    expect(
      caServerOptions({
        EPICS_CA_SERVER_PORT: "6000",
        EPICS_CA_ADDR_LIST: "127.0.0.1:6000",
        EPICS_CA_AUTO_ADDR_LIST: "NO",
        EPICS_CA_REPEATER_PORT: "6065",
      }),
    ).toMatchObject({ port: 6000, beacons: [{ host: "127.0.0.1", port: 6065 }] })
  })

  test.each([
    [{ EPICS_CAS_SERVER_PORT: "many" }, "EPICS_CAS_SERVER_PORT"],
    [{ EPICS_CAS_AUTO_BEACON_ADDR_LIST: "perhaps" }, "EPICS_CAS_AUTO_BEACON_ADDR_LIST"],
  ])("name the variable that cannot be understood (%#)", (env, name) => {
    expect(() => caServerOptions(env)).toThrow(name)
  })
})

// Other systems have one address of this network only.
test.runIf(process.platform === "linux")(
  "a server on several interfaces is found and reached on each, at one port, and on no other",
  async () => {
    const hosts = ["127.0.0.1", "127.0.0.2"]
    const server = await startServer({ host: hosts, searchPort: 0 })
    server.add(new ServerPv("X:a", { type: "long", value: 5 }))
    const reach = (host: string, timeout: number) => {
      const addressList = [`${host}:${server.searchPort}`]
      return new CaClient({ nameServers: [], addressList, autoAddressList: false, timeout })
    }
    for (const host of hosts) {
      await using client = reach(host, 20)
      await using channel = client.channel("X:a")
      await channel.connect()
      expect(channel.server).toBe(`${host}:${server.port}`)
      expect((await channel.get()).value).toBe(5)
    }
    await using elsewhere = reach("127.0.0.3", 0.5)
    await expect(elsewhere.get("X:a")).rejects.toMatchObject({ code: "NOT_FOUND" })
    expect(server.clientConfig().nameServers).toEqual([`127.0.0.1:${server.port}`])
    await expect(CaServer.listen({ host: hosts, port: server.port })).rejects.toThrow(
      `cannot listen on 127.0.0.1, 127.0.0.2, TCP ${server.port}`,
    )
  },
)

test("a server on one interface also hears what is broadcast to its network", async () => {
  const server = await startServer({ searchPort: 0 })
  server.add(new ServerPv("X:a", { type: "long", value: 1 }))
  const writer = new MessageWriter()
  writeDatagramVersion(writer, 1)
  writeSearch(writer, 7, "X:a")
  const socket = createSocket("udp4")
  socket.bind(0, "127.0.0.1")
  await once(socket, "listening")
  socket.setBroadcast(true)
  socket.send(writer.take(), server.searchPort!, "127.255.255.255")
  const [reply, from] = (await once(socket, "message")) as [Buffer, { port: number }]
  expect([reply.readUInt16BE(20), from.port]).toEqual([server.port, server.searchPort])
  socket.close()
})
