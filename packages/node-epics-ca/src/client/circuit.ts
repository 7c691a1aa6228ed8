import { type Endpoint, formatEndpoint } from "@ophyd-ts/epics-net"
import { CaError } from "../errors.ts"
import { Command } from "../wire/constants.ts"
import type { DbrBase } from "../wire/dbr-types.ts"
import { ecaSuccess, ecaText } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { readAccessRights, writeClearChannel, writeCreateChannel } from "../wire/messages/channel.ts"
import { writeEcho } from "../wire/messages/echo.ts"
import { readError } from "../wire/messages/error.ts"
import { writeEventsOff, writeEventsOn } from "../wire/messages/event.ts"
import { writeClientName, writeHostName } from "../wire/messages/identity.ts"
import { writeVersion } from "../wire/messages/version.ts"
import { type MessageHandler, MessageParser } from "../wire/parser.ts"
import { MessageWriter } from "../wire/writer.ts"
import type { Channel } from "./channel.ts"
import type { Context } from "./context.ts"
import { trace } from "./diagnostics.ts"
import { asCaError, lost, refused } from "./failures.ts"
import { IdTable } from "./id-table.ts"
import type { Operation } from "./operation.ts"
import type { Subscription } from "./subscription.ts"
import type { Link, LinkHandler } from "./transport.ts"
import { Watchdog } from "./watchdog.ts"
import type { WriteOperation } from "./write.ts"

/** Bytes received without a pause after which the server is asked to hold updates back. */
const BEHIND_BYTES = 4 << 20

/**
 * One TCP connection to a server, with all its channels. Everything that one turn of the event loop sends leaves in
 * one write. Owns what is in flight: when it ends, each request fails once.
 */
export class Circuit implements MessageHandler, LinkHandler {
  readonly context: Context
  readonly endpoint: Endpoint
  readonly priority: number
  /** Minor version of the server; 0 until its VERSION arrived. */
  minor = 0
  /** Kept although it has no channel: a name server. */
  pinned = false
  readonly requests: IdTable<Operation> = new IdTable()
  readonly subscriptions: IdTable<Subscription> = new IdTable()
  readonly #channels = new Set<Channel>()
  readonly #writer = new MessageWriter()
  readonly #parser: MessageParser
  readonly #watchdog: Watchdog
  #link: Link | undefined
  #up = false
  #closed = false
  #flushing = false
  /** Writes sent since the last echo, and the echoes under way, each with the writes that it confirms. */
  #unconfirmed: WriteOperation[] = []
  #echoes: WriteOperation[][] = []
  /** Bytes received since the socket last had less than was asked for. */
  #behind = 0
  #largest = 0
  #eventsOff = false

