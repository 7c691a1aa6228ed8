import { describe, expect, test } from "vitest"
import {
  broadcastAddresses,
  envFlag,
  envNumber,
  envPort,
  formatEndpoint,
  isIpv6,
  isMulticast,
  multicastInterface,
  NetConfigError,
  parseAddressList,
  parseEndpoint,
} from "../src/index.ts"

describe("an address list", () => {
  test("takes hosts with and without port, any white space, and drops repetitions", () => {
    expect(parseAddressList(" 10.0.0.255\t ioc-1:6064 10.0.0.255:5064\n[::1]:7 ", 5064)).toEqual([
      { host: "10.0.0.255", port: 5064 },
      { host: "ioc-1", port: 6064 },
      { host: "::1", port: 7 },
    ])
    expect(parseAddressList("", 5064)).toEqual([])
  })

  test.each(["host:port", "host:0", "host:70000", "a:b:c", "[::1", ":5064"])(
    "refuses %s and names it",
    text => {
      const parse = () => parseAddressList(`127.0.0.1 ${text}`, 5064, "EPICS_CA_ADDR_LIST")
      expect(parse).toThrow(NetConfigError)
      expect(parse).toThrow(`EPICS_CA_ADDR_LIST: "${text}"`)
    },
  )

  test("prints as it reads", () => {
    for (const text of ["1.2.3.4:5", "[fe80::1]:80", "host:1"]) {
      expect(formatEndpoint(parseEndpoint(text, 9))).toBe(text)
    }
  })
})

test("broadcast addresses are those of the IPv4 interfaces that are not loopback", () => {
  const ipv4 = (address: string, netmask: string, internal = false) => ({
    address,
    netmask,
    family: "IPv4",
    internal,
  })
  expect(
    broadcastAddresses({
      lo: [ipv4("127.0.0.1", "255.0.0.0", true)],
      eth0: [ipv4("192.168.3.77", "255.255.252.0"), { ...ipv4("fe80::1", "ffff::"), family: "IPv6" }],
      eth1: [ipv4("10.1.2.3", "255.0.0.0"), ipv4("192.168.1.1", "255.255.252.0")],
    }),
  ).toEqual(["192.168.3.255", "10.255.255.255"])
  expect(broadcastAddresses({ lo: [ipv4("127.0.0.1", "255.0.0.0", true)] })).toEqual(["127.0.0.1"])
})

test("settings are read from variables or refused by name", () => {
  const env = { A: "yes", B: "No", C: " ", D: "maybe", E: "30.5", F: "0x", G: "99999" }
  expect([envFlag(env, "A"), envFlag(env, "B"), envFlag(env, "C"), envFlag(env, "Z")]).toEqual([
    true,
    false,
    undefined,
    undefined,
  ])
  expect(() => envFlag(env, "D")).toThrow('D: "maybe"')
  expect(envNumber(env, "E")).toBe(30.5)
  expect(() => envNumber(env, "F")).toThrow(NetConfigError)
  expect(() => envPort(env, "G")).toThrow("1 to 65535")
})

test("multicast groups and IPv6 addresses are known by their form", () => {
  for (const group of ["224.0.0.128", "239.255.1.2", "ff02::42:1", "FF05::1"])
    expect(isMulticast(group)).toBe(true)
  for (const host of ["192.168.1.1", "223.1.1.1", "240.0.0.1", "::1", "ff.example", "fe80::1%eth0"])
    expect(isMulticast(host)).toBe(false)
  expect([isIpv6("::1"), isIpv6("10.0.0.1"), isIpv6("host")]).toEqual([true, false, false])
})

test("an interface for multicast is found by its name and by any of its addresses", () => {
  const interfaces = {
    eth0: [
      { address: "10.0.0.9", netmask: "255.0.0.0", family: "IPv4", internal: false },
      { address: "fe80::9", netmask: "ffff::", family: "IPv6", internal: false, scopeid: 4 },
    ],
    lo: [{ address: "127.0.0.1", netmask: "255.0.0.0", family: "IPv4", internal: true }],
  }
  const scope = process.platform === "win32" ? "::%4" : "::%eth0"
  for (const text of ["eth0", "10.0.0.9", "fe80::9"]) {
    expect(multicastInterface(text, false, "x", interfaces)).toBe("10.0.0.9")
    expect(multicastInterface(text, true, "x", interfaces)).toBe(scope)
  }
  expect(multicastInterface("lo", false, "x", interfaces)).toBe("127.0.0.1")
  expect(() => multicastInterface("lo", true, "EPICS_PVA_ADDR_LIST", interfaces)).toThrow(
    /EPICS_PVA_ADDR_LIST: "lo" is no IPv6 interface of this machine/,
  )
  expect(() => multicastInterface("eth7", false, "x", interfaces)).toThrow(/"eth7" is no IPv4 interface/)
})
