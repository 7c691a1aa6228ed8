import { type Endpoint, formatEndpoint, TcpLink, type TimerWheel, WheelTimer } from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import { PvaError, PvaRefusedError } from "../errors.ts"
import {
  type ChannelCreated,
  readChannelCreated,
  readDestroyChannel,
  readServerMessage,
  writeCreateChannel,
  writeDestroyChannel,
  writeRequestControl,
} from "../wire/channel.ts"
import { Command, Control } from "../wire/codes.ts"
import { Framer } from "../wire/framer.ts"
import type { Reader } from "../wire/reader.ts"
import { readSearchResponse, type SearchResponse } from "../wire/search.ts"
import { isSuccess, readStatus } from "../wire/status.ts"
import { readServerHello, writeClientHello } from "../wire/validation.ts"
import { Writer } from "../wire/writer.ts"
import type { ResolvedConfig } from "./config.ts"

/** A channel as its connection sees it. */
export interface ConnectionUser {
  readonly cid: number
  /** The handshake is done. */
  onReady(connection: Connection): void
  onCreated(created: ChannelCreated): void
  /** The server took the channel away; the connection goes on. */
  onDestroyed(): void
  /** Another echo period has passed. */
  onTick(): void
  /** The connection is gone. */
  onLost(reason: PvaError): void
}

/** An operation as its connection sees it. `onReply` gets the message after the ioid; it may throw on bad bytes. */
export interface ReplyHandler {
  onReply(reader: Reader): void
}

export interface ConnectionOwner {
  readonly config: ResolvedConfig
  readonly wheel: TimerWheel
  onSearchResponse(response: SearchResponse, from: Endpoint): void
  onClosed(connection: Connection, reason: PvaError): void
}

/** Receive buffer as announced to servers; it is a hint that nobody uses. */
const receiveBuffer = 0x1_0000
const largeRoom = 0x1_0000
/** A message under way that gets fewer bytes than this in an echo period is not under way. */
const leastProgress = 1000
/** The system reads up to 32 times before other sockets have their turn, so a read must not be too large. */
const readAtOnce = 0x4_0000
/** Time for the whole handshake. A pvAccessCPP server may let a client wait 6 s for its first message. */
const handshakeLimit = 20

/** One TCP connection to one server, shared by all channels it serves. */
export class Connection extends WheelTimer {
  readonly endpoint: Endpoint
  readonly #owner: ConnectionOwner
  readonly #framer: Framer
  readonly #link: TcpLink
  readonly #users = new Map<number, ConnectionUser>()
  readonly #operations = new Map<number, ReplyHandler>()
  #state: "connecting" | "handshake" | "ready" | "closed" = "connecting"
  #writer = new Writer()
  #spare: Writer | null = null
  #flushing = false
  #room: Uint8Array | undefined
  #nextIoid = 1
  #lastHeard: number
  /** Bytes received in this echo period. */
  #received = 0
  #stuckSince: number | undefined
  #linger: (() => void) | undefined
  /** Stays open without channels, because searches go through it. */
  isNameServer = false
  /** The handshake has been completed once. */
  wasReady = false

