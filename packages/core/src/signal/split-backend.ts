import type { Datatype } from "../datatypes/datatype.ts"
import type { MaybePromise } from "../protocols.ts"
import type { Reading } from "../reading.ts"
import {
  type ConnectionState,
  onWhole,
  type PutOptions,
  type ReadingListener,
  type SignalBackend,
} from "./backend.ts"
import type { Metadata } from "./metadata.ts"

/** Writes to one place and reads from another: `Gain` and `Gain_RBV`. Labels, limits and units are the setpoint's. */
export class SplitBackend<T> implements SignalBackend<T> {
  readonly #read: SignalBackend<T>
  readonly #write: SignalBackend<T>

  constructor(read: SignalBackend<T>, write: SignalBackend<T>) {
    this.#read = read
    this.#write = write
  }

  get source(): string {
    return this.#read.source
  }

  get datatype(): Datatype<T> {
    return this.#read.datatype
  }

  get metadata(): Metadata {
    return { ...this.#read.metadata, ...this.#write.metadata }
  }

  /** The half that is missing, if one is. */
  get connection(): ConnectionState {
    const half = this.#read.connection.connected ? this.#write : this.#read
    return { source: half.source, ...half.connection }
  }

  async connect(): Promise<void> {
    await Promise.all([this.#read.connect(), this.#write.connect()])
  }

  read(): MaybePromise<Reading<T>> {
    return this.#read.read()
  }

  readSetpoint(): MaybePromise<Reading<T>> {
    return this.#write.read()
  }

  put(value: T, options: PutOptions): MaybePromise<void> {
    return this.#write.put(value, options)
  }

  monitor(listener: ReadingListener<T>): () => void {
    return this.#read.monitor(listener)
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return onWhole([this.#read, this.#write], () => this.connection.connected, listener)
  }
}
