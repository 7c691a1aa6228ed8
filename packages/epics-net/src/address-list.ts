import { networkInterfaces } from "node:os"
import { NetConfigError } from "./errors.ts"

/** A host (name or address) and a port. */
export interface Endpoint {
  host: string
  port: number
}

/** `host:port`, IPv6 addresses in brackets. */
export const formatEndpoint = ({ host, port }: Endpoint): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/**
 * Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. `origin` names the setting in the error.
 * Throws {@link NetConfigError} for anything else.
 */
export function parseEndpoint(text: string, defaultPort: number, origin = "address"): Endpoint {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (host === undefined || port < 1 || port > 65535) {
    throw new NetConfigError("BAD_ADDRESS", `${origin}: "${text}" is no host or host:port`)
  }
  return { host, port }
}

/** Reads a white-space or comma separated list, each endpoint once. */
export function parseAddressList(text: string, defaultPort: number, origin = "address list"): Endpoint[] {
  return uniqueEndpoints(
    text
      .split(/[\s,]+/)
      .filter(entry => entry !== "")
      .map(entry => parseEndpoint(entry, defaultPort, origin)),
  )
}

/** The list without repetitions, in its order. */
export function uniqueEndpoints(list: readonly Endpoint[]): Endpoint[] {
  return [...new Map(list.map(endpoint => [formatEndpoint(endpoint), endpoint])).values()]
}

/** What os.networkInterfaces() gives, as far as it is used here. */
export type Interfaces = NodeJS.Dict<
  readonly { address: string; netmask: string; family: string; internal: boolean; scopeid?: number }[]
>

/** True for an IPv6 address, with or without the name of its interface (`fe80::1%eth0`). */
export const isIpv6 = (host: string): boolean => host.includes(":")

/** True for a multicast group of either family. */
export const isMulticast = (host: string): boolean =>
  /^(22[4-9]|23\d)\./.test(host) || /^ff[0-9a-f]{2}:/i.test(host)

/**
 * What a socket for multicast takes to mean an interface that a setting gives by its name or by one of its addresses:
 * an IPv4 address of it, or for IPv6 `::%name` (on Windows `::%index`). Throws {@link NetConfigError} when this
 * machine has no such interface.
 */
export function multicastInterface(
  text: string,
  ipv6: boolean,
  origin = "interface",
  interfaces: Interfaces = networkInterfaces(),
): string {
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (name !== text && !addresses.some(each => each.address === text)) continue
    const own = addresses.filter(each => each.family === (ipv6 ? "IPv6" : "IPv4"))
    const best = own.find(each => each.address === text) ?? own[0]
    if (best === undefined) break
    if (!ipv6) return best.address
    return process.platform === "win32" ? `::%${best.scopeid ?? 0}` : `::%${name}`
  }
  const family = ipv6 ? "IPv6" : "IPv4"
  throw new NetConfigError("BAD_ADDRESS", `${origin}: "${text}" is no ${family} interface of this machine`)
}

/** Broadcast address of every IPv4 interface that is up and no loopback; 127.0.0.1 on a machine that has only that. */
export function broadcastAddresses(interfaces: Interfaces = networkInterfaces()): string[] {
  const found = new Set<string>()
  for (const addresses of Object.values(interfaces)) {
    for (const { address, netmask, family, internal } of addresses ?? []) {
      if (internal || family !== "IPv4") continue
      const mask = netmask.split(".").map(Number)
      found.add(
        address
          .split(".")
          .map((part, i) => (Number(part) | ~mask[i]!) & 255)
          .join("."),
      )
    }
  }
  return found.size === 0 ? ["127.0.0.1"] : [...found]
}
