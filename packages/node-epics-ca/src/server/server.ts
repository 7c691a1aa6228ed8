import { type Clock, type Endpoint, systemClock, type UdpPort } from "@ophyd-ts/epics-net"
import { CaError } from "../errors.ts"
import { startBeacons } from "./beacons.ts"
import { Circuit, type CircuitServer } from "./circuit.ts"
import { report } from "./diagnostics.ts"
import { defaultLimits, type ServerLimits } from "./limits.ts"
import { NameTable, type PvProvider, type ResolvedName } from "./names.ts"
import { ServerPorts } from "./ports.ts"
import { coreOf, type ServerPv } from "./pv.ts"
import type { ServerClient } from "./pv-options.ts"
import { answerSearch } from "./search.ts"
import type { CircuitTransport } from "./transport.ts"

/** How a server is reached and what it grants. Without options it is reached by its own `clientConfig` only. */
export interface CaServerOptions {
  /** Address to listen on, or several, which then share the number of the port. Default 127.0.0.1; "0.0.0.0" is all interfaces. */
  readonly host?: string | readonly string[]
  /** TCP port; 0, the default, is any free one. */
  readonly port?: number
  /** When `port` is taken, use any free one instead of failing; searches tell clients the real one. Default false. */
  readonly portFallback?: boolean
  /**
   * UDP port for searches, shared with other servers of this host; 5064 is the usual one, 0 any free one. Without it the
   * server hears no searches by UDP and answers no broadcast; searches by TCP always work.
   */
  readonly searchPort?: number
  /** Source addresses whose datagrams are ignored. */
  readonly ignore?: readonly string[]
  /** Announce the server at these addresses; usual port 5065. Default: nowhere. */
  readonly beacons?: readonly Endpoint[]
  /** Longest interval between beacons in seconds. Default 15. */
  readonly beaconPeriod?: number
  /** Close the circuit of a client that makes a mistake, as EPICS base's server does; for testing clients. Default false. */
  readonly strict?: boolean
  readonly limits?: Partial<ServerLimits>
  readonly clock?: Clock
}

/** Settings of a client that reaches one server only, without UDP. */
export interface ServerClientConfig {
  readonly nameServers: readonly string[]
  readonly addressList: readonly string[]
  readonly autoAddressList: false
}

/**
 * A Channel Access server.
 *
 * @example
 * const server = await CaServer.listen()
 * const pv = server.add(new ServerPv("X:temp", { type: "double", value: 21.5, units: "C" }))
 * pv.post(22.1)
 * const client = new CaClient(server.clientConfig())
 * await server.close()
 */
export class CaServer {
  /** The address it listens on, the first of them if there are several. */
  readonly host: string
  readonly #options: CaServerOptions
  readonly #names = new NameTable()
  readonly #circuits = new Set<Circuit>()
  readonly #limits: ServerLimits
  readonly #circuitServer: CircuitServer
  readonly #ports: ServerPorts
  #stopBeacons: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** Starts to listen. Rejects with CaError BAD_INPUT when a port is taken or the address is not this machine's. */
  static async listen(options: CaServerOptions = {}): Promise<CaServer> {
    const server = new CaServer(options)
    try {
      await server.#listen()
    } catch (cause) {
      await server.close()
      const { port = 0, searchPort } = options
      const udp = searchPort === undefined ? "" : `, UDP ${searchPort}`
      throw new CaError("BAD_INPUT", `cannot listen on ${hostsOf(options).join(", ")}, TCP ${port}${udp}`, {
        cause,
      })
    }
    return server
  }

