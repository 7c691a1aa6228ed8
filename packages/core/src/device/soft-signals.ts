import type { Datatype } from "../datatypes/datatype.ts"
import type { ReadOptions, SignalR } from "../signal/readable.ts"
import { type SoftValueOptions, softReadable, softSignal } from "../signal/soft.ts"
import type { ReadWriteOptions, SignalRW } from "../signal/writable.ts"
import type { Component } from "./component.ts"

/** Makes a device's signals in memory. */
export class SoftSignals {
  readonly #owner: Component

  constructor(owner: Component) {
    this.#owner = owner
  }

  /** A value that users may set. */
  rw<T>(
    datatype: Datatype<T>,
    options: SoftValueOptions<T> & ReadWriteOptions<NoInfer<T>> = {},
  ): SignalRW<T> {
    return softSignal(datatype, options, this.#owner)
  }

  /** A value that users may only read; the device changes it with `assign`. */
  r<T>(datatype: Datatype<T>, options: SoftValueOptions<T> & ReadOptions<NoInfer<T>> = {}): SignalR<T> {
    return softReadable(datatype, options, this.#owner)[0]
  }
}
