import { hostname, userInfo } from "node:os"
import {
  broadcastAddresses,
  type Endpoint,
  type Environment,
  envFlag,
  envNumber,
  envPort,
  envText,
  formatEndpoint,
  parseAddressList,
  parseEndpoint,
  uniqueEndpoints,
} from "@ophyd-ts/epics-net"
import { CaError } from "../errors.ts"
import { CA_REPEATER_PORT, CA_SERVER_PORT } from "../wire/constants.ts"

/** How a client finds servers and treats its circuits. What is given here wins over the environment. */
export interface CaClientConfig {
  /** Where to search by UDP: `host` or `host:port`. Default `EPICS_CA_ADDR_LIST`, else empty. */
  addressList?: readonly string[]
  /** Also search the broadcast address of every interface. Default `EPICS_CA_AUTO_ADDR_LIST`, else true. */
  autoAddressList?: boolean
  /** Servers to ask by TCP: `host` or `host:port`. Default `EPICS_CA_NAME_SERVERS`, else none. */
  nameServers?: readonly string[]
  /** Port for entries without one. Default `EPICS_CA_SERVER_PORT`, else 5064. */
  serverPort?: number
  /** UDP port of beacons. Default `EPICS_CA_REPEATER_PORT`, else 5065. */
  repeaterPort?: number
  /** Seconds of silence before a server is asked for a sign of life. Default `EPICS_CA_CONN_TMO`, else 30. */
  connectionTimeout?: number
  /** Seconds that the sign of life may take before the circuit counts as unresponsive. Default 5. */
  echoTimeout?: number
  /** Seconds an unresponsive circuit is kept before it is closed and its names are searched anew. Default 2 × connectionTimeout. */
  unresponsiveTimeout?: number
  /** Seconds between searches for a name that nobody has, at most. Default 30, and never more than `EPICS_CA_MAX_SEARCH_PERIOD`. */
  maxSearchPeriod?: number
  /**
   * Largest payload in bytes that is received; larger ones are skipped and their request fails. Default 256 MiB;
   * `EPICS_CA_MAX_ARRAY_BYTES` counts only when `EPICS_CA_AUTO_ARRAY_BYTES` is NO.
   */
  maxArrayBytes?: number
  /**
   * Bytes that may wait for a server that does not read; beyond, writes to it are refused with OVERFLOW until it does. Default
   * 256 MiB.
   */
  maxBacklogBytes?: number
  /** Seconds a get or put may take when the call does not say. Default 5. */
  timeout?: number
  /** Seconds an unused channel stays connected, so that the next use is quick. Default 30. */
  channelLinger?: number
  /** User name that servers are told. Default that of the process. */
  userName?: string
  /** Host name that servers are told. Default that of the machine. */
  hostName?: string
  /** TCP connections to different servers that may be in the making at once. Default 64. */
  maxConnecting?: number
  /**
   * Called with what a caller's own callback threw. Default: thrown again in a turn of its own, where it ends the
   * process unless that listens for `uncaughtException`.
   */
  onCallbackError?: (error: unknown) => void
}

/** A configuration in which every question is answered. */
export interface CaSettings {
  readonly addressList: readonly Endpoint[]
  readonly nameServers: readonly Endpoint[]
  readonly repeaterPort: number
  readonly connectionTimeout: number
  readonly echoTimeout: number
  readonly unresponsiveTimeout: number
  readonly maxSearchPeriod: number
  readonly maxArrayBytes: number
  readonly maxBacklogBytes: number
  readonly timeout: number
  readonly channelLinger: number
  readonly userName: string
  readonly hostName: string
  readonly maxConnecting: number
  readonly onCallbackError: (error: unknown) => void
}

/**
 * Settles a configuration: explicit values, then EPICS variables, then defaults. Throws for a variable or entry that
 * can not be understood, naming it.
 */
