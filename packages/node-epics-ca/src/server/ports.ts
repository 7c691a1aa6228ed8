import { type Endpoint, UdpPort } from "@ophyd-ts/epics-net"
import { listenTcp, type TcpListener } from "../net/server-tcp.ts"
import { broadcastOf } from "./interfaces.ts"
import type { CircuitEvents, CircuitTransport } from "./transport.ts"

/** Where a server listens. */
export interface PortsPlan {
  /** Addresses of this machine, at least one. */
  readonly hosts: readonly string[]
  /** 0 for any free one. */
  readonly port: number
  /** Take any free port when `port` is taken. */
  readonly fallback: boolean
  /** Undefined for none. */
  readonly searchPort: number | undefined
  /** Bytes that may wait in a socket before a write is told to hold. */
  readonly outputBytes: number
}

/** Who is told what comes in. */
export interface PortsUser {
  accept(transport: CircuitTransport): CircuitEvents | undefined
  onDatagram(udp: UdpPort, datagram: Uint8Array, from: Endpoint): void
  onError(error: Error): void
}

/** So often a free port of the first address may be taken on another one. */
const attempts = 5

/** The ports of a server: the same TCP port on each of its addresses, and UDP ports for searches and beacons. */
export class ServerPorts {
  readonly #plan: PortsPlan
  readonly #user: PortsUser
  #tcp: TcpListener[] = []
  /** One for each address, from which answers and beacons go. */
  readonly #own: UdpPort[] = []
  /** Those that hear what is broadcast to the network of an address. */
  readonly #broadcast: UdpPort[] = []

  constructor(plan: PortsPlan, user: PortsUser) {
    this.#plan = plan
    this.#user = user
  }

  /** Of TCP; 0 before it listens. */
  get port(): number {
    return this.#tcp[0]?.port ?? 0
  }

  /** Of UDP, if it answers searches. */
  get searchPort(): number | undefined {
    return this.#plan.searchPort === undefined ? undefined : this.#own[0]?.port
  }

  /** Rejects when a port is taken, or an address is not this machine's. */
  async open(): Promise<void> {
    const { port, fallback, searchPort } = this.#plan
    try {
      await this.#listen(port)
    } catch (error) {
      if (!fallback || !isTaken(error)) throw error
      await this.#listen(0)
    }
    if (searchPort !== undefined) await this.#openSearch(searchPort)
  }

  /** Sends a datagram from each address. Opens ports to send from when there are none for searches. */
  async openBeacons(): Promise<(datagram: Uint8Array, to: readonly Endpoint[]) => void> {
    if (this.#own.length === 0)
      for (const host of this.#plan.hosts) this.#own.push(await this.#udp(host, 0, false))
    return (datagram, to) => {
      for (const udp of this.#own) for (const endpoint of to) udp.send(datagram, endpoint)
    }
  }

  async close(): Promise<void> {
    const udp = [...this.#own, ...this.#broadcast]
    await Promise.all([...this.#tcp.map(tcp => tcp.close()), ...udp.map(one => one.close())])
  }

  async #listen(port: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        for (const host of this.#plan.hosts) await this.#listenOn(host, this.#tcp[0]?.port ?? port)
        return
      } catch (error) {
        const opened = this.#tcp
        this.#tcp = []
        await Promise.all(opened.map(tcp => tcp.close()))
        if (port !== 0 || !isTaken(error) || attempt === attempts) throw error
      }
    }
  }

  async #listenOn(host: string, port: number): Promise<void> {
    const at = { host, port, outputBytes: this.#plan.outputBytes }
    this.#tcp.push(await listenTcp(at, transport => this.#user.accept(transport), this.#onError))
  }

  async #openSearch(port: number): Promise<void> {
    for (const host of this.#plan.hosts) {
      const own = await this.#udp(host, this.#own[0]?.port ?? port)
      this.#own.push(own)
      const broadcast = broadcastOf(host)
      if (broadcast === undefined) continue
      // Systems that deliver broadcasts to the first socket anyway refuse this address.
      await this.#udp(broadcast, own.port).then(udp => this.#broadcast.push(udp), this.#onError)
    }
  }

  async #udp(address: string, port: number, reuse = true): Promise<UdpPort> {
    const udp: UdpPort = await UdpPort.open({
      address,
      port,
      reuse,
      onDatagram: (datagram, from) => this.#user.onDatagram(udp, datagram, from),
      onSendError: this.#onError,
    })
    return udp
  }

  readonly #onError = (error: Error): void => this.#user.onError(error)
}

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EADDRINUSE"
