import type {
  ConnectionState,
  Datatype,
  Metadata,
  PutOptions,
  ReadingListener,
  SignalBackend,
} from "@ophyd-ts/core"

/** A read-only record whose value must be right for the device to connect: `refuse` says what is wrong with it. */
export class CheckedBackend<T> implements SignalBackend<T> {
  readonly #inner: SignalBackend<T>
  readonly #refuse: (value: T) => Error | null
  #wrong = false

  constructor(inner: SignalBackend<T>, refuse: (value: T) => Error | null) {
    this.#inner = inner
    this.#refuse = refuse
  }

  get source(): string {
    return this.#inner.source
  }

  get datatype(): Datatype<T> {
    return this.#inner.datatype
  }

  get metadata(): Metadata {
    return this.#inner.metadata
  }

  get connection(): ConnectionState {
    return this.#wrong ? { ...this.#inner.connection, state: "wrong value" } : this.#inner.connection
  }

  async connect(): Promise<void> {
    await this.#inner.connect()
    const wrong = this.#refuse((await this.#inner.read()).value)
    this.#wrong = wrong !== null
    if (wrong !== null) throw wrong
  }

  read(): ReturnType<SignalBackend<T>["read"]> {
    return this.#inner.read()
  }

  put(value: T, options: PutOptions): ReturnType<SignalBackend<T>["put"]> {
    return this.#inner.put(value, options)
  }

  monitor(listener: ReadingListener<T>): () => void {
    return this.#inner.monitor(listener)
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#inner.onConnection(listener)
  }
}
