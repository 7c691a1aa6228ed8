import { type Endpoint, formatEndpoint, isIpv6, multicastInterface, UdpPort } from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import { SendPorts } from "../net/send-ports.ts"
import { Command } from "../wire/codes.ts"
import { readDatagram } from "../wire/datagram.ts"
import {
  readSearch,
  type Search,
  type SearchResponse,
  writeBeacon,
  writeOriginTag,
  writeSearch,
  writeSearchResponse,
} from "../wire/search.ts"
import { Writer } from "../wire/writer.ts"
import type { ResolvedServerConfig } from "./config.ts"

/** Programs of one host pass unicast searches on to each other through this group, on the loopback interface. */
const localGroup = "224.0.0.128"
const loopback = "127.0.0.1"
/** Beacons: so many in quick succession, then seldom. Seconds. */
const quickBeacons = 10
const quickPeriod = 15
const slowPeriod = 180

/** Answers searches by UDP, passes unicast ones on to its neighbours on this host, and sends beacons. */
export class Discovery {
  readonly #config: ResolvedServerConfig
  readonly #guid: string
  readonly #tcpPort: number
  readonly #answer: (search: Search) => SearchResponse | null
  readonly #ports: UdpPort[] = []
  #forwarder: UdpPort | null = null
  readonly #beaconPorts: SendPorts
  #beacons = 0
  #changes = 0
  #cancelBeacon: (() => void) | undefined

  constructor(
    config: ResolvedServerConfig,
    guid: string,
    tcpPort: number,
    answer: (search: Search) => SearchResponse | null,
  ) {
    this.#config = config
    this.#guid = guid
    this.#tcpPort = tcpPort
    this.#answer = answer
    const { beacons: destinations, interfaces } = config
    this.#beaconPorts = new SendPorts({ destinations, interfaces, what: "beacons", onDatagram: () => {} })
  }

  /** Rejects when the port for searches cannot be had. */
  async open(): Promise<void> {
    const { broadcastPort: port, interfaces, groups } = this.#config
    const joins = groups.map(({ group, interface: via }) => {
      const local = via === undefined ? undefined : multicastInterface(via, isIpv6(group))
      return { group, interface: local, any: isIpv6(group) ? "::" : "0.0.0.0" }
    })
    for (const address of interfaces)
      await this.#listen(
        address,
        joins.filter(each => each.any === address),
      )
    for (const each of joins.filter(({ any }) => !interfaces.includes(any))) {
      // Windows binds no socket to a group, and for one of IPv6 it takes the interface.
      const bindable = process.platform !== "win32" && !isIpv6(each.group)
      await this.#listen(bindable ? each.group : each.any, [each])
    }
    await this.#joinNeighbours(port)
    this.#beacon()
  }

  /** The PVs changed, which the next beacon says. */
  changed(): void {
    this.#changes++
  }

  async close(): Promise<void> {
    this.#cancelBeacon?.()
    await Promise.all([this.#beaconPorts, ...this.#ports, this.#forwarder].map(port => port?.close()))
  }

  async #listen(
    address: string,
    join: readonly { group: string; interface: string | undefined }[],
  ): Promise<void> {
    const opened: UdpPort = await UdpPort.open({
      port: this.#config.broadcastPort,
      address,
      // Shared with every other program of this host that speaks pvAccess.
      reuse: true,
      join,
      onDatagram: (datagram, from) => this.#onDatagram(datagram, from, opened, false),
    })
    this.#ports.push(opened)
  }

  /** Without the group (some systems cannot bind to one) everything works but being found behind another program's socket. */
  async #joinNeighbours(port: number): Promise<void> {
    try {
      const group: UdpPort = await UdpPort.open({
        port,
        address: process.platform === "win32" ? "0.0.0.0" : localGroup,
        reuse: true,
        join: [{ group: localGroup, interface: loopback }],
        onDatagram: (datagram, from) => this.#onDatagram(datagram, from, group, true),
      })
      this.#ports.push(group)
      this.#forwarder = await UdpPort.open({ multicastInterface: loopback, onDatagram: () => {} })
    } catch (error) {
      diagnostics.problem.publish({ where: `joining ${localGroup}`, error })
    }
  }

  #onDatagram(datagram: Uint8Array, from: Endpoint, port: UdpPort, local: boolean): void {
    // What this server passed on itself has been answered already.
    if (local && from.port === this.#forwarder?.port) return
    try {
      readDatagram(datagram, this.#config.limits, false, (command, reader) => {
        if (command === Command.search) this.#onSearch(readSearch(reader), reader.little, from, port, local)
      })
    } catch (error) {
      diagnostics.problem.publish({ where: `a datagram from ${formatEndpoint(from)}`, error })
    }
  }

  #onSearch(search: Search, little: boolean, from: Endpoint, port: UdpPort, local: boolean): void {
    const isIgnored = ({ host, port: only }: Endpoint): boolean =>
      host === from.host && (only === 0 || only === from.port)
    if (search.replyPort === 0 || this.#config.ignored.some(isIgnored)) return
    const replyAddress = search.replyAddress === "" ? from.host : search.replyAddress
    const response = this.#answer(search)
    if (response !== null) {
      const writer = new Writer({ little, fromServer: true })
      writeSearchResponse(writer, response)
      const fits = (each: UdpPort): boolean => each.isIpv6 === isIpv6(replyAddress)
      const way = fits(port) ? port : this.#ports.find(fits)
      way?.send(writer.written(), { host: replyAddress, port: search.replyPort })
    }
    // The neighbours' group is one of IPv4.
    if (!search.unicast || local || isIpv6(replyAddress)) return
    const writer = new Writer({ little })
    writeOriginTag(writer, from.host)
    writeSearch(writer, { ...search, unicast: false, replyAddress })
    this.#forwarder?.send(writer.written(), { host: localGroup, port: this.#config.broadcastPort })
  }

  #beacon(): void {
    if (this.#config.beacons.length === 0) return
    const writer = new Writer({ little: false, fromServer: true })
    const { clock } = this.#config
    writeBeacon(writer, {
      guid: this.#guid,
      sequence: this.#beacons,
      changeCount: this.#changes,
      address: "",
      port: this.#tcpPort,
      protocol: "tcp",
    })
    this.#beaconPorts.each((port, targets) => {
      for (const target of targets) port.send(writer.written(), target)
    })
    this.#beacons++
    this.#cancelBeacon = clock.after(this.#beacons < quickBeacons ? quickPeriod : slowPeriod, () =>
      this.#beacon(),
    )
  }
}
