import {
  broadcastAddresses,
  type Clock,
  type Endpoint,
  type Environment,
  envFlag,
  envNumber,
  envText,
  type Random,
  systemClock,
} from "@ophyd-ts/epics-net"
import {
  type Destination,
  type Group,
  parseDestination,
  parseInterfaces,
  uniqueDestinations,
} from "../net/destination.ts"
import { defaultLimits, type PvaLimits } from "../wire/limits.ts"

/**
 * Where a server listens. What is left out comes from the `EPICS_PVAS_*` variable (then `EPICS_PVA_*`) named beside it,
 * and then from the default. Durations are seconds.
 */
export interface PvaServerConfig {
  /**
   * For tests and embedded use: a free port on 127.0.0.1, no datagrams, no variables. Reach it with `clientConfig()`.
   * Default false.
   */
  readonly isolated?: boolean
  /**
   * Local addresses, IPv6 ones too, and multicast groups `group[@interface]` to be searched by. `::` stands for all of
   * IPv6 alone. EPICS_PVAS_INTF_ADDR_LIST, default 0.0.0.0, all of IPv4.
   */
  readonly interfaces?: readonly string[]
  /** TCP port; 0 for any free one, which is also taken when it is busy. EPICS_PVAS_SERVER_PORT, default 5075. */
  readonly port?: number
  /** UDP port of searches and beacons. EPICS_PVAS_BROADCAST_PORT, default 5076. */
  readonly broadcastPort?: number
  /** Answer searches by UDP. Default true. */
  readonly udp?: boolean
  /** Searches by UDP from these hosts (`host[:port]`) are not answered. EPICS_PVAS_IGNORE_ADDR_LIST, default none. */
  readonly ignoreAddressList?: readonly string[]
  /**
   * Where beacons go: `host[:port][,ttl][@interface]`. EPICS_PVAS_BEACON_ADDR_LIST, then EPICS_PVA_ADDR_LIST, default
   * none.
   */
  readonly beaconAddressList?: readonly string[]
  /** Beacons also to the broadcast address of every interface. EPICS_PVAS_AUTO_BEACON_ADDR_LIST, then EPICS_PVA_AUTO_ADDR_LIST, default true. */
  readonly autoBeaconAddressList?: boolean
  /** Clients silent for 4/3 of this are closed. EPICS_PVA_CONN_TMO, default 30, at least 2. */
  readonly connectionTimeout?: number
  /** Byte order that clients are told to use. Default "little". */
  readonly byteOrder?: "little" | "big"
  /** Bytes that may wait for one slow client before its updates are merged. Default 1 MiB. */
  readonly sendLimit?: number
  /**
   * Bytes of arrays that may wait for one subscription before its updates are merged, however long a queue it asked for.
   * Default 256 MiB.
   */
  readonly queueLimit?: number
  /** Channels and operations that one client may have open. Default 100,000 each. */
  readonly maxPerClient?: number
  readonly limits?: Partial<PvaLimits>
  readonly env?: Environment
  readonly clock?: Clock
  readonly random?: Random
}

export interface ResolvedServerConfig {
  readonly interfaces: readonly string[]
  readonly groups: readonly Group[]
  readonly port: number
  readonly broadcastPort: number
  readonly udp: boolean
  /** Hosts to ignore; port 0 for any. */
  readonly ignored: readonly Endpoint[]
  readonly beacons: readonly Destination[]
  readonly idleLimit: number
  readonly little: boolean
  readonly sendLimit: number
  readonly queueLimit: number
  readonly maxPerClient: number
  readonly limits: PvaLimits
  readonly clock: Clock
  readonly random: Random
}

/** Throws NetConfigError, naming the setting, when one cannot be understood. */
export function resolveServerConfig(config: PvaServerConfig = {}): ResolvedServerConfig {
  const isolated = config.isolated === true
  const env = isolated ? {} : (config.env ?? process.env)
  const text = (name: string): string | undefined =>
    envText(env, `EPICS_PVAS_${name}`) ?? envText(env, `EPICS_PVA_${name}`)
  const port = (name: string): number | undefined => {
    const set = [`EPICS_PVAS_${name}`, `EPICS_PVA_${name}`].find(key => envText(env, key) !== undefined)
    return set === undefined ? undefined : envNumber(env, set, { min: 0, max: 65535 })
  }
  const words = (name: string): string[] | undefined => text(name)?.split(/\s+/)
  const timeout = config.connectionTimeout ?? envNumber(env, "EPICS_PVA_CONN_TMO", { min: 0 }) ?? 30
  const listed = config.interfaces ?? (isolated ? ["127.0.0.1"] : (words("INTF_ADDR_LIST") ?? ["0.0.0.0"]))
  const { addresses, groups } = parseInterfaces(listed)
  const broadcastPort = config.broadcastPort ?? port("BROADCAST_PORT") ?? 5076
  const list = (name: string): string[] => envText(env, name)?.split(/\s+/) ?? []
  const beacons =
    config.beaconAddressList ?? (isolated ? [] : (words("BEACON_ADDR_LIST") ?? list("EPICS_PVA_ADDR_LIST")))
  const auto =
    config.autoBeaconAddressList ??
    (isolated
      ? false
      : (envFlag(env, "EPICS_PVAS_AUTO_BEACON_ADDR_LIST") ??
        envFlag(env, "EPICS_PVA_AUTO_ADDR_LIST") ??
        true))
  return {
    interfaces: addresses,
    groups,
    port: config.port ?? port("SERVER_PORT") ?? (isolated ? 0 : 5075),
    broadcastPort,
    udp: config.udp ?? !isolated,
    ignored: (config.ignoreAddressList ?? list("EPICS_PVAS_IGNORE_ADDR_LIST")).map(text =>
      parseIgnored(text),
    ),
    beacons: uniqueDestinations(
      [...beacons, ...(auto ? broadcastAddresses() : [])].map(text =>
        parseDestination(text, broadcastPort, "EPICS_PVAS_BEACON_ADDR_LIST"),
      ),
    ),
    idleLimit: (4 / 3) * Math.max(2, timeout),
    little: config.byteOrder !== "big",
    sendLimit: config.sendLimit ?? 1 << 20,
    queueLimit: config.queueLimit ?? 1 << 28,
    maxPerClient: config.maxPerClient ?? 100_000,
    limits: { ...defaultLimits, ...config.limits },
    clock: config.clock ?? systemClock,
    random: config.random ?? Math.random,
  }
}

/** A host, and a port where one is given, otherwise 0. */
function parseIgnored(text: string): Endpoint {
  const origin = "EPICS_PVAS_IGNORE_ADDR_LIST"
  const { host, port } = parseDestination(text, 1, origin)
  return { host, port: port === 1 && !/:1$/.test(text) ? 0 : port }
}
