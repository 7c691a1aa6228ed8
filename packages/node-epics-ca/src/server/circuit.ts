import type { Clock } from "@ophyd-ts/epics-net"
import { CaProtocolError } from "../errors.ts"
import { Command, commandName } from "../wire/constants.ts"
import { Eca } from "../wire/eca.ts"
import { Message } from "../wire/message.ts"
import { writeServerDisconnect } from "../wire/messages/channel.ts"
import { type FailedRequest, writeError } from "../wire/messages/error.ts"
import { writeVersion } from "../wire/messages/version.ts"
import { writePutReply } from "../wire/messages/write.ts"
import { type MessageHandler, MessageParser } from "../wire/parser.ts"
import type { Channel, ChannelHost } from "./channel.ts"
import { report } from "./diagnostics.ts"
import { handlerFor } from "./handlers.ts"
import type { ServerLimits } from "./limits.ts"
import type { ResolvedName } from "./names.ts"
import { CircuitOutput } from "./output.ts"
import type { Subscription, SubscriptionHost } from "./subscription.ts"
import type { CircuitEvents, CircuitTransport } from "./transport.ts"

/** What a circuit needs of its server. */
export interface CircuitServer {
  /** `host:port`, for diagnostics. */
  readonly address: string
  readonly port: number
  readonly limits: ServerLimits
  readonly clock: Clock
  /** Punish a client's mistakes as rsrv does: by closing the circuit. */
  readonly strict: boolean
  resolve(name: string): ResolvedName | undefined
  closed(circuit: Circuit): void
}

/** The server's end of one virtual circuit. What each message does is in the handlers. */
export class Circuit implements CircuitEvents, MessageHandler, ChannelHost, SubscriptionHost {
  readonly server: CircuitServer
  readonly output: CircuitOutput
  /** By sid. */
  readonly channels: Map<number, Channel> = new Map()
  readonly behind: Set<Subscription> = new Set()
  client: { user: string; host: string; readonly address: string }
  /** Minor protocol version of the client; 0 until it told. */
  minor = 0
  quiet = false
  /** Puts with completion under way. */
  pendingPuts = 0
  subscriptionCount = 0
  #nextSid = 0
  readonly #transport: CircuitTransport
  readonly #parser: MessageParser
  /** Requests that wait until the client reads: at most what one chunk held. */
  #deferred: Message[] = []
  #stopHello: (() => void) | undefined
  #closed = false

  constructor(server: CircuitServer, transport: CircuitTransport) {
    const { limits } = server
    this.server = server
    this.#transport = transport
    // Who has not said his name yet is known by his address.
    this.client = { user: "", host: transport.peer.replace(/:\d+$/, ""), address: transport.peer }
    this.output = new CircuitOutput(transport, limits.backlogBytes, () =>
      this.destroy(new Error(`the client left more than ${limits.backlogBytes} bytes unread`)),
    )
    this.#parser = new MessageParser(this, limits.payloadBytes)
    this.#stopHello = server.clock.after(limits.helloTimeout, () =>
      this.destroy(new Error(`the client sent nothing for ${limits.helloTimeout} s`)),
    )
    report({ kind: "circuit-opened", server: server.address, peer: transport.peer })
    writeVersion(this.output.writer)
    this.output.flush()
  }

  get closed(): boolean {
    return this.#closed
  }

  onData(chunk: Uint8Array): void {
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.#broken(error)
    }
    this.#settle()
  }

  onMessage(message: Message): void {
    if (this.#closed) return
    this.#stopHello?.()
    this.#stopHello = undefined
    if (this.output.blocked || this.#deferred.length > 0) this.#deferred.push(message.copy())
    else handlerFor(message.command)(this, message)
  }

  onOversized(message: Message): void {
    if (this.#closed) return
    const { payloadBytes } = this.server.limits
    if (message.command === Command.WRITE_NOTIFY) {
      writePutReply(this.output.writer, message.dataType, message.count, Eca.TOLARGE, message.p2)
      this.output.written()
    } else {
      this.fail(message, Eca.TOLARGE, `a payload of ${message.size} bytes, the limit is ${payloadBytes}`)
    }
  }

  onDrain(): void {
    if (this.#closed) return
    this.output.drained()
    try {
      if (!this.quiet) this.releaseUpdates()
      while (this.#deferred.length > 0 && !this.output.blocked && !this.#closed) {
        const message = this.#deferred.shift()!
        handlerFor(message.command)(this, message)
      }
    } catch (error) {
      this.#broken(error)
    }
    this.#settle()
  }

  onClose(): void {
    this.#close(undefined)
  }

  /** Sends the updates that were held back, until the client is behind again. */
  releaseUpdates(): void {
    for (const subscription of this.behind) {
      if (this.output.blocked) return
      subscription.release()
    }
  }

  /** A server-side id that no channel of this circuit has. */
  nextSid(): number {
    while (this.channels.has(this.#nextSid)) this.#nextSid = (this.#nextSid + 1) >>> 0
    const sid = this.#nextSid
    this.#nextSid = (sid + 1) >>> 0
    return sid
  }

  /** Sends ERROR with the request's header. */
  fail(message: Message | FailedRequest, status: number, text: string, cid?: number): void {
    const { command, size, count, p1, p2 } = message
    const type = message instanceof Message ? message.dataType : message.type
    const request = { command, size, type, count, p1, p2 }
    writeError(this.output.writer, { cid, status, request, text })
    this.output.written()
  }

  /** A mistake that rsrv punishes with the loss of the circuit, and a tolerant server does not. */
  violation(message: Message, status: number, text: string): void {
    const { server } = this
    report({
      kind: "client-mistake",
      server: server.address,
      peer: this.client.address,
      command: commandName(message.command),
      text,
    })
    this.fail(message, status, text)
    if (server.strict) this.end(new CaProtocolError("malformed-message", text))
  }

  lose(channel: Channel, reason: Error): void {
    this.drop(channel, reason)
    writeServerDisconnect(this.output.writer, channel.cid)
    this.output.written()
  }

  /** Forgets a channel. */
  drop(channel: Channel, reason: Error): void {
    this.channels.delete(channel.sid)
    this.subscriptionCount -= channel.subscriptions.size
    this.pendingPuts -= channel.puts.size
    channel.close(reason)
  }

  /** Sends what is pending, then closes. */
  end(reason: Error): void {
    if (this.#closed) return
    this.output.flush()
    this.#transport.end()
    this.#close(reason)
  }

  destroy(reason: Error): void {
    if (this.#closed) return
    this.#transport.destroy()
    this.#close(reason)
  }

  #settle(): void {
    if (this.#closed) return
    this.output.flush()
    if (this.output.blocked || this.#deferred.length > 0) this.#transport.pause()
    else this.#transport.resume()
  }

  #broken(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error))
    const failed = { command: 0, size: 0, type: 0, count: 0, p1: 0, p2: 0 }
    this.fail(failed, Eca.INTERNAL, reason.message)
    this.end(reason)
  }

  #close(reason: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#parser.stop()
    this.#stopHello?.()
    const gone = reason ?? new Error(`the client at ${this.client.address} closed its circuit`)
    for (const channel of [...this.channels.values()]) this.drop(channel, gone)
    this.output.close()
    this.#deferred = []
    const { server, client } = this
    report({
      kind: "circuit-closed",
      server: server.address,
      peer: client.address,
      ...(reason !== undefined && { reason }),
    })
    server.closed(this)
  }
}
