import type { Endpoint } from "@ophyd-ts/epics-net"
import { FakeClock, seededRandom } from "@ophyd-ts/epics-net/testing"
import { onTestFinished } from "vitest"
import type { DatagramPort, Link, LinkHandler, Transport } from "../../src/client/transport.ts"
import { CaClient, type CaClientConfig } from "../../src/index.ts"
import * as w from "../../src/wire/index.ts"

/** What the client sent, as plain data. */
export interface Sent {
  command: number
  dataType: number
  count: number
  p1: number
  p2: number
  text: string
}

const toSent = ({ command, dataType, count, p1, p2, bytes, offset, size }: w.Message): Sent => ({
  command,
  dataType,
  count,
  p1,
  p2,
  text: w.decodeText(bytes, offset, size),
})

/** The server's end of a connection of the client, played by the test. */
export class FakeLink implements Link {
  readonly endpoint: Endpoint
  readonly sent: Sent[] = []
  /** Messages of each write. */
  readonly writes: Sent[][] = []
  closed = false
  /** Bytes that wait for the server, as the test says. */
  backlog = 0
  readonly #handler: LinkHandler

  constructor(endpoint: Endpoint, handler: LinkHandler) {
    this.endpoint = endpoint
    this.#handler = handler
  }

  write(bytes: Uint8Array, written?: () => void): void {
    const messages: Sent[] = []
    w.parseDatagram(bytes.slice(), message => void messages.push(toSent(message)))
    this.sent.push(...messages)
    this.writes.push(messages)
    written?.()
  }
  end(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
  destroy(): void {
    this.closed = true
  }

  /** The TCP connection is up; the server says its version. */
  accept(minor = w.CA_MINOR_VERSION): void {
    this.#handler.onConnect()
    this.receive(m => void m.begin(w.Command.VERSION, 0, 0, minor, 0, 0))
  }
  receive(...write: ((writer: w.MessageWriter) => void)[]): void {
    const writer = new w.MessageWriter()
    for (const each of write) each(writer)
    this.receiveBytes(writer.take())
  }
  receiveBytes(bytes: Uint8Array, full = false): void {
    this.#handler.onData(bytes, full)
  }
  /** The peer or the network ends it. */
  fail(error?: Error): void {
    this.closed = true
    this.#handler.onClose(error)
  }

  all(command: number): Sent[] {
    return this.sent.filter(message => message.command === command)
  }
  last(command: number): Sent {
    const found = this.all(command).at(-1)
    if (found === undefined) throw new Error(`the client sent no ${w.commandName(command)}`)
    return found
  }

  /** Creates the channel that was asked for last, or the one with this cid. */
  create(
    options: { cid?: number; sid?: number; type?: number; count?: number; write?: boolean } = {},
  ): number {
    const cid = options.cid ?? this.last(w.Command.CREATE_CHAN).p1
    this.receive(
      m => w.writeAccessRights(m, { cid, read: true, write: options.write ?? true }),
      m =>
        w.writeChannelCreated(m, cid, options.sid ?? cid, options.type ?? w.Dbr.DOUBLE, options.count ?? 1),
    )
    return cid
  }
  /** Answers the last read. */
  reply(value: w.DbrSource["value"], type = 20): void {
    const { p2 } = this.last(w.Command.READ_NOTIFY)
    const count = typeof value === "object" ? value.length : 1
    this.receive(m => w.writeReadReply(m, type, count, w.Eca.NORMAL, p2, { value }))
  }
  /** Sends an update for the last subscription, or the one with this id. */
  update(value: number, subid = this.last(w.Command.EVENT_ADD).p2): void {
    this.receive(m => w.writeUpdate(m, 20, 1, w.Eca.NORMAL, subid, { value }))
  }
}

/** A network in memory: the test is every server on it, and turns the clock. */
export class FakeNetwork implements Transport {
  readonly clock = new FakeClock()
  readonly links: FakeLink[] = []
  /** Datagrams sent: where to and which names. */
  readonly searches: { to: string; names: string[]; ids: number[] }[] = []
  /** Where the client registered for beacons, each time. */
  readonly registrations: string[] = []
  #onDatagram: ((datagram: Uint8Array, from: Endpoint) => void) | undefined

  connect(endpoint: Endpoint, handler: LinkHandler): Link {
    const link = new FakeLink(endpoint, handler)
    this.links.push(link)
    return link
  }

  openUdp(onDatagram: (datagram: Uint8Array, from: Endpoint) => void): Promise<DatagramPort> {
    this.#onDatagram = onDatagram
    return Promise.resolve({
      send: (datagram, to) => {
        const found: Sent[] = []
        w.parseDatagram(datagram, message => void found.push(toSent(message)))
        if (found.some(({ command }) => command === w.Command.REPEATER_REGISTER)) {
          this.registrations.push(`${to.host}:${to.port}`)
          return
        }
        const searches = found.filter(({ command }) => command === w.Command.SEARCH)
        this.searches.push({
          to: `${to.host}:${to.port}`,
          names: searches.map(({ text }) => text),
          ids: searches.map(({ p2 }) => p2),
        })
      },
      close: () => Promise.resolve(),
    })
  }

  client(config: CaClientConfig = {}): CaClient {
    const defaults = {
      addressList: ["10.0.0.255"],
      nameServers: [],
      autoAddressList: false,
      userName: "u",
      hostName: "h",
    }
    const client = new CaClient(
      { ...defaults, ...config },
      { clock: this.clock, random: seededRandom(), transport: this },
    )
    onTestFinished(() => client.close())
    return client
  }

  get link(): FakeLink {
    const link = this.links.at(-1)
    if (link === undefined) throw new Error("the client did not connect")
    return link
  }

  /** A server answers a search. */
  found(id: number, port = 5064, from = "10.0.0.1"): void {
    const writer = new w.MessageWriter()
    w.writeDatagramVersion(writer, 1)
    w.writeSearchReply(writer, id, port)
    this.#onDatagram?.(writer.take(), { host: from, port })
  }
  datagram(bytes: Uint8Array, host = "10.0.0.9"): void {
    this.#onDatagram?.(bytes, { host, port: 5064 })
  }
  /** A server announces itself. */
  beacon(counter: number, host = "10.0.0.1", port = 5064): void {
    const writer = new w.MessageWriter()
    w.writeBeacon(writer, port, counter)
    this.datagram(writer.take(), host)
  }

  /** Ends the turn, then lets so many seconds pass. */
  async pass(seconds = 0): Promise<void> {
    await turn()
    // In small steps, so that what a timer starts can settle before the next one.
    for (let left = seconds; left > 0; left -= 0.05) {
      this.clock.advance(Math.min(left, 0.05))
      if (seconds < 20) await turn()
    }
    this.clock.advance()
    await turn()
  }

  /** Opens a client whose channel `name` is connected, on a link of its own. */
  async connected(
    name = "x",
    options: { type?: number; count?: number; sid?: number; write?: boolean } = {},
    config: CaClientConfig = {},
  ): Promise<{ client: CaClient; link: FakeLink; cid: number }> {
    const client = this.client(config)
    client.channel(name)
    await this.pass()
    this.found(this.searches.at(-1)!.ids.at(-1)!)
    await this.pass()
    this.link.accept()
    await this.pass()
    const cid = this.link.create(options)
    return { client, link: this.link, cid }
  }
}

/** One turn of the event loop: what was written has left, and promises have settled. */
export const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
