import {
  broadcastAddresses,
  type Endpoint,
  type Environment,
  envFlag,
  envNumber,
  envPort,
  envText,
  parseAddressList,
  uniqueEndpoints,
} from "@ophyd-ts/epics-net"
import { CA_REPEATER_PORT, CA_SERVER_PORT } from "../wire/constants.ts"
import type { CaServerOptions } from "./server.ts"

/**
 * Options of a server that behaves as an IOC started with these variables: it listens on all interfaces and on port 5064
 * unless told otherwise, takes another TCP port when that one is taken, answers broadcasts, and sends beacons.
 * Understands `EPICS_CAS_SERVER_PORT`, `…_INTF_ADDR_LIST`, `…_IGNORE_ADDR_LIST`, `…_BEACON_ADDR_LIST`,
 * `…_AUTO_BEACON_ADDR_LIST`, `…_BEACON_PORT`, `…_BEACON_PERIOD` and the `EPICS_CA_` variables that stand in for them.
 *
 * @throws NetConfigError for a variable that cannot be understood.
 */
export function caServerOptions(env: Environment = process.env): CaServerOptions {
  const port = envPort(env, "EPICS_CAS_SERVER_PORT") ?? envPort(env, "EPICS_CA_SERVER_PORT") ?? CA_SERVER_PORT
  const interfaces = words(env, "EPICS_CAS_INTF_ADDR_LIST")
  return {
    host: interfaces.length > 1 ? interfaces : (interfaces[0] ?? "0.0.0.0"),
    port,
    portFallback: true,
    searchPort: port,
    ignore: words(env, "EPICS_CAS_IGNORE_ADDR_LIST"),
    beacons: beaconAddresses(env),
    beaconPeriod:
      envNumber(env, "EPICS_CAS_BEACON_PERIOD", { min: 0.1 }) ??
      envNumber(env, "EPICS_CA_BEACON_PERIOD", { min: 0.1 }) ??
      15,
  }
}

function beaconAddresses(env: Environment): Endpoint[] {
  const port =
    envPort(env, "EPICS_CAS_BEACON_PORT") ?? envPort(env, "EPICS_CA_REPEATER_PORT") ?? CA_REPEATER_PORT
  const own = "EPICS_CAS_BEACON_ADDR_LIST"
  const variable = envText(env, own) === undefined ? "EPICS_CA_ADDR_LIST" : own
  // An address list of clients names server ports; beacons go to the repeaters of the same hosts.
  const listed = parseAddressList(envText(env, variable) ?? "", port, variable).map(entry =>
    variable === own ? entry : { ...entry, port },
  )
  const automatic =
    envFlag(env, "EPICS_CAS_AUTO_BEACON_ADDR_LIST") ?? envFlag(env, "EPICS_CA_AUTO_ADDR_LIST") ?? true
  const broadcast = automatic ? broadcastAddresses().map(host => ({ host, port })) : []
  return uniqueEndpoints([...listed, ...broadcast])
}

const words = (env: Environment, name: string): string[] =>
  (envText(env, name) ?? "").split(/[\s,]+/).filter(word => word !== "")
