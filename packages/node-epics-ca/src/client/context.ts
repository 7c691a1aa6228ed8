import {
  type Clock,
  type Endpoint,
  formatEndpoint,
  type Random,
  systemClock,
  TimerWheel,
} from "@ophyd-ts/epics-net"
import type { CaError } from "../errors.ts"
import { Channel } from "./channel.ts"
import { Circuit } from "./circuit.ts"
import type { CaSettings } from "./config.ts"
import { IdTable } from "./id-table.ts"
import { NameSearch } from "./search.ts"
import { networkTransport, type Transport } from "./transport.ts"

/** What a test may replace. */
export interface ContextParts {
  clock?: Clock
  random?: Random
  transport?: Transport
}

/** Channels lost together beyond this many come back spread over a longer time. */
const MASS = 500

/** What all channels of a client share: time, names, circuits, search. */
export class Context {
  readonly settings: CaSettings
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly wheel: TimerWheel
  readonly search: NameSearch
  /** By name, and priority when it is not 0. */
  readonly channels = new Map<string, Channel>()
  readonly channelsById = new IdTable<Channel>()
  readonly #circuits = new Map<string, Circuit>()
  /** Circuits whose TCP connection is in the making, and those that wait for their turn. */
  readonly #connecting = new Set<Circuit>()
  readonly #queue: Circuit[] = []
  #cancelSweep: (() => void) | undefined
  #closed = false

  constructor(settings: CaSettings, parts: ContextParts = {}) {
    this.settings = settings
    this.clock = parts.clock ?? systemClock
    this.random = parts.random ?? Math.random
    this.transport = parts.transport ?? networkTransport
    this.wheel = new TimerWheel(this.clock)
    this.search = new NameSearch(this)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The one channel of a name; made, and searched for, when it is new. */
  channel(name: string, priority: number): Channel {
    const key = priority === 0 ? name : `${priority} ${name}`
    let channel = this.channels.get(key)
    if (channel === undefined) {
      channel = new Channel(this, name, priority)
      this.channels.set(key, channel)
      this.search.add(channel)
    }
    return channel
  }

  forget(channel: Channel): void {
    const { name, priority, cid } = channel
    this.channels.delete(priority === 0 ? name : `${priority} ${name}`)
    this.channelsById.delete(cid)
  }

  /** The circuit to a server; made when there is none. */
  circuitTo(endpoint: Endpoint, priority: number): Circuit {
    const key = `${formatEndpoint(endpoint)} ${priority}`
    let circuit = this.#circuits.get(key)
    if (circuit === undefined) {
      circuit = new Circuit(this, endpoint, priority)
      this.#circuits.set(key, circuit)
      this.#queue.push(circuit)
      this.#connectNext()
    }
    return circuit
  }

  get circuits(): Iterable<Circuit> {
    return this.#circuits.values()
  }

  circuitConnected(circuit: Circuit): void {
    this.#connecting.delete(circuit)
    this.#connectNext()
  }

  circuitVersion(circuit: Circuit): void {
    this.search.circuitReady(circuit)
  }

  /** A circuit ended; its channels, if any, are to be searched again. */
  circuitClosed(circuit: Circuit, channels: readonly Channel[], error: CaError | undefined): void {
    const key = `${formatEndpoint(circuit.endpoint)} ${circuit.priority}`
    if (this.#circuits.get(key) === circuit) this.#circuits.delete(key)
    this.#connecting.delete(circuit)
    const waiting = this.#queue.indexOf(circuit)
    if (waiting >= 0) this.#queue.splice(waiting, 1)
    if (this.#closed) return
    this.search.circuitClosed(circuit, error?.message ?? "closed")
    this.searchAgain(channels)
    this.#connectNext()
  }

  /**
   * The governor: lost channels do not search at once but after a pause with jitter. It grows when a found server keeps
   * failing, and with the number of channels, so that the crash of one large server makes no storm.
   */
  searchAgain(channels: readonly Channel[]): void {
    if (channels.length === 0 || this.#closed) return
    const failures = Math.max(...channels.slice(0, MASS).map(channel => channel.failures))
    const mass = Math.min(5, channels.length / MASS)
    const pause = Math.min(10, 0.1 * 2 ** failures) + mass
    this.search.addLater(channels, pause * (0.5 + this.random() / 2))
  }

  #connectNext(): void {
    while (this.#connecting.size < this.settings.maxConnecting) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#connecting.add(next)
      next.connect()
    }
  }

  /** A channel has no user: it is closed when it has none for long enough. */
  sweepLater(): void {
    if (this.#cancelSweep !== undefined || this.#closed) return
    this.#cancelSweep = this.clock.after(this.settings.channelLinger / 2, () => {
      this.#cancelSweep = undefined
      this.#sweep()
    })
  }

  #sweep(): void {
    let idle = 0
    for (const channel of this.channels.values()) {
      if (channel.used) continue
      channel.idleSweeps += 1
      if (channel.idleSweeps > 2) channel.close()
      else idle += 1
    }
    if (idle > 0) this.sweepLater()
  }

  /** Ends everything; what was written before is still sent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelSweep?.()
    const circuits = [...this.#circuits.values()]
    for (const circuit of circuits) circuit.pinned = true
    for (const channel of [...this.channels.values()]) channel.close()
    await Promise.all([this.search.close(), ...circuits.map(circuit => circuit.end())])
  }
}
