import { formatEndpoint, type SearchEntry } from "@ophyd-ts/epics-net"
import type { CaChannelState, CaError } from "../errors.ts"
import type { DbrBase } from "../wire/dbr-types.ts"
import { writeClearChannel } from "../wire/messages/channel.ts"
import type { Circuit } from "./circuit.ts"
import type { Context } from "./context.ts"
import { trace } from "./diagnostics.ts"
import { closed, lost, noAccess } from "./failures.ts"
import type { Operation } from "./operation.ts"
import type { Presentation } from "./read.ts"
import { Subscription } from "./subscription.ts"
import type { CompletionOperation } from "./write.ts"

/** What a handle hears of its channel. Neither method may throw. */
export interface ChannelListener {
  onState(connected: boolean): void
  onAccess(): void
}

/**
 * A name on its way to, or on, a circuit. All users of a name share one; operations wait here until it is connected, and
 * subscriptions live here so that a reconnect restores them.
 */
export class Channel implements SearchEntry {
  searchPlace: Set<SearchEntry> | undefined = undefined
  searchAttempts = 0
  searchWindow = -1
  readonly context: Context
  readonly name: string
  readonly priority: number
  /** Also the id of its searches. */
  readonly cid: number
  state: CaChannelState = "searching"
  circuit: Circuit | undefined = undefined
  sid = 0
  nativeType: DbrBase = 0
  maxCount = 0
  readable = false
  writable = false
  /** Times it was connected. */
  connections = 0
  /** Attempts in a row that ended between being found and being connected. */
  failures = 0
  /** Why it was last lost, for messages. */
  lastFailure: string | undefined = undefined
  /** Sweeps survived without a user. */
  idleSweeps = 0
  /** Operations that wait for the connection, and among them some that have ended since. */
  #waiting: Operation[] | undefined = undefined
  #ended = 0
  /** The put with completion that the server works on. */
  completion: CompletionOperation | undefined = undefined
  #completionQueue: CompletionOperation[] | undefined = undefined
  /** Replaced, never changed, so that a round of telling is not disturbed. */
  #subscriptions: readonly Subscription[] = none
  #listeners: readonly ChannelListener[] = none
  #references = 0

  constructor(context: Context, name: string, priority: number) {
    this.context = context
    this.name = name
    this.priority = priority
    this.cid = context.channelsById.add(this)
  }

  get connected(): boolean {
    return this.state === "connected"
  }

  /** What went wrong on its way to a connection, of the name servers first; undefined when nothing is known. */
  get problem(): string | undefined {
    const asked = this.state === "searching" ? this.context.search.problem : undefined
    return asked ?? this.lastFailure
  }

  get used(): boolean {
    return this.#references > 0
  }

  get completionQueue(): CompletionOperation[] {
    this.#completionQueue ??= []
    return this.#completionQueue
  }

  acquire(): void {
    this.#references += 1
    this.idleSweeps = 0
  }

  release(): void {
    this.#references -= 1
    if (this.#references === 0) this.context.sweepLater()
  }

  listen(listener: ChannelListener): void {
    // Unlike a spread, it leaves no room for more: most have one.
    this.#listeners = this.#listeners.concat(listener)
  }

  unlisten(listener: ChannelListener): void {
    this.#listeners = this.#listeners.filter(each => each !== listener)
  }

  /** Runs an operation now or as soon as the channel is connected. */
  submit(operation: Operation, limit: number): void {
    this.acquire()
    if (this.state === "closed") {
      operation.reject(closed(this, operation.action))
      return
    }
    this.context.wheel.start(operation, limit)
    if (this.state === "connected") this.#issue(operation)
    else this.#wait(operation)
  }

  /** An operation ended before it was sent. Those that wait are tidied up when half of them have. */
  endedEarly(): void {
    this.#ended += 1
    if (this.#waiting === undefined || this.#ended * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.filter(({ settled }) => !settled)
    this.#ended = 0
  }

  #issue(operation: Operation): void {
    if (operation.write ? !this.writable : !this.readable) {
      operation.reject(noAccess(this, operation.action, operation.write ? "write" : "read"))
    } else {
      operation.issue(this.circuit!)
    }
  }

  /** The server answered a put with completion: the next in the queue may go. */
  completionOver(): void {
    this.completion = undefined
    const next = this.#completionQueue?.shift()
    if (next === undefined) return
    if (this.state === "connected") this.#issue(next)
    else this.#wait(next)
  }

  #wait(operation: Operation): void {
    this.#waiting ??= []
    this.#waiting.push(operation)
  }

