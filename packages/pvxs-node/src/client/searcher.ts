import {
  type Endpoint,
  formatEndpoint,
  isIpv6,
  isMulticast,
  multicastInterface,
  type SearchEntry,
  SearchSchedule,
  UdpPort,
} from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import type { Destination } from "../net/destination.ts"
import { SendPorts } from "../net/send-ports.ts"
import { Command, headerBytes } from "../wire/codes.ts"
import { readDatagram } from "../wire/datagram.ts"
import {
  readBeacon,
  readSearchResponse,
  type SearchedChannel,
  type SearchResponse,
  writeSearch,
} from "../wire/search.ts"
import { Writer } from "../wire/writer.ts"
import type { ResolvedConfig } from "./config.ts"
import type { Connection } from "./connection.ts"

/** A channel that is looked for. */
export interface SearchedName extends SearchEntry {
  readonly cid: number
  readonly name: string
}

/** Names in one datagram stay below this, so that no network cuts it. */
const datagramLimit = 1400
/** Names in one message over TCP. */
const tcpNames = 500
/** A name server that takes our bytes this slowly is not given more searches. */
const backlogLimit = 0x1_0000
/** Beacons are remembered this long, and so many of them. */
const beaconAge = 360
const beaconsKept = 20_000
const hurryAtMostEvery = 30

/** Looks for channels: name servers over TCP first, then UDP. */
export class Searcher {
  readonly #config: ResolvedConfig
  readonly #schedule: SearchSchedule<SearchedName>
  readonly #nameServers: () => Iterable<Connection>
  readonly #onResponse: (response: SearchResponse, from: Endpoint) => void
  readonly #ports: SendPorts
  readonly #beaconPorts: Promise<UdpPort | null>[] = []
  readonly #beacons = new Map<string, { guid: string; seen: number }>()
  #lastHurry = Number.NEGATIVE_INFINITY
  #sequence = 0

