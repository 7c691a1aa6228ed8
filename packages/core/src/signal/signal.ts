import { type Clock, systemClock } from "../clock.ts"
import type { Datatype } from "../datatypes/datatype.ts"
import { Component, type ComponentOptions } from "../device/component.ts"
import { type ConnectOptions, connect } from "../device/connect.ts"
import { OphydError } from "../errors.ts"
import type { ConnectionState, SignalBackend } from "./backend.ts"
import type { Metadata } from "./metadata.ts"
import { MockBackend } from "./mock-backend.ts"
import { SoftBackend } from "./soft-backend.ts"

export interface SignalOptions<T = unknown> extends ComponentOptions {
  clock?: Clock | undefined
  /** The value in mock mode; default that of the datatype: 0, false, the first label. */
  mockInitial?: T | undefined
}

/** A signal was used before `connect`. */
export class UnconnectedError extends OphydError {
  constructor(who: string, source: string, verb: string) {
    super("UNCONNECTED", `${who}: cannot ${verb} ${source}: connect it first`)
  }
}

/** One named value. What can be done with it is in its subclasses: read, write, both, or run. */
export abstract class Signal<T> extends Component {
  readonly clock: Clock
  readonly #mockInitial: T | undefined
  readonly #real: SignalBackend<T>
  #backend: SignalBackend<T>
  #ready: boolean

  constructor(backend: SignalBackend<T>, options: SignalOptions<T> = {}, parent: Component | null = null) {
    super(options, parent)
    this.clock = options.clock ?? systemClock
    this.#mockInitial = options.mockInitial
    this.#real = backend
    this.#backend = backend
    this.#ready = backend.connection.connected
  }

  get datatype(): Datatype<T> {
    return this.#real.datatype
  }

  /** `ca://IOC:m1.RBV`, `soft://m1_velocity`, … */
  get source(): string {
    const { source } = this.#backend
    return source.endsWith("://") ? `${source}${this.name}` : source
  }

  get connected(): boolean {
    return this.#ready && this.#backend.connection.connected
  }

  get connection(): ConnectionState {
    return this.#backend.connection
  }

  /** Units, precision, limits, labels: as the server has them, once connected. */
  get metadata(): Metadata {
    return this.#backend.metadata
  }

  /** What stands behind it at the moment; for helpers and tests. */
  get backend(): SignalBackend<T> {
    return this.#backend
  }

  /** Connects this signal alone; see `connect`. */
  connect(options: ConnectOptions = {}): Promise<void> {
    return connect(this, options)
  }

  /** Used by `connect`: begins to connect, or changes between mock and real. */
  open({ mock }: { mock: boolean }): Promise<void> | void {
    const isMock = this.#backend !== this.#real
    if (mock !== isMock && this.#real.keepsInMock !== true) {
      this.#ready = false
      this.#backend = mock ? this.#makeMock() : this.#real
      this.backendChanged()
    }
    const opening = this.#backend.connect()
    if (opening === undefined) {
      this.#isReady()
      return
    }
    return opening.then(() => this.#isReady())
  }

  /** Calls with each change of the connection; the function it gives ends that. */
  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#backend.onConnection(listener)
  }

  /** It was connected once. */
  protected get ready(): boolean {
    return this.#ready
  }

  /** The backend, for an operation that needs a connection made before. */
  protected use(verb: string): SignalBackend<T> {
    if (!this.#ready) throw new UnconnectedError(this.name, this.source, verb)
    return this.#backend
  }

  /** Another backend stands behind it now. */
  protected backendChanged(): void {}

  /** It is connected for the first time. */
  protected opened(): void {}

  protected override fields(): Iterable<[string, unknown]> {
    return []
  }

  protected override fieldCount(): number {
    return 0
  }

  #isReady(): void {
    if (this.#ready) return
    this.#ready = true
    this.opened()
  }

  #makeMock(): MockBackend<T> {
    const real = this.#real
    const kept = real instanceof SoftBackend ? real : null
    return new MockBackend(this.datatype, this.source, {
      initial: this.#mockInitial ?? (kept?.read().value as T | undefined),
      metadata: kept?.metadata,
      clock: this.clock,
    })
  }
}