  subscribe(how: Presentation, mask: number): Subscription {
    const equal = this.#subscriptions.find(each => each.equals(how, mask))
    if (equal !== undefined) return equal
    const subscription = new Subscription(this, how, mask)
    this.#subscriptions = this.#subscriptions.concat(subscription)
    if (this.state === "connected") subscription.start(this.circuit!)
    return subscription
  }

  unsubscribe(subscription: Subscription): void {
    if (!this.#subscriptions.includes(subscription)) return
    this.#subscriptions = this.#subscriptions.filter(each => each !== subscription)
    if (this.state === "connected" || this.state === "unresponsive") subscription.cancel()
  }

  // What circuit and search report:

  /** A server has the name. */
  found(circuit: Circuit): void {
    this.context.search.remove(this)
    this.circuit = circuit
    this.#enter("connecting")
    circuit.attach(this)
  }

  /** The circuit asked its server for the channel. */
  creating(): void {
    this.#enter("creating")
  }

  created(sid: number, nativeType: DbrBase, maxCount: number): void {
    this.sid = sid
    this.nativeType = nativeType
    this.maxCount = maxCount
    this.connections += 1
    this.failures = 0
    this.#enter("connected")
    // Before anybody hears of it: a listener may subscribe too, and that one starts by itself.
    for (const subscription of this.#subscriptions) subscription.start(this.circuit!)
    this.#announce()
  }

  accessRights(readable: boolean, writable: boolean): void {
    const changed = readable !== this.readable || writable !== this.writable
    this.readable = readable
    this.writable = writable
    if (changed && this.state === "connected") for (const listener of this.#listeners) listener.onAccess()
  }

  unresponsive(): void {
    if (this.state !== "connected") return
    this.#enter("unresponsive")
    for (const listener of this.#listeners) listener.onState(false)
  }

  responsive(): void {
    if (this.state !== "unresponsive") return
    this.#enter("connected")
    for (const subscription of this.#subscriptions) subscription.refresh()
    this.#announce()
  }

  /** Circuit or channel is lost. The caller puts it back into the search. */
  lost(cause: CaError): void {
    const was = this.state
    if (was === "closed") return
    this.lastFailure = cause.message
    if (was !== "connected" && was !== "unresponsive") this.failures = Math.min(this.failures + 1, 20)
    this.circuit?.failRequests(this, cause)
    for (const subscription of this.#subscriptions) subscription.lost()
    const queued = this.#completionQueue ?? []
    this.#completionQueue = undefined
    this.completion = undefined
    this.circuit = undefined
    this.#enter("searching")
    for (const operation of queued) operation.reject(lost(this, operation.action, false, cause))
    if (was === "connected") for (const listener of this.#listeners) listener.onState(false)
  }

  /** Ends it for good. Operations that wait are rejected. */
  close(): void {
    if (this.state === "closed") return
    this.context.search.remove(this)
    const circuit = this.circuit
    const live = this.state === "connected" || this.state === "unresponsive"
    if (circuit !== undefined && live) writeClearChannel(circuit.out(), this.sid, this.cid)
    const wasConnected = this.connected
    this.#enter("closed")
    for (const operation of [...(this.#waiting ?? []), ...(this.#completionQueue ?? [])]) {
      operation.reject(closed(this, operation.action))
    }
    for (const subscription of this.#subscriptions) subscription.closed()
    circuit?.detach(this)
    this.context.forget(this)
    if (wasConnected) for (const listener of this.#listeners) listener.onState(false)
  }

  /** It is connected: tells the listeners and runs what waited. */
  #announce(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#ended = 0
    for (const listener of this.#listeners) listener.onState(true)
    if (waiting !== undefined) for (const operation of waiting) this.#submitAgain(operation)
  }

  /** An operation that waited; the channel may have been lost again by what came before it. */
  #submitAgain(operation: Operation): void {
    if (operation.settled) return
    if (this.state === "connected") this.#issue(operation)
    else this.#wait(operation)
  }

  #enter(state: CaChannelState): void {
    this.state = state
    trace("channel", () => ({
      name: this.name,
      state,
      server: this.circuit === undefined ? undefined : formatEndpoint(this.circuit.endpoint),
    }))
  }
}

const none: readonly never[] = []
