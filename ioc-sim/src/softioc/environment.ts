/** The variables that keep a server and its clients on this machine, at known ports. */

/** Ports of one IOC. */
export interface IocPorts {
  /** Channel Access, TCP and UDP. */
  readonly ca: number
  /** pvAccess, TCP. */
  readonly pva: number
  /** pvAccess search, UDP. */
  readonly pvaSearch: number
  /** Where Channel Access beacons go. Nobody listens there, so no other client of this machine is woken up. */
  readonly beacon: number
}

/** Where an IOC is, and how it is searched. */
export interface Reach {
  /** A server of pvAccessCPP answers no search over TCP. Default false. */
  readonly byUdp?: boolean
  /** Default 127.0.0.1. */
  readonly host?: string
}

/** What a client (libca, pvxs, p4p, caproto, this project's) needs to reach exactly that IOC, and nothing else. */
export function clientEnvironment(
  ports: IocPorts,
  { byUdp = false, host = "127.0.0.1" }: Reach = {},
): { readonly [name: string]: string } {
  return {
    EPICS_CA_ADDR_LIST: "",
    EPICS_CA_AUTO_ADDR_LIST: "NO",
    EPICS_CA_NAME_SERVERS: `${host}:${ports.ca}`,
    EPICS_CA_SERVER_PORT: String(ports.ca),
    EPICS_CA_REPEATER_PORT: String(ports.beacon),
    EPICS_PVA_ADDR_LIST: byUdp ? host : "",
    EPICS_PVA_AUTO_ADDR_LIST: "NO",
    EPICS_PVA_NAME_SERVERS: byUdp ? "" : `${host}:${ports.pva}`,
    EPICS_PVA_SERVER_PORT: String(ports.pva),
    EPICS_PVA_BROADCAST_PORT: String(ports.pvaSearch),
  }
}

/** What an IOC needs to listen on 127.0.0.1 alone. It is its own only peer: links between its records stay inside. */
export function serverEnvironment(ports: IocPorts, byUdp = false): { readonly [name: string]: string } {
  return {
    ...clientEnvironment(ports, { byUdp }),
    EPICS_CAS_INTF_ADDR_LIST: "127.0.0.1",
    EPICS_CAS_SERVER_PORT: String(ports.ca),
    EPICS_CAS_AUTO_BEACON_ADDR_LIST: "NO",
    EPICS_CAS_BEACON_ADDR_LIST: "127.0.0.1",
    EPICS_CAS_BEACON_PORT: String(ports.beacon),
    EPICS_PVAS_INTF_ADDR_LIST: "127.0.0.1",
    EPICS_PVAS_SERVER_PORT: String(ports.pva),
    EPICS_PVAS_BROADCAST_PORT: String(ports.pvaSearch),
    EPICS_PVAS_AUTO_BEACON_ADDR_LIST: "NO",
    EPICS_PVAS_BEACON_ADDR_LIST: "127.0.0.1",
  }
}
