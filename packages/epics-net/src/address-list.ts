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
  readonly { address: string; netmask: string; family: string; internal: boolean }[]
>

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
