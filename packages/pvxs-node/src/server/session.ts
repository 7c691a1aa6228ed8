import { formatEndpoint, type TimerWheel, WheelTimer } from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import type { TcpPeer, TcpPeerHandler } from "../net/tcp-server.ts"
import {
  readCreateChannels,
  readDestroyChannel,
  writeChannelCreated,
  writeDestroyChannel,
} from "../wire/channel.ts"
import { Command, Control } from "../wire/codes.ts"
import { writeType } from "../wire/field-desc.ts"
import { Framer } from "../wire/framer.ts"
import type { Reader } from "../wire/reader.ts"
import { readSearch, type Search } from "../wire/search.ts"
import { error, ok, writeStatus } from "../wire/status.ts"
import { readClientHello, writeServerHello, writeValidated } from "../wire/validation.ts"
import { Writer } from "../wire/writer.ts"
import type { ResolvedServerConfig } from "./config.ts"
import { OperationTable } from "./operation-table.ts"
import { ServerChannel } from "./server-channel.ts"
import type { ServerMonitor } from "./server-monitor.ts"
import type { SharedPv } from "./shared-pv.ts"

export interface SessionOwner {
  readonly config: ResolvedServerConfig
  readonly wheel: TimerWheel
  find(name: string): SharedPv | undefined
  /** Writes the answer to a search that came over TCP. */
  answerSearch(writer: Writer, search: Search): void
  onClosed(session: ServerSession): void
}

const methods = ["anonymous", "ca"]
const receiveBuffer = 0x1_0000
/** Bytes of requests kept for a client that does not take the answers to those before. */
const heldLimit = 0x1_0000

/** One connected client. */
export class ServerSession extends WheelTimer implements TcpPeerHandler {
  readonly peer: string
  /** Who the client says it is; "" until it does, and for an anonymous one. */
  user = ""
  readonly #owner: SessionOwner
  readonly #link: TcpPeer
  readonly #framer: Framer
  readonly #channels = new Map<number, ServerChannel>()
  readonly #operations: OperationTable
  readonly #waiting = new Set<ServerMonitor>()
  #writer: Writer
  #spare: Writer | null = null
  #flushing = false
  #closed = false
  #nextSid = 1
  #lastHeard: number
  /** Requests that wait until the answers to those before have left. */
  #held: Uint8Array[] = []
  #heldBytes = 0

