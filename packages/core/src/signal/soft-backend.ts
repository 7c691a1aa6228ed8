import { type Clock, systemClock } from "../clock.ts"
import type { Datatype } from "../datatypes/datatype.ts"
import { callSafely, Listeners } from "../listeners.ts"
import type { Reading } from "../reading.ts"
import type { AssignableBackend, ConnectionState, PutOptions, ReadingListener } from "./backend.ts"
import type { Metadata } from "./metadata.ts"

export interface SoftOptions<T> {
  initial?: T | undefined
  metadata?: Metadata | undefined
  clock?: Clock | undefined
}

const connected: ConnectionState = { connected: true, state: "connected" }

/** A value in memory. Always connected. */
export class SoftBackend<T> implements AssignableBackend<T> {
  readonly source: string
  readonly datatype: Datatype<T>
  readonly connection = connected
  metadata: Metadata
  readonly #clock: Clock
  readonly #listeners = new Listeners<Reading<T>>()
  #reading: Reading<T>

  constructor(datatype: Datatype<T>, options: SoftOptions<T> = {}, source = "soft://") {
    this.datatype = datatype
    this.source = source
    this.metadata = options.metadata ?? {}
    this.#clock = options.clock ?? systemClock
    this.#reading = {
      value: options.initial ?? datatype.initial,
      timestamp: this.#clock.time(),
      alarm_severity: 0,
    }
  }

  connect(): void {}

  read(): Reading<T> {
    return this.#reading
  }

  put(value: T, _options: PutOptions): Promise<void> | void {
    this.assign(value)
  }

  /** Changes the value as a server would: listeners hear of it. */
  assign(value: T, about: Partial<Omit<Reading<T>, "value">> = {}): void {
    this.#reading = { value, timestamp: this.#clock.time(), alarm_severity: 0, ...about }
    this.#listeners.tell(this.#reading, this.source)
  }

  monitor(listener: ReadingListener<T>): () => void {
    const leave = this.#listeners.add(listener)
    callSafely(listener, this.#reading, this.source)
    return leave
  }

  onConnection(_listener: (connected: boolean) => void): () => void {
    return () => {}
  }
}