export function resolveSettings(config: CaClientConfig = {}, env: Environment = process.env): CaSettings {
  const serverPort = config.serverPort ?? envPort(env, "EPICS_CA_SERVER_PORT") ?? CA_SERVER_PORT
  const list = (given: readonly string[] | undefined, option: string, variable: string): Endpoint[] =>
    given !== undefined
      ? uniqueEndpoints(given.map(entry => parseEndpoint(entry, serverPort, option)))
      : parseAddressList(envText(env, variable) ?? "", serverPort, variable)
  const automatic = config.autoAddressList ?? envFlag(env, "EPICS_CA_AUTO_ADDR_LIST") ?? true
  const broadcast = automatic ? broadcastAddresses().map(host => ({ host, port: serverPort })) : []
  const connectionTimeout = positive(
    "connectionTimeout",
    config.connectionTimeout ?? envNumber(env, "EPICS_CA_CONN_TMO", { min: 0.1 }) ?? 30,
  )
  // The variable's own minimum of 60 s lies above the default here, so it can only confirm it.
  const period = envNumber(env, "EPICS_CA_MAX_SEARCH_PERIOD", { min: 0 })
  return {
    addressList: uniqueEndpoints([
      ...list(config.addressList, "addressList", "EPICS_CA_ADDR_LIST"),
      ...broadcast,
    ]),
    nameServers: list(config.nameServers, "nameServers", "EPICS_CA_NAME_SERVERS"),
    repeaterPort: config.repeaterPort ?? envPort(env, "EPICS_CA_REPEATER_PORT") ?? CA_REPEATER_PORT,
    connectionTimeout,
    echoTimeout: positive("echoTimeout", config.echoTimeout ?? 5),
    unresponsiveTimeout: positive("unresponsiveTimeout", config.unresponsiveTimeout ?? 2 * connectionTimeout),
    maxSearchPeriod: positive(
      "maxSearchPeriod",
      config.maxSearchPeriod ?? Math.min(30, Math.max(1, period ?? 30)),
    ),
    maxArrayBytes: positive("maxArrayBytes", config.maxArrayBytes ?? arrayBytes(env)),
    maxBacklogBytes: positive("maxBacklogBytes", config.maxBacklogBytes ?? 256 * 1024 * 1024),
    timeout: positive("timeout", config.timeout ?? 5),
    channelLinger: config.channelLinger ?? 30,
    userName: config.userName ?? processUser(),
    hostName: config.hostName ?? hostname(),
    maxConnecting: positive("maxConnecting", config.maxConnecting ?? 64),
    onCallbackError: config.onCallbackError ?? rethrow,
  }
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new CaError("BAD_INPUT", `${name} must be a positive number, not ${value}`)
  return value
}

function arrayBytes(env: Environment): number {
  const bytes = envNumber(env, "EPICS_CA_MAX_ARRAY_BYTES", { min: 0 })
  // 120 bytes beyond the elements: the largest metadata of a numeric type and a header, as the C library allows.
  if (envFlag(env, "EPICS_CA_AUTO_ARRAY_BYTES") === false) return Math.max(16384, bytes ?? 16384) + 120
  return 256 * 1024 * 1024
}

function processUser(): string {
  try {
    return userInfo().username
  } catch {
    return "unknown"
  }
}

const rethrow = (error: unknown): void => {
  setImmediate(() => {
    throw error
  })
}

/** Where a client with these settings looks for names, for messages. */
export function searchedPlaces(settings: CaSettings): string {
  const udp = settings.addressList.map(formatEndpoint)
  const tcp = settings.nameServers.map(formatEndpoint)
  const parts = []
  if (udp.length > 0) parts.push(`by UDP ${udp.join(", ")}`)
  if (tcp.length > 0) parts.push(`by TCP ${tcp.join(", ")}`)
  return parts.length > 0
    ? parts.join(" and ")
    : "nowhere: the address list and the name servers are empty and automatic addresses are off"
}
