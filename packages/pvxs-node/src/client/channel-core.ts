import { type Endpoint, formatEndpoint, type SearchEntry, WheelTimer } from "@ophyd-ts/epics-net"
import { EventEmitter } from "eventemitter3"
import { callUser, diagnostics } from "../diagnostics.ts"
import { PvaError, PvaRefusedError } from "../errors.ts"
import type { ChannelCreated } from "../wire/channel.ts"
import { isSuccess } from "../wire/status.ts"
import type { PvaClient } from "./client.ts"
import { searchedPlaces } from "./config.ts"
import type { Connection, ConnectionUser } from "./connection.ts"
import { Request, type RequestCommand } from "./request.ts"

export type ChannelState = "searching" | "connecting" | "creating" | "connected" | "closed"

/** Something that lives on a channel and has to start again when the channel comes back. */
export interface ChannelUser {
  /** The channel is connected now. */
  begin(connection: Connection, sid: number): void
  /** It was, and is not any more; it will come back. */
  lost(reason: PvaError): void
  /** It never will. */
  closed(reason: PvaError): void
  /** Another echo period has passed on a connection that lives. */
  onTick(): void
}

export interface ChannelEvents {
  connected: [endpoint: string]
  disconnected: [reason: PvaError]
}

/** Idle operations kept for re-use, per kind and pvRequest, and of so many of these. */
const idleKept = 4
const idleKinds = 16
/** A server that refused a channel is asked again after this. */
const refusedPause = 30
/** Echo periods that a server may take to answer a creation, or the INIT of an operation. */
export const patience = 2
/** A server that was named and could not be reached is tried again after this. */
const failedPause = 1

/**
 * One name: searched, connected, created, and after a loss all over again. Shared by everyone in this client who
 * uses the name; closes some time after nobody does.
 */
export class ChannelCore extends WheelTimer implements ConnectionUser, SearchEntry {
  readonly name: string
  readonly cid: number
  /** Under which the client keeps it. */
  readonly key: string
  readonly client: PvaClient
  /** The one server that is asked, without a search. */
  readonly #server: Endpoint | undefined
  readonly events = new EventEmitter<ChannelEvents>()
  searchPlace: Set<SearchEntry> | undefined = undefined
  searchAttempts = 0
  searchWindow = -1
  #state: ChannelState = "searching"
  #connection: Connection | null = null
  #sid = 0
  /** The server instance that has it. */
  guid = ""
  #lastEndpoint = ""
  #lastFailure: PvaError | undefined
  readonly #users = new Set<ChannelUser>()
  readonly #idle = new Map<string, Request[]>()
  #holders = 0
  #ticks = 0
  #cancelPause: (() => void) | undefined

  constructor(client: PvaClient, name: string, cid: number, server?: Endpoint) {
    super()
    this.client = client
    this.name = name
    this.cid = cid
    this.#server = server
    this.key = channelKey(name, server)
    // A call that is refused before it begins never holds it.
    client.wheel.start(this, client.config.linger)
    this.#search(0)
  }

  get state(): ChannelState {
    return this.#state
  }

  get isConnected(): boolean {
    return this.#state === "connected"
  }

  /** `host:port` of the server, or of the last one; "" when there was none yet. */
  get endpoint(): string {
    return this.#lastEndpoint
  }

  /** What went wrong on its way to a connection, of the name servers first; undefined when nothing is known. */
  get problem(): string | undefined {
    const asked = this.#state === "searching" && this.#server === undefined
    return (asked ? this.client.searchProblem : undefined) ?? this.#lastFailure?.message
  }