  constructor(endpoint: Endpoint, owner: ConnectionOwner) {
    super()
    this.endpoint = endpoint
    this.#owner = owner
    this.#lastHeard = owner.config.clock.now()
    this.#framer = new Framer(owner.config.limits, true, {
      onMessage: (command, reader) => this.#onMessage(command, reader),
      onControl: (command, _value, little) => {
        // Everything on this connection is sent in the order that the server announces.
        if (command === Control.setByteOrder) this.#writer.little = little
      },
    })
    this.#link = new TcpLink(endpoint, {
      onConnect: () => {
        this.#state = "handshake"
      },
      readInto: () => this.#largeRoom(),
      onData: chunk => this.#onData(chunk),
      onClose: error => {
        this.#fail(new PvaError("PVA_DISCONNECTED", whyClosed(endpoint, error), { cause: error }))
      },
    })
    owner.wheel.start(this, handshakeLimit)
    diagnostics.connection.publish({ endpoint: formatEndpoint(endpoint), state: "connecting" })
  }

  get isReady(): boolean {
    return this.#state === "ready"
  }

  get state(): string {
    return this.#state
  }

  /** Bytes that wait for the network. */
  get backlog(): number {
    return this.#link.backlog
  }

  /** Creates a channel as soon as the handshake is done. */
  attach(user: ConnectionUser): void {
    this.#linger?.()
    this.#linger = undefined
    this.#users.set(user.cid, user)
    if (this.isReady) user.onReady(this)
  }

  createChannel(user: ConnectionUser, name: string): void {
    this.send(w => writeCreateChannel(w, user.cid, name))
  }

  /** Lets go of a channel, telling the server when it knows of it. */
  detach(user: ConnectionUser, sid: number | null): void {
    if (!this.#users.delete(user.cid)) return
    if (sid !== null && this.isReady) this.send(w => writeDestroyChannel(w, sid, user.cid))
    this.#closeWhenUnused()
  }

  /** A fresh number for an operation, whose replies go to `handler` from now on. */
  register(handler: ReplyHandler): number {
    while (this.#operations.has(this.#nextIoid)) this.#nextIoid = (this.#nextIoid + 1) >>> 0
    const ioid = this.#nextIoid
    this.#nextIoid = (ioid + 1) >>> 0
    this.#operations.set(ioid, handler)
    return ioid
  }

  /** Takes back the memory of a message, for the next of its size. */
  recycle(memory: ArrayBufferLike): void {
    this.#framer.recycle(memory)
  }

  /** Forgets an operation, and lets the server forget it. Late replies are ignored. */
  release(ioid: number, sid: number, tellServer: boolean): void {
    if (!this.#operations.delete(ioid) || !tellServer || !this.isReady) return
    this.send(w => writeRequestControl(w, Command.destroyRequest, sid, ioid))
  }

  /** Writes a message. All messages of one turn of the event loop leave together. */
  send(write: (writer: Writer) => void): void {
    if (this.#state === "closed") return
    const start = this.#writer.pos
    try {
      write(this.#writer)
    } catch (error) {
      this.#writer.pos = start
      throw error
    }
    if (this.#flushing) return
    this.#flushing = true
    this.#owner.config.clock.soon(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    const writer = this.#writer
    if (this.#state === "closed" || writer.pos === 0) return
    this.#writer = this.#spare ?? new Writer()
    this.#spare = null
    this.#writer.little = writer.little
    this.#link.write(writer.written(), () => {
      // One pair of buffers goes round; one that grew for a large array is left to the collector.
      if (writer.bytes.length > 0x1_0000) return
      writer.clear()
      writer.little = this.#writer.little
      this.#spare = writer
    })
  }

  /** Closes at once; the users hear `reason`. */
  close(reason: PvaError): void {
    this.#fail(reason)
  }

  /** A large message is read straight into its own memory. */
  #largeRoom(): Uint8Array | undefined {
    const room = this.#framer.pendingRoom()
    this.#room = room !== null && room.length >= largeRoom ? room.subarray(0, readAtOnce) : undefined
    return this.#room
  }

  #onData(chunk: Uint8Array): void {
    this.#lastHeard = this.#owner.config.clock.now()
    this.#received += chunk.length
    try {
      if (chunk.buffer === this.#room?.buffer) this.#framer.filled(chunk.length)
      else this.#framer.push(chunk)
    } catch (error) {
      const where = formatEndpoint(this.endpoint)
      const message = error instanceof Error ? error.message : String(error)
      this.#fail(
        new PvaError("PVA_DISCONNECTED", `closed the connection to ${where}: ${message}`, { cause: error }),
      )
    }
  }

  #onMessage(command: number, reader: Reader): void {
    // More may have come in one piece with what closed it.
    if (this.#state === "closed") return
    switch (command) {
      case Command.get:
      case Command.put:
      case Command.monitor:
      case Command.rpc:
      case Command.getField:
        this.#operations.get(reader.u32())?.onReply(reader)
        break
      case Command.connectionValidation:
        this.#onServerHello(reader)
        break
      case Command.connectionValidated:
        this.#onValidated(reader)
        break
      case Command.createChannel: {
        const created = readChannelCreated(reader)
        const user = this.#users.get(created.cid)
        if (user !== undefined) user.onCreated(created)
        // Nobody waits for it any more; the server would keep it as long as the connection lasts.
        else if (isSuccess(created.status)) this.send(w => writeDestroyChannel(w, created.sid, created.cid))
        break
      }
      case Command.destroyChannel: {
        const { cid } = readDestroyChannel(reader)
        const user = this.#users.get(cid)
        if (this.#users.delete(cid)) user?.onDestroyed()
        this.#closeWhenUnused()
        break
      }
      case Command.searchResponse:
        this.#owner.onSearchResponse(readSearchResponse(reader), this.#link.remote ?? this.endpoint)
        break
      case Command.message:
        diagnostics.problem.publish({
          where: formatEndpoint(this.endpoint),
          error: readServerMessage(reader),
        })
        break
      default:
      // Echo replies have done their work by arriving; everything else is not for this side, or not known yet.
    }
  }

  #onServerHello(reader: Reader): void {
    const { methods } = readServerHello(reader)
    const { authentication, user, host } = this.#owner.config
    const withAccount = authentication === "ca" && methods.includes("ca")
    const method = withAccount ? "ca" : "anonymous"
    this.send(w =>
      writeClientHello(w, { receiveBuffer, method, account: withAccount ? { user, host } : null }),
    )
  }

  #onValidated(reader: Reader): void {
    const status = readStatus(reader)
    const where = formatEndpoint(this.endpoint)
    if (!isSuccess(status)) {
      const cause = new PvaRefusedError(`${where} refused this client`, status)
      this.#fail(new PvaError("PVA_NOT_VALIDATED", cause.message, { cause }))
      return
    }
    if (this.#state === "ready") return
    this.#state = "ready"
    this.wasReady = true
    this.#owner.wheel.start(this, this.#owner.config.echoPeriod)
    diagnostics.connection.publish({ endpoint: where, state: "ready" })
    for (const each of [...this.#users.values()]) each.onReady(this)
    this.#closeWhenUnused()
  }

  /** The echo period passed, or the time for the handshake. */
  override onTimeout(): void {
    const { config, wheel } = this.#owner
    const now = config.clock.now()
    const why = this.#reasonToGiveUp(now)
    if (why !== undefined) {
      this.#fail(new PvaError("PVA_DISCONNECTED", `${formatEndpoint(this.endpoint)}: ${why}`))
      return
    }
    for (const user of [...this.#users.values()]) user.onTick()
    this.send(w => w.message(Command.echo, () => {}))
    wheel.start(this, Math.min(config.echoPeriod, config.idleLimit - (now - this.#lastHeard)))
  }

  #reasonToGiveUp(now: number): string | undefined {
    const { idleLimit } = this.#owner.config
    const silent = now - this.#lastHeard
    if (this.#state !== "ready") return `still ${this.#state} after ${handshakeLimit.toFixed(1)} s`
    if (silent >= idleLimit) return `nothing heard after ${silent.toFixed(1)} s`
    // A message whose end never comes would swallow the replies to echoes, and so look alive for ever.
    const stuck = this.#framer.pendingRoom() !== null && this.#received < leastProgress
    this.#received = 0
    this.#stuckSince = stuck ? (this.#stuckSince ?? now) : undefined
    const since = now - (this.#stuckSince ?? now)
    return since >= idleLimit ? `a message has not come to its end for ${since.toFixed(1)} s` : undefined
  }

  #closeWhenUnused(): void {
    if (this.#users.size > 0 || this.isNameServer || !this.isReady || this.#linger !== undefined) return
    const { clock, linger } = this.#owner.config
    this.#linger = clock.after(Math.min(linger, 3), () => {
      this.#fail(new PvaError("PVA_CLOSED", `${formatEndpoint(this.endpoint)}: no channel uses it any more`))
    })
  }

  #fail(reason: PvaError): void {
    if (this.#state === "closed") return
    this.#state = "closed"
    this.#owner.wheel.stop(this)
    this.#linger?.()
    this.#link.destroy()
    this.#operations.clear()
    const users = [...this.#users.values()]
    this.#users.clear()
    diagnostics.connection.publish({ endpoint: formatEndpoint(this.endpoint), state: "closed", reason })
    this.#owner.onClosed(this, reason)
    for (const user of users) user.onLost(reason)
  }
}

function whyClosed(endpoint: Endpoint, error: NodeJS.ErrnoException | undefined): string {
  const where = formatEndpoint(endpoint)
  if (error?.code === "ECONNREFUSED") return `${where} refused the connection (${error.code})`
  return `${where}: ${error === undefined ? "the server closed the connection" : error.message}`
}