  private constructor(options: CaServerOptions) {
    const hosts = hostsOf(options)
    this.host = hosts[0] as string
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    const { port = 0, portFallback: fallback = false, searchPort } = options
    this.#ports = new ServerPorts(
      { hosts, port, fallback, searchPort, outputBytes: this.#limits.outputBytes },
      {
        accept: transport => this.#accept(transport),
        onDatagram: (udp, datagram, from) => this.#onDatagram(udp, datagram, from),
        onError: error => report({ kind: "network-error", server: this.address, error }),
      },
    )
    const server = this
    this.#circuitServer = {
      get address() {
        return server.address
      },
      get port() {
        return server.port
      },
      limits: this.#limits,
      clock: options.clock ?? systemClock,
      strict: options.strict ?? false,
      resolve: name => this.#resolve(name),
      closed: circuit => this.#circuits.delete(circuit),
    }
  }

  /** TCP port that the server listens on. */
  get port(): number {
    return this.#ports.port
  }

  /** UDP port on which it answers searches, if it does. */
  get searchPort(): number | undefined {
    return this.#ports.searchPort
  }

  /** `host:port` of the TCP side. */
  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Who is connected now. */
  get clients(): ServerClient[] {
    return [...this.#circuits].map(circuit => ({ ...circuit.client }))
  }

  /** Channels that clients have open. */
  get channelCount(): number {
    let count = 0
    for (const circuit of this.#circuits) count += circuit.channels.size
    return count
  }

  /** The PVs that were added. */
  get pvs(): ServerPv[] {
    return [...this.#names.pvs]
  }

  /**
   * Serves a PV from now on.
   *
   * @throws CaError BAD_INPUT when the name is empty, too long or already served here.
   */
  add<P extends ServerPv>(pv: P): P {
    const { name } = pv
    const bytes = Buffer.byteLength(name)
    if (name === "" || bytes > this.#limits.nameBytes || name.includes("\0")) {
      throw new CaError("BAD_INPUT", `"${name.slice(0, 60)}" (${bytes} bytes) cannot be the name of a PV`)
    }
    if (this.#names.has(name)) throw new CaError("BAD_INPUT", `${name} is served already`)
    this.#names.set(pv)
    return pv
  }

  /** Finds a PV as a client would: added ones first, then by the providers. */
  get(name: string): ServerPv | undefined {
    return this.#names.get(name)
  }

  /** Stops serving a PV: clients lose their channels to it, and their puts under way fail. False when it was not there. */
  remove(name: string): boolean {
    const pv = this.#names.delete(name)
    if (pv === undefined) return false
    this.disconnect(pv)
    return true
  }

  /** Ends all channels to a PV; clients that find its name again will be back. */
  disconnect(pv: ServerPv): void {
    for (const channel of [...coreOf(pv).channels]) channel.removed()
  }

  /** Asks this function about names that were not added, for instance the fields of a record. */
  provide(provider: PvProvider): void {
    this.#names.addProvider(provider)
  }

  /** Configures a client that finds names on this server only, through TCP. */
  clientConfig(): ServerClientConfig {
    const host = this.host === "0.0.0.0" ? "127.0.0.1" : this.host
    return { nameServers: [`${host}:${this.port}`], addressList: [], autoAddressList: false }
  }

  /** The same as variables, for programs built on any Channel Access library that knows name servers. */
  environment(): Record<string, string> {
    return {
      EPICS_CA_NAME_SERVERS: this.clientConfig().nameServers.join(" "),
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    }
  }

  /** Closes all circuits and ports; resolves when the ports are free. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #listen(): Promise<void> {
    const { beacons = [], beaconPeriod = 15, clock = systemClock } = this.#options
    await this.#ports.open()
    if (beacons.length === 0) return
    const send = await this.#ports.openBeacons()
    this.#stopBeacons = startBeacons(clock, beaconPeriod, this.port, datagram => send(datagram, beacons))
  }

  #accept(transport: CircuitTransport): Circuit | undefined {
    if (this.#closing !== undefined || this.#circuits.size >= this.#limits.circuits) return undefined
    const circuit = new Circuit(this.#circuitServer, transport)
    this.#circuits.add(circuit)
    return circuit
  }

  #onDatagram(udp: UdpPort, datagram: Uint8Array, from: Endpoint): void {
    if (this.#options.ignore?.includes(from.host) || this.#options.searchPort === undefined) return
    const replies = answerSearch(datagram, name => this.#resolve(name) !== undefined, this.port)
    for (const reply of replies) udp.send(reply, from)
  }

  #resolve(name: string): ResolvedName | undefined {
    try {
      return this.#names.resolve(name)
    } catch (error) {
      report({ kind: "handler-failed", server: this.address, name, error })
      return undefined
    }
  }

  async #close(): Promise<void> {
    this.#stopBeacons?.()
    const reason = new CaError("CLOSED", `the server at ${this.address} was closed`)
    for (const circuit of [...this.#circuits]) circuit.end(reason)
    await this.#ports.close()
  }
}

/** Where to listen. */
const hostsOf = ({ host = "127.0.0.1" }: CaServerOptions): readonly string[] =>
  typeof host === "string" ? [host] : host.length === 0 ? ["127.0.0.1"] : host
