import { describe, expect, test } from "vitest"
import { resolveSettings } from "../../src/index.ts"

describe("settings", () => {
  const env = {
    EPICS_CA_ADDR_LIST: "10.0.0.255 ioc-7:6064",
    EPICS_CA_AUTO_ADDR_LIST: "no",
    EPICS_CA_NAME_SERVERS: "gateway:5099 10.1.1.1",
    EPICS_CA_SERVER_PORT: "5070",
    EPICS_CA_REPEATER_PORT: "5071",
    EPICS_CA_CONN_TMO: "12.5",
    EPICS_CA_MAX_SEARCH_PERIOD: "300",
    EPICS_CA_MAX_ARRAY_BYTES: "100000",
  }

  test("come from the EPICS variables", () => {
    expect(resolveSettings({}, env)).toMatchObject({
      addressList: [
        { host: "10.0.0.255", port: 5070 },
        { host: "ioc-7", port: 6064 },
      ],
      nameServers: [
        { host: "gateway", port: 5099 },
        { host: "10.1.1.1", port: 5070 },
      ],
      repeaterPort: 5071,
      connectionTimeout: 12.5,
      unresponsiveTimeout: 25,
      maxSearchPeriod: 30,
      maxArrayBytes: 256 * 1024 * 1024,
      maxBacklogBytes: 256 * 1024 * 1024,
    })
    expect(resolveSettings({}, { ...env, EPICS_CA_AUTO_ARRAY_BYTES: "NO" }).maxArrayBytes).toBe(100_120)
  })

  test("that are given win, one by one", () => {
    const given = resolveSettings(
      { addressList: ["127.0.0.1:7"], nameServers: [], connectionTimeout: 3, maxArrayBytes: 5000 },
      env,
    )
    expect(given).toMatchObject({
      addressList: [{ host: "127.0.0.1", port: 7 }],
      nameServers: [],
      connectionTimeout: 3,
      maxArrayBytes: 5000,
      repeaterPort: 5071,
    })
    expect(
      resolveSettings({ autoAddressList: true, addressList: [] }, env).addressList.length,
    ).toBeGreaterThan(0)
  })

  test("default to every interface's broadcast address on port 5064", () => {
    const { addressList, nameServers, connectionTimeout } = resolveSettings({}, {})
    expect(addressList.length).toBeGreaterThan(0)
    expect(new Set(addressList.map(({ port }) => port))).toEqual(new Set([5064]))
    expect([nameServers, connectionTimeout]).toEqual([[], 30])
  })

  test.each([
    [{ EPICS_CA_ADDR_LIST: "host:port" }, 'EPICS_CA_ADDR_LIST: "host:port"'],
    [{ EPICS_CA_AUTO_ADDR_LIST: "perhaps" }, "EPICS_CA_AUTO_ADDR_LIST"],
    [{ EPICS_CA_SERVER_PORT: "0" }, "EPICS_CA_SERVER_PORT"],
    [{ EPICS_CA_SERVER_PORT: "50.5" }, "EPICS_CA_SERVER_PORT"],
    [{ EPICS_CA_CONN_TMO: "soon" }, "EPICS_CA_CONN_TMO"],
  ])("%j is refused by name", (bad, message) => {
    expect(() => resolveSettings({}, bad)).toThrow(message)
  })

  test("that make no sense are refused", () => {
    expect(() => resolveSettings({ nameServers: ["a b"] }, {})).toThrow("nameServers")
    expect(() => resolveSettings({ connectionTimeout: -1 }, {})).toThrow("connectionTimeout")
  })
})
