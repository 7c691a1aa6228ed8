import {
  broadcastAddresses,
  type Endpoint,
  formatEndpoint,
  isIpv6,
  isMulticast,
  multicastInterface,
  NetConfigError,
  parseEndpoint,
} from "@ophyd-ts/epics-net"

/** Where datagrams go: one entry of an address list. */
export interface Destination extends Endpoint {
  /** One host, which then tells the other programs on it. */
  readonly unicast: boolean
  /** Of multicast: how many networks it may cross. */
  readonly ttl?: number
  /** Of multicast: the interface it leaves by, by name or address. */
  readonly interface?: string
}

/** `host[:port][,ttl][@interface]`, as the address lists have them; an IPv6 address with a port is in brackets. */
export function parseDestination(
  text: string,
  defaultPort: number,
  origin = "EPICS_PVA_ADDR_LIST",
): Destination {
  const [, address, ttl, via] = /^([^,@]+)(?:,(\d{1,3}))?(?:@(.+))?$/.exec(text) ?? []
  if (address === undefined) throw new NetConfigError("BAD_ADDRESS", `${origin}: "${text}" is no address`)
  const endpoint = parseEndpoint(bracketed(address), defaultPort, origin)
  if (Number(ttl ?? 0) > 255)
    throw new NetConfigError("BAD_ADDRESS", `${origin}: "${text}" has a TTL above 255`)
  return {
    ...endpoint,
    unicast: !isGroup(endpoint.host),
    ...(ttl === undefined ? {} : { ttl: Number(ttl) }),
    ...(via === undefined ? {} : { interface: via }),
  }
}

/** A group to receive, on which interface. */
export interface Group {
  readonly group: string
  readonly interface: string | undefined
}

/** Where a server listens: own addresses, and groups `group[@interface]`, as the interface lists have them. */
export function parseInterfaces(
  list: readonly string[],
  origin = "EPICS_PVAS_INTF_ADDR_LIST",
): { addresses: readonly string[]; groups: readonly Group[] } {
  const entries = list.map(text => parseDestination(text, 1, origin))
  const groups = entries.filter(each => isMulticast(each.host))
  const addresses = entries.filter(each => !isMulticast(each.host)).map(each => each.host)
  // Connections need an address: that of the groups' interface, or all of the family.
  const implied = groups.map(({ host, interface: via }) => {
    const any = isIpv6(host) ? "::" : "0.0.0.0"
    return via !== undefined && !isIpv6(host) ? multicastInterface(via, false, origin) : any
  })
  return {
    addresses: [...new Set(addresses.length > 0 ? addresses : implied)],
    groups: groups.map(({ host, interface: via }) => ({ group: host, interface: via })),
  }
}

/** Each destination once. */
export const uniqueDestinations = (list: readonly Destination[]): Destination[] => [
  ...new Map(list.map(each => [`${formatEndpoint(each)}@${each.interface ?? ""}`, each])).values(),
]

/** `host[:port]` of a server; an IPv6 address with a port is in brackets. */
export const parseServer = (text: string, defaultPort: number, origin: string): Endpoint =>
  parseEndpoint(bracketed(text), defaultPort, origin)

const bracketed = (address: string): string =>
  /^(?=.*::|([^:]*:){7})[0-9a-f:.]+(%[\w.-]+)?$/i.test(address) ? `[${address}]` : address

/** Multicast groups and broadcast addresses: whatever reaches more than one host. */
const isGroup = (host: string): boolean =>
  isMulticast(host) ||
  host === "255.255.255.255" ||
  (!isIpv6(host) && broadcastAddresses().some(b => b === host && !b.startsWith("127."))) ||
  /^127\..*\.255$/.test(host)
