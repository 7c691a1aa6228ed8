import {
  boolean,
  type Component,
  type Datatype,
  double,
  float,
  float64Array,
  integer,
  type Kind,
  number,
  type ReadWriteOptions,
  type SignalR,
  type SignalRW,
  type SignalW,
  string,
  stringArray,
  uint8Array,
  ValueError,
} from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../device/epics-device.ts"

/** Types by name, so that a table may come from a file. */
const types = { boolean, double, float, float64Array, integer, number, string, stringArray, uint8Array }

export type TypeName = keyof typeof types

/** One field of the table. */
export interface SignalField {
  /** What follows the device's prefix, or a whole name with its protocol. */
  readonly pv: string
  /** Or the name of one of the common ones. */
  readonly type: Datatype<unknown> | TypeName
  /** Read, read and write, write one PV and read `…_RBV`, or write only; default `r`. */
  readonly access?: "r" | "rw" | "rbv" | "w"
  readonly kind?: Kind
  /** Further options of the signal. */
  readonly options?: ReadWriteOptions<never>
}

export type SignalFields = Readonly<Record<string, SignalField>>

type ValueIn<F extends SignalField> = F["type"] extends TypeName
  ? (typeof types)[F["type"]] extends Datatype<infer T>
    ? T
    : never
  : F["type"] extends Datatype<infer T>
    ? T
    : unknown

type SignalIn<F extends SignalField> = F["access"] extends "rw" | "rbv"
  ? SignalRW<ValueIn<F>>
  : F["access"] extends "w"
    ? SignalW<ValueIn<F>>
    : SignalR<ValueIn<F>>

/** A device with one signal for each field of a table. */
export type EpicsSignalDevice<F extends SignalFields> = EpicsDevice & {
  readonly [K in keyof F]: SignalIn<F[K]>
}

class TableDevice extends EpicsDevice {
  constructor(prefix: string, fields: SignalFields, options: EpicsDeviceOptions) {
    super(prefix, options)
    for (const [name, field] of Object.entries(fields)) {
      if (name in this)
        throw new ValueError(`${prefix}: a device has a member ${name} already, use another name`)
      Object.assign(this, { [name]: this.#signal(name, field) })
    }
  }

  #signal(name: string, { pv, type, access = "r", kind, options }: SignalField): Component {
    const datatype = typeof type === "string" ? types[type] : type
    if (datatype === undefined) {
      throw new ValueError(
        `${this.prefix}: ${name} has the unknown type ${type}; known are ${Object.keys(types).join(", ")}`,
      )
    }
    if (!["r", "rw", "rbv", "w"].includes(access))
      throw new ValueError(`${this.prefix}: ${name} has the access ${access}, known are r, rw, rbv, w`)
    const all = { ...options, ...(kind === undefined ? {} : { kind }) }
    return this.signal[access](datatype as Datatype<unknown>, pv, all as object)
  }
}

/**
 * Makes a device from a table of fields, for what needs no class of its own.
 *
 * ```ts
 * const table = epicsSignalDevice("S1:table:", {
 *   height: { pv: "Height", type: double, access: "rbv", kind: "hinted" },
 *   mode: { pv: "Mode", type: choice("Fine", "Coarse"), access: "rw", kind: "config" },
 *   comment: { pv: "Comment", type: "string" },
 * }, { name: "table" })
 * await table.height.set(3)
 * ```
 * @throws ValueError for an unknown type or access, and for a field that would hide a member of every device.
 */
export function epicsSignalDevice<const F extends SignalFields>(
  prefix: string,
  fields: F,
  options: EpicsDeviceOptions = {},
): EpicsSignalDevice<F> {
  return new TableDevice(prefix, fields, options) as unknown as EpicsSignalDevice<F>
}
