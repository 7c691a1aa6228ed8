import type { EventEmitter } from "eventemitter3"
import { PvaError } from "../errors.ts"
import type { FieldType, StructureType } from "../values/field-type.ts"
import type { PvStructureValue, ReadAs } from "../values/value-of.ts"
import type { ChannelCore, ChannelEvents, ChannelState } from "./channel-core.ts"
import { connect } from "./connect.ts"
import { type GetOptions, get } from "./get.ts"
import { type InfoOptions, info } from "./info.ts"
import type { CallOptions } from "./job.ts"
import { Monitor } from "./monitor.ts"
import type { MonitorOptions } from "./monitor-options.ts"
import { type PutOptions, type PutValue, put } from "./put.ts"
import { type RpcOptions, rpc } from "./rpc.ts"

/**
 * A channel that stays connected as long as the handle is open. All handles of one name share one connection to
 * the server, and closing one does not disturb the others.
 */
export class Channel implements AsyncDisposable {
  readonly name: string
  readonly #core: ChannelCore
  readonly #listening = new Set<() => void>()
  #open = true

  /** @internal Made by `PvaClient.channel`. */
  constructor(core: ChannelCore) {
    this.name = core.name
    this.#core = core
    core.hold()
  }

  get state(): ChannelState {
    return this.#open ? this.#core.state : "closed"
  }

  get isConnected(): boolean {
    return this.state === "connected"
  }

  /** `host:port` of the server that has, or last had, the channel; "" before the first answer. */
  get endpoint(): string {
    return this.#core.endpoint
  }

  /** What went wrong on the way, while it is not connected: `10.0.0.1:5075 refused the connection (ECONNREFUSED)`. */
  get problem(): string | undefined {
    return this.isConnected ? undefined : this.#core.problem
  }

  /** Where the channel stands, in words: "the channel is still searching (4 tries)". */
  describe(): string {
    return this.#core.describe()
  }

  /** Calls `listener` on each connect or disconnect from now on; the function it gives stops that, and so does `close`. */
  on<E extends keyof ChannelEvents>(event: E, listener: (...args: ChannelEvents[E]) => void): () => void {
    if (!this.#open) return () => {}
    const events = this.#core.events as unknown as EventEmitter
    // A function of its own: other handles may have the same listener.
    const heard = (...args: unknown[]): void => listener(...(args as ChannelEvents[E]))
    events.on(event, heard)
    const stop = (): void => {
      events.off(event, heard)
      this.#listening.delete(stop)
    }
    this.#listening.add(stop)
    return stop
  }

  /** Resolves once the channel is connected. Rejects with PVA_TIMEOUT, PVA_ABORTED or PVA_CLOSED. */
  async connect(options: CallOptions = {}): Promise<void> {
    return connect(this.#live(), options)
  }

  async get<T extends StructureType | undefined = undefined>(
    options: GetOptions<T> = {},
  ): Promise<ReadAs<T>> {
    return get(this.#live(), options)
  }

  async put(value: PutValue, options: PutOptions = {}): Promise<void> {
    return put(this.#live(), value, options)
  }

  async rpc(argument: object | null, options: RpcOptions = {}): Promise<PvStructureValue | null> {
    return rpc(this.#live(), argument, options)
  }

  async info(options: InfoOptions = {}): Promise<FieldType> {
    return info(this.#live(), options)
  }

  monitor<T extends StructureType | undefined = undefined>(options: MonitorOptions<T> = {}): Monitor<T> {
    return new Monitor<T>(this.#live(), options)
  }

  /** Lets go. The channel itself closes when nobody else uses it. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    for (const stop of this.#listening) stop()
    this.#core.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #live(): ChannelCore {
    if (this.state !== "closed") return this.#core
    throw new PvaError("PVA_CLOSED", `channel ${this.name} is closed`)
  }
}