  /** Where this channel stands, for messages: "still searching (4 tries by UDP 10.0.0.255:5076)". */
  describe(): string {
    const last = this.#lastFailure === undefined ? "" : `; before that: ${this.#lastFailure.message}`
    if (this.#state === "searching") {
      const { config, searchProblem } = this.client
      const asked = this.#server === undefined
      const places = asked ? searchedPlaces(config) : `at ${formatEndpoint(this.#server)}`
      const problem = asked && searchProblem !== undefined ? `; ${searchProblem}` : ""
      return `the channel is still searching (${this.searchAttempts} tries ${places})${problem}${last}`
    }
    return `the channel is ${this.#state}${this.#lastEndpoint === "" ? "" : ` at ${this.#lastEndpoint}`}${last}`
  }

  /** Keeps the channel open until `release`. */
  hold(): void {
    this.#holders++
    this.client.wheel.stop(this)
  }

  release(): void {
    this.#holders--
    if (this.#holders === 0 && this.#state !== "closed")
      this.client.wheel.start(this, this.client.config.linger)
  }

  /** The linger time passed. */
  override onTimeout(): void {
    this.close(new PvaError("PVA_CLOSED", `channel ${this.name}: nobody used it any more`))
  }

  /** Runs `user` on this channel, now or when it connects, and again after each reconnect, until `leave`. */
  join(user: ChannelUser): void {
    this.#users.add(user)
    this.hold()
    this.#beginIfConnected(user)
  }

  /** A listener may have closed the channel in between. */
  #beginIfConnected(user: ChannelUser): void {
    if (this.#connection !== null && this.isConnected) user.begin(this.#connection, this.#sid)
  }

  leave(user: ChannelUser): void {
    if (this.#users.delete(user)) this.release()
  }

  /** An operation that nobody uses just now: one left from before, which saves its INIT, or a new one. */
  acquire(command: RequestCommand, key: string): Request {
    return this.#idle.get(`${command} ${key}`)?.pop() ?? new Request(this, command, key)
  }

  /** Gives an operation back. */
  retire(request: Request): void {
    const key = `${request.command} ${request.key}`
    const idle = this.#idle.get(key)
    if (request.status !== "ready" || (idle !== undefined && idle.length >= idleKept)) request.destroy()
    else if (idle !== undefined) idle.push(request)
    else {
      this.#idle.set(key, [request])
      const [oldest, others] = this.#idle.entries().next().value!
      if (this.#idle.size <= idleKinds) return
      this.#idle.delete(oldest)
      for (const each of others) each.destroy()
    }
  }

  /** A server has it. */
  found(connection: Connection, guid: string): void {
    if (this.#state !== "searching") return
    this.client.searcher.remove(this)
    this.#connection = connection
    this.guid = guid
    this.#lastEndpoint = formatEndpoint(connection.endpoint)
    this.#enter("connecting")
    connection.attach(this)
  }

  onReady(connection: Connection): void {
    if (this.#state !== "connecting") return
    this.#enter("creating")
    this.#ticks = 0
    connection.createChannel(this, this.name)
  }

  onCreated(created: ChannelCreated): void {
    if (this.#state !== "creating") return
    if (!isSuccess(created.status)) {
      this.#notHere(new PvaRefusedError(`${this.#lastEndpoint} refused channel ${this.name}`, created.status))
      return
    }
    this.#sid = created.sid
    this.#lastFailure = undefined
    this.#enter("connected")
    callUser(`channel ${this.name}`, () => this.events.emit("connected", this.#lastEndpoint))
    for (const user of [...this.#users])
      if (this.#connection !== null && this.isConnected) user.begin(this.#connection, this.#sid)
  }

  /** A server that never answers the creation is as good as one that refuses it. */
  onTick(): void {
    if (this.isConnected) for (const user of [...this.#users]) user.onTick()
    if (this.#state !== "creating" || ++this.#ticks < patience) return
    const message = `${this.#lastEndpoint} never answered the creation of channel ${this.name}`
    this.#notHere(new PvaError("PVA_DISCONNECTED", message))
  }

  onDestroyed(): void {
    this.#disconnected(new PvaError("PVA_DISCONNECTED", `${this.#lastEndpoint} closed channel ${this.name}`))
  }

  onLost(reason: PvaError): void {
    this.#disconnected(reason)
  }

  close(reason: PvaError): void {
    if (this.#state === "closed") return
    const connection = this.#connection
    const sid = this.#state === "connected" ? this.#sid : null
    const wasConnected = this.#state === "connected"
    this.#enter("closed")
    this.#connection = null
    this.client.wheel.stop(this)
    this.client.searcher.remove(this)
    this.#cancelPause?.()
    this.client.forget(this)
    this.#dropIdle()
    connection?.detach(this, sid)
    for (const user of [...this.#users]) user.closed(reason)
    this.#users.clear()
    if (wasConnected) callUser(`channel ${this.name}`, () => this.events.emit("disconnected", reason))
  }

  /** The server ends operations with their channel, so it need not be told of each. */
  #dropIdle(): void {
    for (const idle of this.#idle.values()) for (const request of idle) request.destroy(false)
    this.#idle.clear()
  }

  /** The server that was found does not have it after all: search again, slowly. */
  #notHere(reason: PvaError): void {
    this.#lastFailure = reason
    this.#connection?.detach(this, null)
    this.#connection = null
    this.#enter("searching")
    this.#search(refusedPause)
  }

  #disconnected(reason: PvaError): void {
    if (this.#state === "closed") return
    const wasConnected = this.#state === "connected"
    this.#connection = null
    this.#dropIdle()
    this.#lastFailure = reason
    this.#enter("searching")
    this.#search(wasConnected ? 0 : failedPause)
    if (!wasConnected) return
    for (const user of [...this.#users]) user.lost(reason)
    callUser(`channel ${this.name}`, () => this.events.emit("disconnected", reason))
  }

  /** Looks for a server that has it, or goes to the one that was named. */
  #search(pause: number): void {
    const { searcher, config } = this.client
    const server = this.#server
    if (server === undefined) {
      if (pause === refusedPause) searcher.addLater(this, pause)
      else searcher.add(this)
      return
    }
    this.searchAttempts++
    const go = (): void => this.found(this.client.connectionTo(server), "")
    if (pause === 0) config.clock.soon(go)
    else this.#cancelPause = config.clock.after(pause, go)
  }

  #enter(state: ChannelState): void {
    this.#state = state
    diagnostics.channel.publish({ name: this.name, state, endpoint: this.#lastEndpoint })
  }
}

/** Channels of one name through a search, and to named servers, are different channels. */
export const channelKey = (name: string, server: Endpoint | undefined): string =>
  server === undefined ? name : `${name} at ${formatEndpoint(server)}`
