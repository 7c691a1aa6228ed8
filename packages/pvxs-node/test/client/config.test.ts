import { describe, expect, it } from "vitest"
import { resolveConfig } from "../../src/client/config.ts"
import { parseDestination } from "../../src/net/destination.ts"
import { resolveServerConfig } from "../../src/server/config.ts"

describe("the client's settings", () => {
  it("come from the variables", () => {
    const config = resolveConfig({
      env: {
        EPICS_PVA_ADDR_LIST: "10.0.0.1 10.0.0.2:6000 224.0.2.3,8@10.0.0.9 127.255.255.255",
        EPICS_PVA_AUTO_ADDR_LIST: "no",
        EPICS_PVA_NAME_SERVERS: "gw.example gw2.example:7000",
        EPICS_PVA_BROADCAST_PORT: "6076",
        EPICS_PVA_SERVER_PORT: "6075",
        EPICS_PVA_CONN_TMO: "3",
        EPICS_PVA_INTF_ADDR_LIST: "10.0.0.9",
      },
    })
    expect(config.destinations).toEqual([
      { host: "10.0.0.1", port: 6076, unicast: true },
      { host: "10.0.0.2", port: 6000, unicast: true },
      { host: "224.0.2.3", port: 6076, unicast: false, ttl: 8, interface: "10.0.0.9" },
      { host: "127.255.255.255", port: 6076, unicast: false },
    ])
    expect(config.nameServers).toEqual([
      { host: "gw.example", port: 6075 },
      { host: "gw2.example", port: 7000 },
    ])
    expect(config).toMatchObject({ idleLimit: 4, echoPeriod: 1.5, interfaces: ["10.0.0.9"] })
  })

  it("have the documented defaults, and the configuration object wins", () => {
    const config = resolveConfig({ env: {}, autoAddressList: false })
    expect(config).toMatchObject({
      destinations: [],
      nameServers: [],
      broadcastPort: 5076,
      idleLimit: 40,
      echoPeriod: 15,
    })
    const object = resolveConfig({
      env: { EPICS_PVA_CONN_TMO: "30" },
      connectionTimeout: 1,
      addressList: ["h"],
      autoAddressList: false,
    })
    expect(object.idleLimit).toBeCloseTo(8 / 3)
    expect(object.destinations).toEqual([{ host: "h", port: 5076, unicast: true }])
    expect(resolveConfig({ env: {} }).destinations.every(d => !d.unicast)).toBe(true)
  })

  it.each([
    [{ EPICS_PVA_ADDR_LIST: "a:b" }, /EPICS_PVA_ADDR_LIST: "a:b"/],
    [{ EPICS_PVA_AUTO_ADDR_LIST: "maybe" }, /EPICS_PVA_AUTO_ADDR_LIST: "maybe"/],
    [{ EPICS_PVA_CONN_TMO: "soon" }, /EPICS_PVA_CONN_TMO: "soon"/],
    [{ EPICS_PVA_BROADCAST_PORT: "70000" }, /EPICS_PVA_BROADCAST_PORT/],
  ])("that cannot be read are named: %j", (env, message) => {
    expect(() => resolveConfig({ env })).toThrow(message)
  })

  it("refuses a time limit that is none", () => {
    expect(() => resolveConfig({ timeout: 0, env: {} })).toThrow(/timeout is a number of seconds above 0/)
  })

  it("know groups from single hosts", () => {
    for (const group of ["255.255.255.255", "224.0.0.1", "239.1.1.1", "127.255.255.255"]) {
      expect(parseDestination(group, 1).unicast).toBe(false)
    }
    expect(parseDestination("192.168.1.1", 1).unicast).toBe(true)
  })
})

describe("the server's settings", () => {
  it("prefer PVAS over PVA variables", () => {
    const env = {
      EPICS_PVA_SERVER_PORT: "1",
      EPICS_PVAS_SERVER_PORT: "0",
      EPICS_PVA_BROADCAST_PORT: "6076",
      EPICS_PVAS_INTF_ADDR_LIST: "127.0.0.1 127.0.0.2",
      EPICS_PVAS_BEACON_ADDR_LIST: "127.0.0.1:7000",
      EPICS_PVAS_AUTO_BEACON_ADDR_LIST: "NO",
    }
    expect(resolveServerConfig({ env })).toMatchObject({
      port: 0,
      broadcastPort: 6076,
      interfaces: ["127.0.0.1", "127.0.0.2"],
      beacons: [{ host: "127.0.0.1", port: 7000, unicast: true }],
      udp: true,
    })
  })

  it("of an isolated server ignore the variables", () => {
    const config = resolveServerConfig({
      isolated: true,
      env: { EPICS_PVAS_SERVER_PORT: "5", EPICS_PVAS_INTF_ADDR_LIST: "1.2.3.4" },
    })
    expect(config).toMatchObject({ port: 0, interfaces: ["127.0.0.1"], udp: false, beacons: [] })
  })
})
