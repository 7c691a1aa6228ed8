import type {
  ConnectionState,
  Datatype,
  Metadata,
  PutOptions,
  ReadingListener,
  SignalBackend,
} from "@ophyd-ts/core"

/** A backend that hands everything on to another one. What it does otherwise its subclass says. */
export abstract class ForwardingBackend<T> implements SignalBackend<T> {
  protected readonly inner: SignalBackend<T>

  constructor(inner: SignalBackend<T>) {
    this.inner = inner
  }

  get source(): string {
    return this.inner.source
  }

  get datatype(): Datatype<T> {
    return this.inner.datatype
  }

  get metadata(): Metadata {
    return this.inner.metadata
  }

  get connection(): ConnectionState {
    return this.inner.connection
  }

  connect(): ReturnType<SignalBackend<T>["connect"]> {
    return this.inner.connect()
  }

  read(): ReturnType<SignalBackend<T>["read"]> {
    return this.inner.read()
  }

  put(value: T, options: PutOptions): ReturnType<SignalBackend<T>["put"]> {
    return this.inner.put(value, options)
  }

  monitor(listener: ReadingListener<T>): () => void {
    return this.inner.monitor(listener)
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.inner.onConnection(listener)
  }
}
