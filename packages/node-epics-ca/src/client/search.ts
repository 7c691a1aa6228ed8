import { type Endpoint, formatEndpoint, SearchSchedule, SendFailures } from "@ophyd-ts/epics-net"
import { Command, MAX_SEARCH_DATAGRAM } from "../wire/constants.ts"
import type { Message } from "../wire/message.ts"
import { readSearchReply, searchSize, writeSearch } from "../wire/messages/search.ts"
import { writeDatagramVersion } from "../wire/messages/version.ts"
import { parseDatagram } from "../wire/parser.ts"
import { MessageWriter } from "../wire/writer.ts"
import { BeaconWatch } from "./beacons.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import type { Context } from "./context.ts"
import { trace } from "./diagnostics.ts"
import { NameServer } from "./name-server.ts"
import type { DatagramPort } from "./transport.ts"

/** Finds the servers of names: by datagrams to the address list and through circuits to name servers. */
export class NameSearch {
  readonly #context: Context
  readonly #schedule: SearchSchedule<Channel>
  readonly #nameServers: NameServer[]
  readonly #writer = new MessageWriter(2048)
  readonly #beacons: BeaconWatch
  #udp: Promise<DatagramPort | undefined> | undefined
  #port: DatagramPort | undefined
  #sequence = 0
  readonly #unsent = new SendFailures()
  readonly #duplicates = new Set<number>()

