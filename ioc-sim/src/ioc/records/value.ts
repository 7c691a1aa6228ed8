/** Records that hold one value: analog ones, choices, and busy. */
import type { Clock } from "@ophyd-ts/core"
import { double, type FieldSpec, type FieldTable, menu, onChange, readOnly, short, units } from "./field.ts"
import { LastingRecord } from "./lasting.ts"
import { type FieldMetadata, SimRecord } from "./record.ts"

const analogFields = {
  VAL: onChange(double()),
  EGU: units(),
  PREC: short(),
  DRVL: double(),
  DRVH: double(),
}

/** What happens when a client writes the value, after it has been posted. */
export type OnWrite = (value: number) => Promise<void> | void

/** How an analog record differs from an empty one. */
export interface AnalogOptions {
  readonly value?: number
  readonly description?: string
  readonly units?: string
  readonly precision?: number
  /** Values outside are moved to the nearer end, as an `ao` record does. */
  readonly limits?: readonly [low: number, high: number]
  /** Without it clients may not write. */
  readonly onWrite?: OnWrite
}

/** A number with units: `ao` when clients may write it, else `ai`. */
export class AnalogRecord extends SimRecord<typeof analogFields> {
  readonly #onWrite: OnWrite | undefined

  constructor(name: string, clock: Clock, options: AnalogOptions = {}) {
    const { value = 0, description = "", units = "", precision = 0, limits = [0, 0], onWrite } = options
    const table = onWrite === undefined ? { ...analogFields, VAL: readOnly(analogFields.VAL) } : analogFields
    super(name, onWrite === undefined ? "ai" : "ao", table, clock, {
      VAL: value,
      EGU: units,
      PREC: precision,
      DRVL: limits[0],
      DRVH: limits[1],
      DESC: description,
    })
    this.#onWrite = onWrite
  }

  get value(): number {
    return this.get("VAL")
  }

  /** A new value from inside the beamline. */
  update(value: number): void {
    this.set("VAL", value)
    this.announce("VAL")
  }

  override metadata(field: string): FieldMetadata {
    const type = (this.table as FieldTable)[field]?.type
    // Digits of a text are those of numbers that are written to it.
    if (type === "string") return { precision: this.get("PREC") }
    if (type !== "double") return {}
    const shown = { units: this.get("EGU"), precision: this.get("PREC") }
    // Limits have none themselves: clients that obey limits could not move them otherwise.
    return field === "VAL" ? { ...shown, limits: [this.get("DRVL"), this.get("DRVH")] } : shown
  }

  protected override written(field: keyof typeof analogFields): Promise<void> | void {
    if (field !== "VAL") {
      this.announce(field)
      if (field in analogFields) this.describe()
      return
    }
    const [low, high] = [this.get("DRVL"), this.get("DRVH")]
    if (low < high) this.set("VAL", Math.min(Math.max(this.get("VAL"), low), high))
    this.announce("VAL")
    return this.#onWrite?.(this.get("VAL"))
  }
}

type ChoiceFields = { readonly VAL: FieldSpec<"enum"> }

/** How a choice is made. */
export interface ChoiceOptions {
  readonly value?: number
  readonly description?: string
  /** Without it clients may not write. */
  readonly onWrite?: OnWrite
}

/** One of several texts: `bo` or `mbbo` when clients may write it, else `bi` or `mbbi`. */
export class ChoiceRecord extends SimRecord<ChoiceFields> {
  readonly #onWrite: OnWrite | undefined

  constructor(name: string, choices: readonly string[], clock: Clock, options: ChoiceOptions = {}) {
    const { value = 0, description = "", onWrite } = options
    const kind = `${choices.length > 2 ? "mbb" : "b"}${onWrite === undefined ? "i" : "o"}`
    const spec = onChange(menu(choices, value))
    super(name, kind, { VAL: onWrite === undefined ? readOnly(spec) : spec }, clock, { DESC: description })
    this.#onWrite = onWrite
  }

  get value(): number {
    return this.get("VAL")
  }

  /** A new value from inside the beamline. */
  update(value: number): void {
    this.set("VAL", value)
    this.announce("VAL")
  }

  protected override written(field: keyof ChoiceFields): Promise<void> | void {
    this.announce(field)
    return field === "VAL" ? this.#onWrite?.(this.get("VAL")) : undefined
  }
}

/** The busy record: a put with completion of 1 ends when somebody writes 0, or what it started says that it is over. */
export class BusyRecord extends LastingRecord<ChoiceFields> {
  readonly #onWrite: OnWrite | undefined

  /** @param onWrite what a client's write starts or ends; a put of 0 completes with it. */
  constructor(
    name: string,
    clock: Clock,
    choices: readonly [string, string] = ["Done", "Busy"],
    onWrite?: OnWrite,
    description = "",
  ) {
    super(name, "busy", { VAL: onChange(menu(choices)) }, clock, { DESC: description })
    this.#onWrite = onWrite
  }

  /** Shows 0; puts that waited complete. */
  release(): void {
    this.post({ VAL: 0 })
    this.over()
  }

  protected override written(field: keyof ChoiceFields): Promise<void> | void {
    this.announce(field)
    if (field !== "VAL") return
    const started = this.get("VAL") !== 0
    const over = started ? this.begun() : undefined
    const outcome = this.#onWrite?.(this.get("VAL"))
    if (over !== undefined) return over
    if (outcome instanceof Promise) return outcome.finally(() => this.over())
    this.over()
  }
}