  constructor(owner: SessionOwner, link: TcpPeer) {
    super()
    this.#owner = owner
    this.#link = link
    this.peer = formatEndpoint(link.remote)
    this.#lastHeard = owner.config.clock.now()
    this.#operations = new OperationTable(this, owner.config.maxPerClient)
    this.#writer = new Writer({ little: owner.config.little, fromServer: true })
    this.#framer = new Framer(owner.config.limits, false, {
      onMessage: (command, reader) => this.#onMessage(command, reader),
      onControl: (command, _value, little) => {
        if (command === Control.setByteOrder) this.#writer.little = little
      },
    })
    owner.wheel.start(this, owner.config.idleLimit)
    this.send(w => {
      w.control(Control.setByteOrder, 0)
      writeServerHello(w, { receiveBuffer, methods })
    })
    this.#flush()
    diagnostics.connection.publish({ endpoint: this.peer, state: "ready" })
  }

  /** Writes a message. All messages of one turn of the event loop leave together. */
  send(write: (writer: Writer) => void): void {
    if (this.#closed) return
    const start = this.#writer.pos
    try {
      write(this.#writer)
    } catch (error) {
      // Half a message would spoil all that follow.
      this.#writer.pos = start
      throw error
    }
    if (this.#flushing) return
    this.#flushing = true
    this.#owner.config.clock.soon(() => this.#flush())
  }

  /** More waits for this client than it may have; updates have to wait, and merge. */
  get isCongested(): boolean {
    return this.#writer.pos + this.#link.backlog > this.#owner.config.sendLimit
  }

  /** Bytes of arrays that may wait for one subscription. */
  get queueLimit(): number {
    return this.#owner.config.queueLimit
  }

  /** True while subscriptions wait for room; then somebody is about to be told that there is some. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Pumps this subscription again when the socket has taken what waits. */
  whenDrained(monitor: ServerMonitor): void {
    this.#waiting.add(monitor)
  }

  /** The PV went away under the client: tell it, which makes it search again. */
  destroyChannel(channel: ServerChannel): void {
    this.#drop(channel)
    this.send(w => writeDestroyChannel(w, channel.sid, channel.cid))
  }

  onData(chunk: Uint8Array): void {
    this.#lastHeard = this.#owner.config.clock.now()
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    this.#work()
    // Whoever asks and does not read is not listened to either, so that answers do not fill the memory.
    if (this.#heldBytes > heldLimit) this.#link.pause()
  }

  /** Does what clients ask, as long as they take the answers. */
  #work(): void {
    const wasFull = this.#heldBytes > heldLimit
    try {
      while (!this.#closed && this.#held.length > 0 && !this.isCongested) {
        const chunk = this.#held[0]!
        const taken = this.#framer.push(chunk, () => this.isCongested)
        this.#heldBytes -= taken
        if (taken === chunk.length) this.#held.shift()
        else this.#held[0] = chunk.subarray(taken)
      }
    } catch (reason) {
      diagnostics.problem.publish({ where: `client ${this.peer}`, error: reason })
      this.close()
    }
    if (wasFull && this.#heldBytes <= heldLimit) this.#link.resume()
  }

  /** A subscription that is over needs no pumping. */
  forgetMonitor(monitor: ServerMonitor): void {
    this.#waiting.delete(monitor)
  }

  onDrain(): void {
    this.#resume()
  }

  onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#owner.wheel.stop(this)
    for (const channel of this.#channels.values()) channel.destroy()
    this.#channels.clear()
    this.#waiting.clear()
    this.#held = []
    diagnostics.connection.publish({ endpoint: this.peer, state: "closed" })
    this.#owner.onClosed(this)
  }

  close(): void {
    this.#link.destroy()
    this.onClose()
  }

  /** Closes a client that has been silent too long. */
  override onTimeout(): void {
    const { clock, idleLimit } = this.#owner.config
    const silent = clock.now() - this.#lastHeard
    if (silent < idleLimit) this.#owner.wheel.start(this, idleLimit - silent)
    else this.close()
  }

  #flush(): void {
    this.#flushing = false
    const writer = this.#writer
    if (this.#closed || writer.pos === 0) return
    this.#writer = this.#spare ?? new Writer({ fromServer: true })
    this.#spare = null
    this.#writer.little = writer.little
    this.#link.write(writer.written(), () => {
      if (writer.bytes.length <= 0x1_0000) {
        writer.clear()
        writer.little = this.#writer.little
        this.#spare = writer
      }
      // Who takes what is sent is there, even while its own words wait.
      if (this.#held.length > 0) this.#lastHeard = this.#owner.config.clock.now()
      this.#resume()
    })
  }

  #resume(): void {
    if (this.#closed || this.isCongested) return
    // What was asked comes first: an acknowledgement, or the end of a subscription whose updates fill the socket each time.
    this.#work()
    // Each in turn: who fills the socket waits behind those that had no room.
    for (const monitor of [...this.#waiting]) {
      if (this.isCongested) return
      this.#waiting.delete(monitor)
      monitor.pump()
    }
  }

  #onMessage(command: number, reader: Reader): void {
    switch (command) {
      case Command.connectionValidation:
        this.#onHello(reader)
        break
      case Command.echo:
        this.#onEcho(reader)
        break
      case Command.search: {
        const search = readSearch(reader)
        this.send(w => this.#owner.answerSearch(w, search))
        break
      }
      case Command.createChannel:
        for (const { cid, name } of readCreateChannels(reader)) this.#create(cid, name)
        break
      case Command.destroyChannel: {
        const { sid, cid } = readDestroyChannel(reader)
        const channel = this.#channels.get(sid)
        if (channel !== undefined) this.#drop(channel)
        this.send(w => writeDestroyChannel(w, sid, cid))
        break
      }
      case Command.get:
      case Command.put:
      case Command.putGet:
      case Command.monitor:
      case Command.array:
      case Command.process:
      case Command.rpc:
        this.#operations.onMessage(command, reader, sid => this.#channels.get(sid))
        break
      case Command.getField:
        this.#onGetField(reader)
        break
      case Command.destroyRequest:
      case Command.cancelRequest: {
        reader.u32()
        this.#operations.onControl(command, reader.u32())
        break
      }
      default:
      // Not for this side, or not known yet.
    }
  }

  #onHello(reader: Reader): void {
    const { method, account } = readClientHello(reader)
    // Some clients send empty credentials; they are as good as anonymous.
    this.user = method === "ca" ? (account?.user ?? "") : ""
    const status = methods.includes(method)
      ? ok
      : error(`the authentication method "${method}" was not offered`)
    this.send(w => writeValidated(w, status))
  }

  #onEcho(reader: Reader): void {
    const payload = reader.copy(reader.remaining)
    this.send(w => w.message(Command.echo, () => w.raw(payload)))
  }

  #create(cid: number, name: string): void {
    const pv = this.#owner.find(name)
    const full = this.#channels.size >= this.#owner.config.maxPerClient
    if (pv === undefined || full) {
      const status = error(full ? "too many channels" : "no such channel")
      this.send(w => writeChannelCreated(w, { cid, sid: 0xffff_ffff, status }))
      return
    }
    while (this.#channels.has(this.#nextSid)) this.#nextSid = (this.#nextSid + 1) >>> 0
    const sid = this.#nextSid
    this.#nextSid = (sid + 1) >>> 0
    this.#channels.set(sid, new ServerChannel(this, name, pv, cid, sid))
    this.send(w => writeChannelCreated(w, { cid, sid, status: ok }))
  }

  #drop(channel: ServerChannel): void {
    this.#channels.delete(channel.sid)
    for (const operation of channel.operations) this.#operations.forget(operation)
    channel.destroy()
  }

  #onGetField(reader: Reader): void {
    const channel = this.#channels.get(reader.u32())
    const ioid = reader.u32()
    this.send(w =>
      w.message(Command.getField, () => {
        w.u32(ioid)
        writeStatus(w, channel === undefined ? error("no such channel on this connection") : ok)
        if (channel !== undefined) writeType(w, channel.pv.type)
      }),
    )
  }
}