  constructor(context: Context) {
    this.#context = context
    this.#schedule = new SearchSchedule<Channel>({
      clock: context.clock,
      random: context.random,
      maxDelay: context.settings.maxSearchPeriod,
      // Datagrams can be lost when too many come at once; a stream holds its sender back by itself.
      window: context.settings.addressList.length > 0 ? 1000 : Number.POSITIVE_INFINITY,
      send: channels => this.#send(channels),
    })
    this.#beacons = new BeaconWatch(context)
    this.#nameServers = context.settings.nameServers.map(endpoint => new NameServer(context, endpoint))
  }

  /** Opens what searching needs: a socket, and circuits to the name servers. */
  start(): void {
    for (const server of this.#nameServers) server.start()
    if (this.#udp !== undefined || this.#context.settings.addressList.length === 0) return
    this.#udp = this.#context.transport
      .openUdp((datagram, from) => this.#onDatagram(datagram, from), this.#unsent)
      .then(
        port => {
          this.#port = port
          if (!this.#context.closed) this.#beacons.register(port)
          return port
        },
        (error: unknown) => {
          trace("problem", () => ({ what: "no UDP socket to search with", error }))
          return undefined
        },
      )
  }

  add(channel: Channel): void {
    this.#schedule.add(channel)
  }

  addLater(channels: Iterable<Channel>, seconds: number): void {
    this.#schedule.addLater(channels, seconds)
  }

  remove(channel: Channel): void {
    this.#schedule.remove(channel)
  }

  /** Something new is on the network: search what is missing again, within a second. */
  hurry(): void {
    this.#schedule.hurry()
  }

  async close(): Promise<void> {
    this.#schedule.close()
    this.#beacons.close()
    for (const server of this.#nameServers) server.close()
    const port = await this.#udp
    await port?.close()
  }

  /** `; name server host:port: state`, and where no datagram can be sent to, for messages. */
  describeServers(): string {
    const unsent = this.#unsent.problem
    return this.#nameServers
      .map(server => `; name server ${formatEndpoint(server.endpoint)} ${server.state}`)
      .concat(unsent === undefined ? [] : `; ${unsent}`)
      .join("")
  }

  /** What keeps servers from being asked. */
  get problem(): string | undefined {
    const problems = this.#nameServers
      .flatMap(({ problem }) => problem ?? [])
      .concat(this.#unsent.problem ?? [])
    return problems.length === 0 ? undefined : problems.join(", ")
  }

  // Circuits report:

  /** A circuit's server told its version: if it is a name server, it may be asked. */
  circuitReady(circuit: Circuit): void {
    const server = this.#nameServers.find(each => each.circuit === circuit)
    if (server === undefined || !server.ready()) return
    const searching = [...this.#context.channels.values()].filter(
      channel => channel.searchPlace !== undefined,
    )
    if (searching.length > 0) this.#askCircuit(circuit, searching)
  }

  circuitClosed(circuit: Circuit, reason: string): void {
    for (const server of this.#nameServers) if (server.circuit === circuit) server.lost(reason)
  }

  onCircuitReply(circuit: Circuit, message: Message): void {
    const { id, port, host } = readSearchReply(message)
    if (host === undefined) this.#found(id, circuit.endpoint, circuit)
    else if (port !== 0 && isServerAddress(host)) this.#found(id, { host, port }, undefined)
  }

  onNotFound(circuit: Circuit, message: Message): void {
    const name = this.#context.channelsById.get(message.p2)?.name
    trace("problem", () => ({
      what: "the name server does not know this name",
      server: circuit.server,
      name,
    }))
  }

  #send(channels: readonly Channel[]): void {
    this.start()
    const { addressList } = this.#context.settings
    const ready = this.#nameServers.filter(server => server.isReady)
    trace("search", () => ({
      names: channels.map(({ name }) => name),
      destinations: addressList.length + ready.length,
    }))
    for (const { circuit } of ready) if (circuit !== undefined) this.#askCircuit(circuit, channels)
    if (addressList.length === 0) return
    const datagrams = [...this.#datagrams(channels)]
    const send = (port: DatagramPort | undefined): void => {
      for (const datagram of datagrams) for (const to of addressList) port?.send(datagram, to)
    }
    if (this.#port !== undefined) send(this.#port)
    else void this.#udp?.then(send)
  }

  #askCircuit(circuit: Circuit, channels: readonly Channel[]): void {
    const writer = circuit.out()
    for (const { cid, name } of channels) writeSearch(writer, cid, name)
  }

  *#datagrams(channels: readonly Channel[]): Generator<Uint8Array> {
    const writer = this.#writer
    for (const { cid, name } of channels) {
      if (writer.length > 0 && writer.length + searchSize(name) > MAX_SEARCH_DATAGRAM) {
        yield writer.take().slice()
      }
      if (writer.length === 0) {
        this.#sequence = (this.#sequence + 1) >>> 0
        writeDatagramVersion(writer, this.#sequence)
      }
      writeSearch(writer, cid, name)
    }
    if (writer.length > 0) yield writer.take().slice()
  }

  #onDatagram(datagram: Uint8Array, from: Endpoint): void {
    parseDatagram(datagram, message => {
      if (this.#beacons.onMessage(message, from) || message.command !== Command.SEARCH) return
      const reply = readSearchReply(message)
      const host = reply.host ?? from.host
      if (reply.port === 0 || !isServerAddress(host)) return
      this.#found(reply.id, { host, port: reply.port }, undefined)
    })
  }

  #found(id: number, endpoint: Endpoint, circuit: Circuit | undefined): void {
    const channel = this.#context.channelsById.get(id)
    if (channel === undefined) return
    if (!isAwaited(channel)) {
      this.#checkDuplicate(channel, endpoint)
      return
    }
    const usable = circuit !== undefined && !circuit.closed && circuit.priority === channel.priority
    channel.found(usable ? circuit : this.#context.circuitTo(endpoint, channel.priority))
  }

  /** First answer wins; that there was another server is told once. */
  #checkDuplicate(channel: Channel, endpoint: Endpoint): void {
    const first = channel.circuit?.endpoint
    if (first === undefined || formatEndpoint(first) === formatEndpoint(endpoint)) return
    if (this.#duplicates.has(channel.cid)) return
    this.#duplicates.add(channel.cid)
    const what = `more than one server has this name; using ${formatEndpoint(first)}, ignoring ${formatEndpoint(endpoint)}`
    trace("problem", () => ({ what, server: formatEndpoint(endpoint), name: channel.name }))
  }
}

/** Searched for, and asked about since: a channel that the governor holds back takes no stale answer. */
const isAwaited = ({ searchPlace, searchAttempts }: Channel): boolean =>
  searchPlace !== undefined && searchAttempts > 0

/** An address at which a server can be: neither unset nor broadcast nor multicast. */
function isServerAddress(host: string): boolean {
  const first = Number(host.slice(0, host.indexOf(".")))
  return first > 0 && first < 224
}
