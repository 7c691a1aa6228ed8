import { formatEndpoint } from "@ophyd-ts/epics-net"
import { EventEmitter } from "eventemitter3"
import type { CaChannelState } from "../errors.ts"
import type { DbrReading } from "../wire/dbr-value.ts"
import type { Channel, ChannelListener } from "./channel.ts"
import { aborted, closed, notConnected } from "./failures.ts"
import { CaMonitor, type CaMonitorOptions } from "./monitor.ts"
import { type CaCallOptions, Call } from "./operation.ts"
import type { CaGetOptions, CaPutOptions, CaTypeName } from "./options.ts"
import type { CaPutValue } from "./put-value.ts"
import { get, put } from "./verbs.ts"

/** Events of a {@link CaChannel}. */
export interface CaChannelEvents {
  /** It is connected, for the first time or again. Type and count may have changed. */
  connected: []
  /** The connection was lost, or the server fell silent. It is searched again by itself. */
  disconnected: []
  /** The server changed the rights to read or write. */
  access: []
}

/** Hears of a {@link CaChannel}: the same as its events, at less cost for programs with many channels. */
export interface CaChannelListener {
  onChannel(event: keyof CaChannelEvents): void
}

/** The names of the native types, by number. */
const typeNames: readonly CaTypeName[] = ["string", "short", "float", "enum", "char", "long", "double"]

/**
 * A channel kept open. All handles of a name share one channel on the wire; it is closed some time after the last
 * handle, monitor and call are done with it.
 */
export class CaChannel implements AsyncDisposable, ChannelListener {
  readonly name: string
  readonly #channel: Channel
  readonly #listener: CaChannelListener | undefined
  #events: EventEmitter<CaChannelEvents> | undefined
  #closed = false

  /** @internal */
  constructor(channel: Channel, listener?: CaChannelListener) {
    this.name = channel.name
    this.#channel = channel
    this.#listener = listener
    channel.acquire()
    channel.listen(this)
  }

  get state(): CaChannelState {
    return this.#closed ? "closed" : this.#channel.state
  }
  get connected(): boolean {
    return this.state === "connected"
  }
  /** Type of the channel's own; undefined until it was connected once. */
  get nativeType(): CaTypeName | undefined {
    return this.#channel.connections > 0 ? typeNames[this.#channel.nativeType] : undefined
  }
  /** Elements it can hold; 1 is a scalar; undefined until it was connected once. */
  get count(): number | undefined {
    return this.#channel.connections > 0 ? this.#channel.maxCount : undefined
  }
  /** Whether the server lets this client read. */
  get readable(): boolean {
    return this.connected && this.#channel.readable
  }
  /** Whether the server lets this client write. */
  get writable(): boolean {
    return this.connected && this.#channel.writable
  }
  /** `host:port` of the server; undefined while it is searched. */
  get server(): string | undefined {
    const { circuit } = this.#channel
    return circuit === undefined ? undefined : formatEndpoint(circuit.endpoint)
  }
  /** What went wrong on the way, while it is not connected: `10.0.0.1:5064 refused the connection (ECONNREFUSED)`. */
  get problem(): string | undefined {
    return this.connected ? undefined : this.#channel.problem
  }
  /** Connection events. A failure is always also the result of the call that it concerns. */
  get events(): EventEmitter<CaChannelEvents> {
    this.#events ??= new EventEmitter<CaChannelEvents>()
    return this.#events
  }

  /** Resolves as soon as it is connected; rejects with NOT_FOUND or TIMEOUT and what was tried. */
  connect(options: CaCallOptions = {}): Promise<void> {
    const limit = options.timeout ?? this.#channel.context.settings.timeout
    if (this.#closed) return Promise.reject(closed(this.#channel, "connecting to"))
    const operation = new ConnectOperation(this.#channel, limit, options.signal)
    this.#channel.submit(operation, limit)
    if (options.signal?.aborted)
      operation.giveUp(aborted(this.#channel, operation.action, options.signal.reason))
    return operation.promise
  }

  /** Reads the present value. See {@link CaClient.get}. */
  get(options?: CaGetOptions): Promise<DbrReading> {
    if (this.#closed) return Promise.reject(closed(this.#channel, "reading from"))
    return get(this.#channel, options)
  }

  /** Writes a value. See {@link CaClient.put}. */
  put(value: CaPutValue, options?: CaPutOptions): Promise<void> {
    if (this.#closed) return Promise.reject(closed(this.#channel, "writing to"))
    return put(this.#channel, value, options)
  }

  /** Subscribes. The monitor has a life of its own: it goes on when the handle is closed. */
  monitor(options?: CaMonitorOptions): CaMonitor {
    if (this.state === "closed") throw closed(this.#channel, "subscribing to")
    return new CaMonitor(this.#channel, options)
  }

  /** Gives the handle up. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#channel.unlisten(this)
    this.#channel.release()
    this.#events?.removeAllListeners()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** @internal */
  onState(connected: boolean): void {
    this.#emit(connected ? "connected" : "disconnected")
  }

  /** @internal */
  onAccess(): void {
    this.#emit("access")
  }

  #emit(event: keyof CaChannelEvents): void {
    try {
      this.#listener?.onChannel(event)
      this.#events?.emit(event)
    } catch (error) {
      this.#channel.context.settings.onCallbackError(error)
    }
  }
}

/** Waits for the channel and asks nothing of it. */
class ConnectOperation extends Call<void> {
  readonly action = "connecting to"
  readonly write = false

  override issue(): void {
    this.resolve()
  }
  override onReply(): void {}
  override onTimeout(): void {
    this.reject(notConnected(this.channel, this.action, this.limit))
  }
}
