/**
 * The parameters of an asyn port and their records. A driver or plugin declares a table of them; `rw` makes the pair
 * `X` and `X_RBV`, `r` only `X_RBV`, `w` only `X`, `bare` a read-only `X`.
 */
import type { Clock } from "@ophyd-ts/core"
import {
  array,
  chars,
  double,
  type FieldSpec,
  type FieldType,
  type FieldValue,
  long,
  menu,
  text,
} from "../records/field.ts"
import { PointRecord } from "../records/point.ts"
import type { SimRecord } from "../records/record.ts"
import { BusyRecord } from "../records/value.ts"

/** Which records a parameter has. */
export type Access = "rw" | "r" | "w" | "bare" | "busy" | "command"

/** One parameter as a table declares it. */
export interface Parameter<T extends FieldType = FieldType> {
  readonly access: Access
  readonly spec: FieldSpec<T>
  readonly units?: string
  readonly precision?: number
  readonly limits?: readonly [low: number, high: number]
  /** Texts of the read-back where they differ from those of the setting. */
  readonly readbackChoices?: readonly string[]
  /** Alarm severity of each state of the read-back. */
  readonly severities?: readonly number[]
  /** Record type that clients see where it is not the usual one. */
  readonly recordType?: string
}

export type ParameterTable = Readonly<Record<string, Parameter>>
type Details = Omit<Parameter, "access" | "spec">

const declare =
  (access: Access) =>
  <T extends FieldType>(spec: FieldSpec<T>, details: Details = {}): Parameter<T> => ({
    access,
    spec,
    ...details,
  })

export const rw = declare("rw")
export const r = declare("r")
export const w = declare("w")
export const bare = declare("bare")
/**
 * A busy record `X` and the read-back `X_RBV`: a put with completion of 1 ends when the port says so, which also sets
 * the read-back.
 */
export const busy = declare("busy")
/** The same without a read-back. */
export const command = declare("command")

export const noYes = ["No", "Yes"] as const
export const disableEnable = ["Disable", "Enable"] as const
export const choice = menu
export { array, chars, double, long, text }

/** What a parameter holds. */
export type ParameterValue<P extends Parameter> = FieldValue<P["spec"]>

type Handler = (value: never) => Promise<void> | void

/** What a client has written, for a port that acts on it: one function for each parameter that does something. */
export type WriteHandlers<T extends ParameterTable> = {
  readonly [K in keyof T]?: (value: ParameterValue<T[K]>) => Promise<void> | void
}

const inputTypes: Readonly<Record<FieldType, string>> = {
  double: "ai",
  long: "longin",
  ulong: "longin",
  short: "longin",
  string: "stringin",
  enum: "bi",
  chars: "waveform",
  array: "waveform",
}
const outputTypes: Readonly<Record<FieldType, string>> = {
  ...inputTypes,
  double: "ao",
  long: "longout",
  ulong: "longout",
  short: "longout",
  string: "stringout",
  enum: "bo",
}

function recordType({ type, choices = [] }: FieldSpec, output: boolean): string {
  if (type === "enum" && choices.length > 2) return output ? "mbbo" : "mbbi"
  return (output ? outputTypes : inputTypes)[type]
}

/** The parameters of one port. Settings become read-backs when they are written, as asyn's parameter library has it. */
export class Parameters<T extends ParameterTable> {
  /** All records, to be served. */
  readonly records: SimRecord[] = []
  readonly #settings = new Map<string, PointRecord>()
  readonly #readbacks = new Map<string, PointRecord>()
  readonly #busy = new Map<string, BusyRecord>()
  #handlers: Readonly<Record<string, Handler | undefined>> = {}

  /** @param prefix of the PV names, such as `sim:ad:cam1:`. */
  constructor(prefix: string, clock: Clock, table: T) {
    for (const [name, parameter] of Object.entries(table)) this.#declare(prefix, name, parameter, clock)
  }

  /** Says what happens when clients write. */
  onWrite(handlers: WriteHandlers<T>): void {
    this.#handlers = { ...this.#handlers, ...(handlers as Readonly<Record<string, Handler>>) }
  }

  get<K extends keyof T & string>(name: K): ParameterValue<T[K]> {
    return (this.#readbacks.get(name) ?? this.#settings.get(name))!.value as ParameterValue<T[K]>
  }

  /** A new value of the port; it is posted when it changed. The setting that a client wrote stays. */
  set<K extends keyof T & string>(name: K, value: ParameterValue<T[K]>): void {
    const record = (this.#readbacks.get(name) ?? this.#settings.get(name))!
    if (!Object.is(record.value, value)) record.update(value)
  }

  /** Several values, in order. */
  post(values: { readonly [K in keyof T & string]?: ParameterValue<T[K]> }): void {
    for (const [name, value] of Object.entries(values)) this.set(name, value as ParameterValue<T[string]>)
  }

  /** A new value of which the setting hears as well. */
  reset<K extends keyof T & string>(name: K, value: ParameterValue<T[K]>): void {
    const setting = this.#settings.get(name)
    if (setting !== undefined && !Object.is(setting.value, value)) setting.update(value)
    this.set(name, value)
  }

  /** Ends what a busy parameter has begun: read-back and record show 0, and puts that waited complete. */
  done(name: keyof T & string): void {
    this.#readbacks.get(name)?.update(0)
    this.#busy.get(name)?.release()
  }

  /** Ends all waiting. */
  close(): void {
    for (const record of this.records) record.close()
  }

  #declare(prefix: string, name: string, parameter: Parameter, clock: Clock): void {
    const { access, spec, readbackChoices, severities, recordType: special, ...rest } = parameter
    if (access === "busy" || access === "command") {
      const [off = "", on = ""] = spec.choices ?? []
      const record = new BusyRecord(`${prefix}${name}`, clock, [off, on], value => this.#written(name, value))
      this.#busy.set(name, record)
      this.records.push(record as unknown as SimRecord)
    }
    if (access === "rw" || access === "w") {
      const setting = new PointRecord(`${prefix}${name}`, recordType(spec, true), spec, clock, {
        ...rest,
        onWrite: value => this.#written(name, value),
      })
      this.#settings.set(name, setting)
      this.records.push(setting as unknown as SimRecord)
    }
    if (access === "w" || access === "command") return
    const shown = readbackChoices ? { ...spec, choices: readbackChoices } : spec
    const readback = new PointRecord(
      access === "bare" ? `${prefix}${name}` : `${prefix}${name}_RBV`,
      special ?? recordType(spec, false),
      shown,
      clock,
      { ...rest, ...(severities && { severities }) },
    )
    this.#readbacks.set(name, readback)
    this.records.push(readback as unknown as SimRecord)
  }

  #written(name: string, value: unknown): Promise<void> | void {
    if (!this.#busy.has(name)) this.#readbacks.get(name)?.update(value as never)
    return this.#handlers[name]?.(value as never)
  }
}
