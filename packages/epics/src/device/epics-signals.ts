import {
  type Component,
  type Datatype,
  type ReadOptions,
  type ReadWriteOptions,
  type SignalBackend,
  SignalR,
  SignalRW,
  SignalW,
  SignalX,
  SplitBackend,
  type WriteOptions,
} from "@ophyd-ts/core"
import { join, type Protocol, parseAddress } from "../address.ts"
import { CaBackend, type CaBackendOptions } from "../ca/ca-backend.ts"
import type { ClientSource } from "../clients.ts"
import { PvaBackend } from "../pva/pva-backend.ts"

/** Where the signals of a device are. */
export interface EpicsPlace extends ClientSource {
  readonly prefix: string
  readonly protocol: Protocol
}

/** A signal's value in an EPICS server. */
export function epicsBackend<T>(
  datatype: Datatype<T>,
  address: string,
  place: EpicsPlace,
  options: CaBackendOptions = {},
): SignalBackend<T> {
  const { protocol, name } = parseAddress(address, place.protocol)
  return protocol === "ca"
    ? new CaBackend(name, datatype, place, options)
    : new PvaBackend(name, datatype, place, options)
}

/** Makes the signals of a device. A suffix follows the device's prefix; one with a protocol is a whole PV name. */
export class EpicsSignals {
  readonly #owner: Component & EpicsPlace

  constructor(owner: Component & EpicsPlace) {
    this.#owner = owner
  }

  /** A PV that is only read. */
  r<T>(
    datatype: Datatype<T>,
    suffix: string,
    options: ReadOptions<NoInfer<T>> & CaBackendOptions = {},
  ): SignalR<T> {
    return new SignalR<T>(this.#at(datatype, suffix, options), options, this.#owner)
  }

  /** A PV that is read and written. */
  rw<T>(
    datatype: Datatype<T>,
    suffix: string,
    options: ReadWriteOptions<NoInfer<T>> & CaBackendOptions = {},
  ): SignalRW<T> {
    return new SignalRW<T>(this.#at(datatype, suffix, options), options, this.#owner)
  }

  /** Writes one PV and reads another: by default `Gain` and `Gain_RBV`. */
  rbv<T>(
    datatype: Datatype<T>,
    suffix: string,
    options: ReadWriteOptions<NoInfer<T>> & CaBackendOptions & { readback?: string } = {},
  ): SignalRW<T> {
    const read = this.#at(datatype, options.readback ?? `${suffix}_RBV`, options)
    const write = this.#at(datatype, suffix, options)
    return new SignalRW<T>(new SplitBackend(read, write), options, this.#owner)
  }

  /** A PV that is only written. */
  w<T>(datatype: Datatype<T>, suffix: string, options: WriteOptions<NoInfer<T>> = {}): SignalW<T> {
    return new SignalW<T>(this.#at(datatype, suffix, {}), options, this.#owner)
  }

  /** A command: `trigger()` writes this value. */
  x<T>(
    datatype: Datatype<T>,
    suffix: string,
    value: NoInfer<T>,
    options: WriteOptions<NoInfer<T>> = {},
  ): SignalX<T> {
    return new SignalX<T>(this.#at(datatype, suffix, {}), value, options, this.#owner)
  }

  #at<T>(datatype: Datatype<T>, suffix: string, options: CaBackendOptions): SignalBackend<T> {
    const { readTimeout } = options
    return epicsBackend(datatype, join(this.#owner.prefix, suffix), this.#owner, { readTimeout })
  }
}
