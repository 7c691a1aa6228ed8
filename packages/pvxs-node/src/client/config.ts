import { hostname, userInfo } from "node:os"
import {
  broadcastAddresses,
  type Clock,
  type Endpoint,
  type Environment,
  envFlag,
  envNumber,
  envPort,
  envText,
  formatEndpoint,
  type Random,
  systemClock,
} from "@ophyd-ts/epics-net"
import { PvaInputError } from "../errors.ts"
import {
  type Destination,
  parseDestination,
  parseInterfaces,
  parseServer,
  uniqueDestinations,
} from "../net/destination.ts"
import { defaultLimits, type PvaLimits } from "../wire/limits.ts"

/**
 * How a client finds servers and talks to them. What is left out comes from the `EPICS_PVA_*` variable named beside
 * it, and then from the default. Durations are seconds.
 */
export interface PvaClientConfig {
  /**
   * Where to search by UDP: `host[:port][,ttl][@interface]`; time-to-live and interface (its name or address) are for
   * multicast groups, IPv6 addresses with a port stand in brackets. EPICS_PVA_ADDR_LIST, default none.
   */
  readonly addressList?: readonly string[]
  /** Also search on the broadcast address of every interface. EPICS_PVA_AUTO_ADDR_LIST, default true. */
  readonly autoAddressList?: boolean
  /** Servers asked over TCP, before any datagram: `host[:port]`. EPICS_PVA_NAME_SERVERS, default none. */
  readonly nameServers?: readonly string[]
  /** UDP port of searches and beacons. EPICS_PVA_BROADCAST_PORT, default 5076. */
  readonly broadcastPort?: number
  /** TCP port of name servers that state none. EPICS_PVA_SERVER_PORT, default 5075. */
  readonly serverPort?: number
  /** Local addresses that searches are sent from, one of each family. EPICS_PVA_INTF_ADDR_LIST, default any. */
  readonly interface?: string | readonly string[]
  /** A connection silent for 4/3 of this is closed. EPICS_PVA_CONN_TMO, default 30, at least 2. */
  readonly connectionTimeout?: number
  /** How the client presents itself; "ca" tells user and host. Default "ca", where the server offers it. */
  readonly authentication?: "ca" | "anonymous"
  readonly user?: string
  readonly host?: string
  /** Limit of get, put, rpc and info calls that state none. Default 5. */
  readonly timeout?: number
  /** How long an unused channel stays connected. Default 10. */
  readonly linger?: number
  readonly limits?: Partial<PvaLimits>
  /** Where the variables come from. Default `process.env`. */
  readonly env?: Environment
  readonly clock?: Clock
  readonly random?: Random
}

export interface ResolvedConfig {
  readonly destinations: readonly Destination[]
  readonly nameServers: readonly Endpoint[]
  readonly broadcastPort: number
  readonly serverPort: number
  readonly listenForBeacons: readonly string[]
  readonly interfaces: readonly string[]
  readonly idleLimit: number
  readonly echoPeriod: number
  readonly authentication: "ca" | "anonymous"
  readonly user: string
  readonly host: string
  readonly timeout: number
  readonly linger: number
  readonly limits: PvaLimits
  readonly clock: Clock
  readonly random: Random
}

/** Throws PvaInputError or NetConfigError, naming the setting, when one cannot be understood. */
export function resolveConfig(config: PvaClientConfig = {}): ResolvedConfig {
  const env = config.env ?? process.env
  const broadcastPort = config.broadcastPort ?? envPort(env, "EPICS_PVA_BROADCAST_PORT") ?? 5076
  const serverPort = config.serverPort ?? envPort(env, "EPICS_PVA_SERVER_PORT") ?? 5075
  const addresses = config.addressList ?? words(env, "EPICS_PVA_ADDR_LIST")
  const auto = config.autoAddressList ?? envFlag(env, "EPICS_PVA_AUTO_ADDR_LIST") ?? true
  const servers = config.nameServers ?? words(env, "EPICS_PVA_NAME_SERVERS")
  // Who gave a setting in code, or as an option, is not sent to look into the environment.
  const origin = (option: keyof PvaClientConfig, variable: string): string =>
    config[option] === undefined ? variable : option
  const addressOrigin = origin("addressList", "EPICS_PVA_ADDR_LIST")
  const serverOrigin = origin("nameServers", "EPICS_PVA_NAME_SERVERS")
  const listed = addresses.map(text => parseDestination(text, broadcastPort, addressOrigin))
  const broadcasts = auto ? broadcastAddresses() : []
  const automatic = broadcasts.map(host => ({ host, port: broadcastPort, unicast: false }))
  const timeout = config.connectionTimeout ?? envNumber(env, "EPICS_PVA_CONN_TMO", { min: 0 }) ?? 30
  const idleLimit = (4 / 3) * Math.max(2, timeout)
  return {
    destinations: uniqueDestinations([...listed, ...automatic]),
    nameServers: servers.map(text => parseServer(text, serverPort, serverOrigin)),
    broadcastPort,
    serverPort,
    listenForBeacons: broadcasts,
    interfaces: parseInterfaces(
      [config.interface ?? words(env, "EPICS_PVA_INTF_ADDR_LIST")].flat(),
      origin("interface", "EPICS_PVA_INTF_ADDR_LIST"),
    ).addresses,
    idleLimit,
    echoPeriod: Math.max(1, Math.min(15, (3 / 8) * idleLimit)),
    authentication: config.authentication ?? "ca",
    user: config.user ?? userName(),
    host: config.host ?? hostname(),
    timeout: positive("timeout", config.timeout ?? 5),
    linger: positive("linger", config.linger ?? 10),
    limits: { ...defaultLimits, ...config.limits },
    clock: config.clock ?? systemClock,
    random: config.random ?? Math.random,
  }
}

/** Where a client with these settings looks for channels, for messages. */
export function searchedPlaces({ nameServers, destinations }: ResolvedConfig): string {
  const [tcp, udp] = [nameServers, destinations].map(list => list.map(formatEndpoint).join(", "))
  if (tcp === "" && udp === "")
    return "nowhere: the address list and the name servers are empty and automatic addresses are off"
  return [tcp === "" ? "" : `by TCP ${tcp}`, udp === "" ? "" : `by UDP ${udp}`]
    .filter(text => text !== "")
    .join(" and ")
}

const words = (env: Environment, name: string): string[] => envText(env, name)?.split(/\s+/) ?? []

const positive = (name: string, value: number): number => {
  if (value > 0) return value
  throw new PvaInputError(`${name} is a number of seconds above 0, not ${value}`, "PVA_BAD_CONFIG")
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a user id that has no name.
    return "unknown"
  }
}