  constructor(
    config: ResolvedConfig,
    nameServers: () => Iterable<Connection>,
    onResponse: (response: SearchResponse, from: Endpoint) => void,
  ) {
    this.#config = config
    this.#nameServers = nameServers
    this.#onResponse = onResponse
    this.#ports = new SendPorts({
      destinations: config.destinations,
      interfaces: config.interfaces,
      what: "searches",
      onDatagram: (datagram, from) => this.onDatagram(datagram, from),
    })
    this.#schedule = new SearchSchedule<SearchedName>({
      clock: config.clock,
      random: config.random,
      send: entries => this.#send(entries),
    })
  }

  add(entry: SearchedName): void {
    this.#listenForBeacons()
    this.#schedule.add(entry)
  }

  addLater(entry: SearchedName, seconds: number): void {
    this.#schedule.addLater([entry], seconds)
  }

  remove(entry: SearchedName): void {
    this.#schedule.remove(entry)
  }

  /** Something new is there: everything is searched again soon. */
  hurry(): void {
    const now = this.#config.clock.now()
    if (now - this.#lastHurry < hurryAtMostEvery) return
    this.#lastHurry = now
    this.#schedule.hurry()
  }

  /** Asks one name server, which has just become reachable, for everything that is missing. */
  askAll(entries: Iterable<SearchedName>, connection: Connection): void {
    const missing = [...entries].filter(e => e.searchPlace !== undefined)
    this.#sendTcp(connection, missing)
  }

  /** What keeps datagrams from being sent; undefined when nothing does. */
  get problem(): string | undefined {
    return this.#ports.problem
  }

  async close(): Promise<void> {
    this.#schedule.close()
    const ports = await Promise.all(this.#beaconPorts)
    await Promise.all([this.#ports.close(), ...ports.map(port => port?.close())])
  }

  #send(entries: readonly SearchedName[]): void {
    diagnostics.search.publish({ names: entries.map(e => e.name), attempt: entries[0]?.searchAttempts })
    for (const connection of this.#nameServers()) this.#sendTcp(connection, entries)
    this.#ports.each((port, destinations) => this.#sendUdp(port, destinations, entries))
  }

  #sendTcp(connection: Connection, entries: readonly SearchedName[]): void {
    if (!connection.isReady || connection.backlog > backlogLimit) return
    for (let at = 0; at < entries.length; at += tcpNames) {
      const channels = entries.slice(at, at + tcpNames).map(e => ({ id: e.cid, name: e.name }))
      connection.send(w => writeSearch(w, this.#message(channels, true, 0)))
    }
  }

  #sendUdp(udp: UdpPort, destinations: readonly Destination[], entries: readonly SearchedName[]): void {
    for (const channels of datagrams(entries)) {
      for (const unicast of [true, false]) {
        const some = destinations.filter(d => d.unicast === unicast)
        if (some.length === 0) continue
        const writer = new Writer({ little: false })
        writeSearch(writer, this.#message(channels, unicast, udp.port))
        for (const to of some) udp.send(writer.written(), to)
      }
    }
  }

  #message(
    channels: readonly SearchedChannel[],
    unicast: boolean,
    replyPort: number,
  ): Parameters<typeof writeSearch>[1] {
    this.#sequence = (this.#sequence + 1) >>> 0
    const sequence = this.#sequence
    return {
      sequence,
      replyRequired: false,
      unicast,
      replyAddress: "",
      replyPort,
      protocols: ["tcp"],
      channels,
    }
  }

  /**
   * Hears new servers. The sockets are bound to broadcast addresses and groups, because one bound to the port alone
   * would take searches away from servers on this host; where a system cannot do that, there are no beacons.
   */
  #listenForBeacons(): void {
    if (this.#beaconPorts.length > 0) return
    const { destinations, broadcastPort, listenForBeacons } = this.#config
    const listen = async (address: string, port: number, via?: string): Promise<UdpPort | null> => {
      try {
        const local = via === undefined ? undefined : multicastInterface(via, isIpv6(address))
        return await UdpPort.open({
          port,
          address: isIpv6(address) && via !== undefined ? `${address}%${via}` : address,
          reuse: true,
          join: isMulticast(address) ? [{ group: address, interface: local }] : [],
          onDatagram: (datagram, from) => this.onDatagram(datagram, from),
        })
      } catch {
        return null
      }
    }
    for (const address of listenForBeacons) this.#beaconPorts.push(listen(address, broadcastPort))
    for (const { host, port, interface: via } of destinations)
      if (isMulticast(host)) this.#beaconPorts.push(listen(host, port, via))
  }

  /** A search response or a beacon; everything else is ignored. */
  onDatagram(datagram: Uint8Array, from: Endpoint): void {
    try {
      readDatagram(datagram, this.#config.limits, true, (command, reader) => {
        if (command === Command.searchResponse) this.#onResponse(readSearchResponse(reader), from)
        if (command === Command.beacon) this.#onBeacon(readBeacon(reader), from)
      })
    } catch (error) {
      diagnostics.problem.publish({ where: `a datagram from ${formatEndpoint(from)}`, error })
    }
  }

  #onBeacon(beacon: { guid: string; address: string; port: number }, from: Endpoint): void {
    const now = this.#config.clock.now()
    const key = `${beacon.address === "" ? from.host : beacon.address}:${beacon.port}`
    const known = this.#beacons.get(key)
    const isNew = known === undefined || known.guid !== beacon.guid || now - known.seen > beaconAge
    this.#beacons.delete(key)
    this.#beacons.set(key, { guid: beacon.guid, seen: now })
    if (this.#beacons.size > beaconsKept) this.#beacons.delete(this.#beacons.keys().next().value!)
    if (isNew) this.hurry()
  }
}

/** Splits names so that each datagram stays small. */
function* datagrams(entries: readonly SearchedName[]): Generator<SearchedChannel[]> {
  const fixed = headerBytes + 4 + 1 + 3 + 16 + 2 + 1 + 4 + 2
  let channels: SearchedChannel[] = []
  let bytes = fixed
  for (const { cid, name } of entries) {
    const cost = 4 + 5 + 3 * name.length
    if (channels.length > 0 && bytes + cost > datagramLimit) {
      yield channels
      channels = []
      bytes = fixed
    }
    channels.push({ id: cid, name })
    bytes += cost
  }
  if (channels.length > 0) yield channels
}
