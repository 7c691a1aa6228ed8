import {
  type ConnectionState,
  type Datatype,
  Listeners,
  type Metadata,
  type PutOptions,
  type Reading,
  type ReadingListener,
  type SignalBackend,
} from "@ophyd-ts/core"
import { EpicsError } from "./errors.ts"
import { PutGate } from "./put-gate.ts"

/** How a channel stands. */
export interface Link {
  readonly connected: boolean
  readonly state: string
  readonly address: string | undefined
  /** What went wrong there, while it is not connected. */
  readonly reason: string | undefined
}

/**
 * What the backends of both protocols share: a channel whose type must be known and fit the declared one before values
 * go through it, and no write while the connection is lost. `C` is how values are converted.
 *
 * There may be thousands of them, so what most never need is made at first use.
 */
export abstract class EpicsBackend<T, C> implements SignalBackend<T> {
  readonly datatype: Datatype<T>
  metadata: Metadata = noMetadata
  /** Null until the server's type is known, and when it does not fit. */
  #conversion: C | null = null
  #mismatch: EpicsError | null = null
  #connecting: Promise<void> | null = null
  #listeners: Listeners<boolean> | null = null
  #gate: PutGate | null = null

  constructor(datatype: Datatype<T>) {
    this.datatype = datatype
  }

  abstract get source(): string
  abstract read(): Promise<Reading<T>>
  abstract monitor(listener: ReadingListener<T>): () => void
  /** Null before the first `connect`. */
  protected abstract get link(): Link | null
  /** Resolves when the type is known and fits. */
  protected abstract open(): Promise<void>
  /** Encodes a value, and gives what sends it. */
  protected abstract sender(value: T): (completion: boolean) => Promise<void>
  /** Whether an error is the server's "no", and not a broken connection. */
  protected abstract isRefusal(error: unknown): boolean

  get connection(): ConnectionState {
    const { link } = this
    if (link === null) return { connected: false, state: "not started" }
    const known = this.#conversion !== null
    const state = link.connected && !known ? "asking for its type" : link.state
    return {
      connected: link.connected && known,
      state: this.#mismatch === null ? state : "wrong type",
      address: link.address,
      reason: link.reason,
    }
  }

  connect(): Promise<void> {
    this.#connecting ??= this.open().then(
      () => {
        this.#connecting = connectedAlready
      },
      error => {
        this.#connecting = null
        throw error
      },
    )
    return this.#connecting
  }

  put(value: T, { completion }: PutOptions): Promise<void> {
    const send = this.sender(value)
    const { link } = this
    if (link?.connected !== true) {
      const why = `${this.source} is ${link?.state} at the moment, nothing was written`
      return Promise.reject(new EpicsError("DISCONNECTED", why))
    }
    this.#gate ??= new PutGate()
    return this.#gate.put(send, completion, this.isRefusal)
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    this.#listeners ??= new Listeners()
    return this.#listeners.add(listener)
  }

  /** Tells those who listen that the connection came or went. */
  protected tell(connected: boolean): void {
    this.#listeners?.tell(connected, `a connection listener of ${this.source}`)
  }

  /** Why the server's type does not fit. */
  protected get mismatch(): EpicsError | null {
    return this.#mismatch
  }

  /** Takes the conversion, or why there is none. After each connect the server may be another one, with another type. */
  protected verify(found: C | string): void {
    const fits = typeof found !== "string"
    this.#conversion = fits ? found : null
    this.#mismatch = fits ? null : new EpicsError("WRONG_TYPE", `${this.source}: ${found}`)
  }

  /** The conversion; throws what is wrong with the type, or that it is not known yet. */
  protected converter(): C {
    if (this.#mismatch !== null) throw this.#mismatch
    if (this.#conversion === null) throw new EpicsError("DISCONNECTED", `${this.source} was never connected`)
    return this.#conversion
  }
}

const noMetadata: Metadata = {}

/** What all connected backends give: one promise, and none that keeps its history. */
const connectedAlready = Promise.resolve()
