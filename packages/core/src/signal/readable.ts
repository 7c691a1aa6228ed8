import { Observable } from "rxjs"
import type { Component } from "../device/component.ts"
import { OphydError } from "../errors.ts"
import { callSafely, Listeners } from "../listeners.ts"
import type { Configurable, MaybePromise, Readable, Subscribable, Subscription } from "../protocols.ts"
import { type QueueOptions, UpdateQueue, type Updates } from "../queue.ts"
import type { DataKey, Hints, Reading } from "../reading.ts"
import { Status } from "../status/status.ts"
import type { ReadingListener, SignalBackend } from "./backend.ts"
import { dataKey } from "./describe.ts"
import { Signal, type SignalOptions } from "./signal.ts"

export interface ReadOptions<T = unknown> extends SignalOptions<T> {
  /**
   * When to keep a subscription to the server: `subscribers` while somebody listens; `always` from connect on, and then
   * `read` gives the latest update without asking the server. Default `subscribers`: reads ask, so a value read after
   * an action is never older than the action.
   */
  monitor?: "subscribers" | "always" | undefined
  /**
   * When the connection is lost under somebody who waits for a value or reads: `wait` for it to come back (until their
   * time-out), or `fail` them at once. Default `wait`. Writes fail at once in any case.
   */
  onDisconnect?: "wait" | "fail" | undefined
}

/** The connection was lost under somebody who waits, and the signal's policy is to fail them. */
export class DisconnectedError extends OphydError {
  constructor(who: string, source: string) {
    super("DISCONNECTED", `${who}: the connection to ${source} is lost`)
  }
}

/** A value that can be read and watched. */
export class SignalR<T> extends Signal<T> implements Readable, Configurable, Subscribable<T> {
  readonly onDisconnect: "wait" | "fail"
  readonly #always: boolean
  readonly #listeners = new Listeners<Reading<T>>()
  #stopMonitor: (() => void) | null = null
  #latest: Reading<T> | undefined
  /** False from a lost connection to the first update after it: what is known may be of another time. */
  #fresh = true

  constructor(backend: SignalBackend<T>, options: ReadOptions<T> = {}, parent: Component | null = null) {
    super(backend, options, parent)
    this.onDisconnect = options.onDisconnect ?? "wait"
    this.#always = options.monitor === "always"
  }

  /** The present value. */
  async get(): Promise<T> {
    return (await this.reading()).value
  }

  /** The present value with its time stamp and alarm. */
  reading(): MaybePromise<Reading<T>> {
    const backend = this.use("read")
    if (this.onDisconnect === "fail" && !backend.connection.connected) {
      return Promise.reject(new DisconnectedError(this.name, this.source))
    }
    if (this.#always && this.#fresh && this.#latest !== undefined && backend.connection.connected)
      return this.#latest
    return backend.read()
  }

  /** The latest update while somebody listens or `monitor` is `always`; undefined otherwise. */
  get latest(): Reading<T> | undefined {
    return this.#stopMonitor === null ? undefined : this.#latest
  }

  read(): MaybePromise<Record<string, Reading<T>>> {
    const reading = this.reading()
    const { name } = this
    return reading instanceof Promise ? reading.then(r => ({ [name]: r })) : { [name]: reading }
  }

  describe(): MaybePromise<Record<string, DataKey>> {
    const { datatype, metadata, name, source } = this
    if (datatype.dtype !== "array") {
      this.use("describe")
      return { [name]: dataKey(source, datatype, metadata, undefined) }
    }
    const describe = ({ value }: Reading<T>) => ({ [name]: dataKey(source, datatype, metadata, value) })
    const reading = this.reading()
    return reading instanceof Promise ? reading.then(describe) : describe(reading)
  }

  /** Its reading if its kind is `config`, else nothing. */
  readConfiguration(): MaybePromise<Record<string, Reading<T>>> {
    return this.kind === "config" ? this.read() : {}
  }

  describeConfiguration(): MaybePromise<Record<string, DataKey>> {
    return this.kind === "config" ? this.describe() : {}
  }

  get hints(): Hints {
    return this.kind === "hinted" ? { fields: [this.name] } : { fields: [] }
  }

  /** Nothing to do for a plain signal. */
  trigger(): Status<void> {
    return Status.finished({ name: this.name, action: "trigger" })
  }

  /**
   * Calls with the present reading (at once, when it is known already), then with each change, also after a
   * reconnect. Before `connect` it is allowed and begins with it.
   */
  subscribe(listener: ReadingListener<T>): Subscription {
    const leave = this.#listeners.add(listener)
    if (this.#stopMonitor === null) this.#startMonitor()
    else if (this.#latest !== undefined) callSafely(listener, this.#latest, this.#where)
    const unsubscribe = () => {
      leave()
      this.#endUnused()
    }
    return { unsubscribe, [Symbol.dispose]: unsubscribe }
  }

  subscribeReadings(fn: (readings: Record<string, Reading<T>>) => void): Subscription {
    return this.subscribe(reading => fn({ [this.name]: reading }))
  }

  /** Readings for `for await`: the newest by default, every one with `{ deliver: "all" }`. */
  updates(options: QueueOptions = {}): Updates<Reading<T>> {
    const queue = new UpdateQueue<Reading<T>>(options, () => {
      for (const end of ends) end()
    })
    const ends: (() => void)[] = []
    const subscription = this.subscribe(reading => queue.push(reading))
    ends.push(() => subscription.unsubscribe())
    if (this.onDisconnect === "fail") {
      ends.push(this.onConnection(up => up || queue.end(new DisconnectedError(this.name, this.source))))
    }
    return queue
  }

  /** Values for rxjs, from the present one on. */
  get value$(): Observable<T> {
    return new Observable(observer => this.subscribe(reading => observer.next(reading.value)))
  }

  /** Readings for rxjs, from the present one on. */
  get reading$(): Observable<Reading<T>> {
    return new Observable(observer => this.subscribe(reading => observer.next(reading)))
  }

  protected override opened(): void {
    if (this.#always || this.#listeners.size > 0) this.#startMonitor()
  }

  protected override backendChanged(): void {
    this.#endMonitor()
  }

  #startMonitor(): void {
    if (this.#stopMonitor !== null || !this.ready) return
    const { backend } = this
    // Set before the backend calls: a value in memory arrives during `monitor`.
    this.#stopMonitor = nothing
    const stopMonitor = backend.monitor(reading => {
      this.#latest = reading
      this.#fresh = true
      this.#listeners.tell(reading, this.#where)
    })
    const leave = this.#always ? backend.onConnection(up => (this.#fresh &&= up)) : nothing
    this.#stopMonitor = () => {
      leave()
      stopMonitor()
    }
    this.#endUnused()
  }

  #endUnused(): void {
    if (this.#listeners.size === 0 && !this.#always) this.#endMonitor()
  }

  #endMonitor(): void {
    if (this.#stopMonitor === nothing) return
    this.#stopMonitor?.()
    this.#stopMonitor = null
    this.#latest = undefined
  }

  get #where(): string {
    return `a subscriber of ${this.name}`
  }
}

const nothing = () => {}
