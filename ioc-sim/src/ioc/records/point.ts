/** A record that holds one value of any type: what most records of an IOC are. */
import type { Clock } from "@ophyd-ts/core"
import {
  type Content,
  type FieldSpec,
  type FieldTable,
  noAlarm,
  onChange,
  readOnly,
  short,
  units as unitsOf,
} from "./field.ts"
import { type FieldMetadata, type InitialValues, SimRecord } from "./record.ts"

/** Channel Access condition STATE. */
const stateAlarm = 7

/** How a point differs from a plain one. */
export interface PointOptions {
  readonly description?: string
  readonly units?: string
  readonly precision?: number
  /** Numbers outside are moved to the nearer end. */
  readonly limits?: readonly [low: number, high: number]
  /** Severity of the alarm that each state of a choice raises. Default none. */
  readonly severities?: readonly number[]
  /** Without it clients may not write. Gets the value that is in force. */
  readonly onWrite?: (value: Content) => Promise<void> | void
}

type PointFields = { readonly VAL: FieldSpec } & FieldTable

/** One value, with the fields that clients ask for beside it. */
export class PointRecord extends SimRecord<PointFields> {
  readonly #options: PointOptions

  /** @param type record type that clients see, such as `longin`. */
  constructor(name: string, type: string, spec: FieldSpec, clock: Clock, options: PointOptions = {}) {
    const { description = "", units = "", precision = 0, onWrite } = options
    const isNumber = spec.type === "double" || spec.type === "long"
    // A waveform tells each of its values.
    const told = spec.type === "chars" || spec.type === "array" ? spec : onChange(spec)
    const table = {
      VAL: onWrite === undefined ? readOnly(told) : told,
      ...(isNumber && { EGU: unitsOf(units) }),
      ...(spec.type === "double" && { PREC: short(precision) }),
    }
    const initial = description === "" ? {} : { DESC: description }
    super(name, type, table, clock, initial as InitialValues<PointFields>)
    this.#options = options
    this.#raise()
  }

  /** What it holds. */
  get value(): Content {
    return this.get("VAL")
  }

  /** A new value from inside the IOC. */
  update(value: Content): void {
    this.set("VAL", value)
    if (!this.#raise()) this.announce("VAL")
  }

  override metadata(field: string): FieldMetadata {
    if (field !== "VAL") return {}
    const { units, precision, limits } = this.#options
    return {
      ...(units !== undefined && { units }),
      ...(precision !== undefined && { precision }),
      ...(limits && { limits }),
    }
  }

  protected override check(field: string, value: Content): void {
    const { choices } = this.table.VAL
    if (field === "VAL" && choices && !(Number(value) >= 0 && Number(value) < choices.length))
      throw new Error(`${this.name}: ${value} is not the number of a choice, there are ${choices.length}`)
  }

  protected override written(field: string): Promise<void> | void {
    if (field !== "VAL") return this.announce(field)
    const { limits, onWrite } = this.#options
    const value = this.get("VAL")
    this.update(typeof value === "number" && limits ? Math.min(Math.max(value, limits[0]), limits[1]) : value)
    return onWrite?.(this.get("VAL"))
  }

  /** The alarm of the state; true when it became another one and was told together with the value. */
  #raise(): boolean {
    const severity = this.#options.severities?.[Number(this.get("VAL"))] ?? 0
    if (severity === this.alarm.severity) return false
    this.setAlarm(severity === 0 ? noAlarm : { severity, status: stateAlarm })
    return true
  }
}
