import type { Datatype } from "../datatypes/datatype.ts"
import type { Component } from "../device/component.ts"
import type { Limits } from "../reading.ts"
import type { Metadata } from "./metadata.ts"
import { type ReadOptions, SignalR } from "./readable.ts"
import { SoftBackend } from "./soft-backend.ts"
import { type ReadWriteOptions, SignalRW } from "./writable.ts"

export interface SoftValueOptions<T> {
  initial?: NoInfer<T> | undefined
  units?: string | undefined
  precision?: number | undefined
  limits?: Limits | undefined
}

function backend<T>(datatype: Datatype<T>, options: SoftValueOptions<T> & ReadOptions<T>): SoftBackend<T> {
  const { initial, units, precision, limits, clock } = options
  const metadata: Metadata = {
    ...(units === undefined ? {} : { units }),
    ...(precision === undefined ? {} : { precision }),
    ...(limits === undefined ? {} : { limits }),
  }
  return new SoftBackend(datatype, { initial, metadata, clock })
}

/**
 * A value in memory that anybody may set: `softSignal(double, { name: "gain", initial: 1, units: "V" })`. Needs no
 * `connect`.
 */
export function softSignal<T>(
  datatype: Datatype<T>,
  options: SoftValueOptions<T> & ReadWriteOptions<NoInfer<T>> = {},
  parent: Component | null = null,
): SignalRW<T> {
  return new SignalRW<T>(backend<T>(datatype, options), options, parent)
}

/** A value in memory that users may only read; its owner changes it with the function. */
export function softReadable<T>(
  datatype: Datatype<T>,
  options: SoftValueOptions<T> & ReadOptions<NoInfer<T>> = {},
  parent: Component | null = null,
): [signal: SignalR<T>, assign: (value: T) => void] {
  const soft = backend<T>(datatype, options)
  return [new SignalR<T>(soft, options, parent), value => soft.assign(value)]
}