  constructor(context: Context, endpoint: Endpoint, priority: number) {
    this.context = context
    this.endpoint = endpoint
    this.priority = priority
    this.#parser = new MessageParser(this, context.settings.maxArrayBytes)
    this.#watchdog = new Watchdog(this, context)
    writeVersion(this.#writer, priority)
    writeClientName(this.#writer, context.settings.userName)
    writeHostName(this.#writer, context.settings.hostName)
  }

  get server(): string {
    return formatEndpoint(this.endpoint)
  }
  get up(): boolean {
    return this.#up
  }
  get closed(): boolean {
    return this.#closed
  }
  get channelCount(): number {
    return this.#channels.size
  }

  /** Starts the TCP connection. */
  connect(): void {
    this.#trace("connecting")
    this.#watchdog.connecting()
    this.#link = this.context.transport.connect(this.endpoint, this)
  }

  // Sending:

  /** Where messages are written to; they leave at the end of this turn, after the microtasks. */
  out(): MessageWriter {
    if (!this.#flushing) {
      this.#flushing = true
      process.nextTick(this.#flush)
    }
    return this.#writer
  }

  /** Bytes that the server has not taken yet. */
  get backlog(): number {
    return this.#writer.length + (this.#link?.backlog ?? 0)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    if (!this.#up || this.#closed || this.#link === undefined) return
    if (this.#unconfirmed.length > 0) {
      this.#echoes.push(this.#unconfirmed)
      this.#unconfirmed = []
      writeEcho(this.#writer)
    }
    if (this.#writer.length === 0) return
    const bytes = this.#writer.take()
    this.#link.write(bytes, () => this.#writer.recycle(bytes))
  }

  /** Gives a request its id and awaits the reply. */
  track(operation: Operation): void {
    operation.circuit = this
    operation.id = this.requests.add(operation)
  }

  /** A write without reply: an echo behind it tells that the server has read it. */
  confirm(write: WriteOperation): void {
    this.#unconfirmed.push(write)
  }

  /** Asks for a sign of life. */
  echo(): void {
    this.#echoes.push([])
    writeEcho(this.out())
  }

  // Channels:

  attach(channel: Channel): void {
    this.#channels.add(channel)
    writeCreateChannel(this.out(), channel.cid, channel.name)
    if (this.#up) channel.creating()
  }

  /** A channel is closed or moved away. The last one takes the circuit with it. */
  detach(channel: Channel): void {
    if (!this.#channels.delete(channel) || this.#closed) return
    if (this.requests.size > 0) this.failRequests(channel, new CaError("CLOSED", "the channel was closed"))
    if (this.#channels.size === 0 && !this.pinned) void this.end()
  }

  /** Fails what is in flight for one channel. */
  failRequests(channel: Channel, cause: CaError): void {
    if (this.requests.size === 0) return
    for (const operation of [...this.requests.values()]) {
      if (operation.channel === channel) fail(operation, cause)
    }
  }

  // The link:

  onConnect(): void {
    this.#up = true
    this.#trace("connected")
    this.#watchdog.start()
    this.context.circuitConnected(this)
    for (const channel of this.#channels) channel.creating()
    this.out()
  }

  readInto(): Uint8Array | undefined {
    return this.#parser.target
  }

  onData(chunk: Uint8Array, full: boolean): void {
    this.#watchdog.heard()
    this.#behind = full ? this.#behind + chunk.length : 0
    if (this.#eventsOff ? !full : this.#behind > Math.max(BEHIND_BYTES, 4 * this.#largest))
      this.#toggleEvents()
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.close(asCaError(error))
    }
  }

  onClose(error: Error | undefined): void {
    this.close(new CaError("DISCONNECTED", this.#whyClosed(error), { cause: error }))
  }

  #whyClosed(error: NodeJS.ErrnoException | undefined): string {
    if (error?.code === "ECONNREFUSED") return `${this.server} refused the connection (${error.code})`
    const what = this.#up ? "lost the connection to" : "could not connect to"
    const why = error === undefined ? "closed by the server" : (error.code ?? error.message)
    return `${what} ${this.server}: ${why}`
  }

  #toggleEvents(): void {
    this.#eventsOff = !this.#eventsOff
    if (this.#eventsOff) writeEventsOff(this.out())
    else writeEventsOn(this.out())
    this.#trace(this.#eventsOff ? "behind" : "caught up")
  }

  /** The watchdog's judgement. */
  unresponsive(): void {
    this.#trace("unresponsive")
    for (const channel of [...this.#channels]) channel.unresponsive()
  }

  responsive(): void {
    this.#trace("responsive")
    for (const channel of [...this.#channels]) channel.responsive()
  }

  /** Ends at once; everything in flight fails, channels go back to the search. */
  close(error: CaError): void {
    if (this.#closed) return
    this.#shut()
    this.#link?.destroy()
    this.#trace("closed", error)
    const operations = [...this.requests.values()]
    this.requests.clear()
    for (const operation of operations) fail(operation, error)
    const channels = [...this.#channels]
    this.#channels.clear()
    for (const channel of channels) channel.lost(error)
    this.subscriptions.clear()
    this.context.circuitClosed(this, channels, error)
  }

  /** Ends after what was written is sent; there are no channels any more, or the client closes. */
  end(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const link = this.#link
    this.#flush()
    this.#shut()
    this.#trace("closed")
    this.context.circuitClosed(this, [], undefined)
    return link === undefined ? Promise.resolve() : link.end()
  }

  #shut(): void {
    this.#closed = true
    this.#parser.stop()
    this.#watchdog.stop()
  }

  // Messages:

  onMessage(message: Message): void {
    const { p1, p2 } = message
    switch (message.command) {
      case Command.EVENT_ADD: {
        if (message.size > this.#largest) this.#largest = message.size
        this.subscriptions.get(p2)?.onUpdate(message)
        break
      }
      case Command.READ_NOTIFY:
      case Command.WRITE_NOTIFY:
        this.requests.get(p2)?.onReply(message)
        break
      case Command.ECHO: {
        const confirmed = this.#echoes.shift()
        if (confirmed !== undefined) for (const write of confirmed) if (!write.settled) write.confirmed()
        break
      }
      case Command.CREATE_CHAN:
        this.#created(p1, p2, message)
        break
      case Command.ACCESS_RIGHTS: {
        const { cid, read, write } = readAccessRights(message)
        this.#channel(cid)?.accessRights(read, write)
        break
      }
      case Command.CREATE_CH_FAIL:
        this.#drop(p1, "does not have the channel any more")
        break
      case Command.SERVER_DISCONN:
        this.#drop(p1, "took the channel away")
        break
      case Command.VERSION:
        this.minor = message.count
        this.context.circuitVersion(this)
        break
      case Command.SEARCH:
        this.context.search.onCircuitReply(this, message)
        break
      case Command.NOT_FOUND:
        this.context.search.onNotFound(this, message)
        break
      case Command.ERROR:
        this.#onError(message)
        break
      default:
        // Echoes of CLEAR_CHANNEL, and whatever a later version may send.
        break
    }
  }

  onOversized(message: Message): void {
    const limit = this.context.settings.maxArrayBytes
    const text = `${this.server} sent ${message.size} bytes, the limit maxArrayBytes is ${limit}`
    const error = new CaError("TOO_LARGE", text)
    if (message.command === Command.EVENT_ADD) {
      this.subscriptions.get(message.p2)?.fail(error)
    } else if (message.command === Command.READ_NOTIFY) {
      const operation = this.requests.get(message.p2)
      operation?.forget()
      operation?.reject(error)
    }
  }

  #channel(cid: number): Channel | undefined {
    const channel = this.context.channelsById.get(cid)
    return channel?.circuit === this ? channel : undefined
  }

  #created(cid: number, sid: number, message: Message): void {
    const channel = this.#channel(cid)
    if (channel?.state === "connecting" || channel?.state === "creating") {
      if (message.dataType > 6) {
        this.close(
          new CaError("PROTOCOL", `${this.server} gave ${channel.name} the unknown type ${message.dataType}`),
        )
        return
      }
      channel.created(sid, message.dataType as DbrBase, message.count)
    } else if (channel?.sid !== sid) {
      // Closed here in the meantime: the server need not keep it.
      writeClearChannel(this.out(), sid, cid)
    }
  }

  #drop(cid: number, why: string): void {
    const channel = this.#channel(cid)
    if (channel === undefined) return
    this.#channels.delete(channel)
    channel.lost(new CaError("DISCONNECTED", `${this.server} ${why}`))
    this.context.searchAgain([channel])
    if (this.#channels.size === 0 && !this.pinned) void this.end()
  }

  #onError(message: Message): void {
    const { cid, status, request, text } = readError(message)
    const what = `${this.server} answered ${ecaText(status)}: ${text}`
    if (request !== undefined && !ecaSuccess(status)) {
      if (request.command === Command.EVENT_ADD) {
        const subscription = this.subscriptions.get(request.p2)
        if (subscription !== undefined) {
          subscription.fail(refused(subscription.channel, "subscribing to", status, text))
          return
        }
      }
      const operation = this.requests.get(request.p2)
      const kinds: number[] = [Command.READ_NOTIFY, Command.WRITE, Command.WRITE_NOTIFY]
      if (operation !== undefined && kinds.includes(request.command)) {
        operation.forget()
        operation.reject(refused(operation.channel, operation.action, status, text))
        return
      }
    }
    const name = cid === undefined ? undefined : this.context.channelsById.get(cid)?.name
    trace("problem", () => ({ what, server: this.server, name }))
  }

  #trace(state: string, error?: Error): void {
    trace("circuit", () => ({ server: this.server, priority: this.priority, state, error }))
  }
}

function fail(operation: Operation, cause: CaError): void {
  operation.forget()
  operation.reject(lost(operation.channel, operation.action, operation.write, cause))
}
