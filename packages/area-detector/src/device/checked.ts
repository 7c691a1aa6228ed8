import type { ConnectionState, SignalBackend } from "@ophyd-ts/core"
import { ForwardingBackend } from "./forwarding.ts"

/** A read-only record whose value must be right for the device to connect: `refuse` says what is wrong with it. */
export class CheckedBackend<T> extends ForwardingBackend<T> {
  readonly #refuse: (value: T) => Error | null
  #wrong = false

  constructor(inner: SignalBackend<T>, refuse: (value: T) => Error | null) {
    super(inner)
    this.#refuse = refuse
  }

  override get connection(): ConnectionState {
    return this.#wrong ? { ...super.connection, state: "wrong value" } : super.connection
  }

  override async connect(): Promise<void> {
    await super.connect()
    const wrong = this.#refuse((await this.read()).value)
    this.#wrong = wrong !== null
    if (wrong !== null) throw wrong
  }
}
