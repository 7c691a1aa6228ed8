/** Records that hold one value: analog ones, choices, and busy. */
import type { Clock } from "@ophyd-ts/core"
import { double, type FieldSpec, menu, readOnly, short, text } from "./field.ts"
import { type FieldMetadata, SimRecord } from "./record.ts"

const analogFields = { VAL: double(), EGU: text(), PREC: short(), DRVL: double(), DRVH: double() }

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
    if (!(field in analogFields) || field === "PREC" || field === "EGU") return {}
    return {
      units: this.get("EGU"),
      precision: this.get("PREC"),
      limits: [this.get("DRVL"), this.get("DRVH")],
    }
  }

  protected override written(field: keyof typeof analogFields): Promise<void> | void {
    if (field !== "VAL") {
      this.announce(field)
      this.describe()
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
    const spec = menu(choices, value)
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
export class BusyRecord extends SimRecord<ChoiceFields> {
  readonly #onWrite: OnWrite | undefined
  #waiting: (() => void)[] = []

  /** @param onWrite what a client's write starts or ends; a put of 0 completes with it. */
  constructor(
    name: string,
    clock: Clock,
    choices: readonly [string, string] = ["Done", "Busy"],
    onWrite?: OnWrite,
  ) {
    super(name, "busy", { VAL: menu(choices) }, clock)
    this.#onWrite = onWrite
  }

  override close(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Shows 0; puts that waited complete. */
  release(): void {
    this.post({ VAL: 0 })
    this.close()
  }

  protected override written(field: keyof ChoiceFields): Promise<void> | void {
    this.announce(field)
    if (field !== "VAL") return
    const started = this.get("VAL") !== 0
    const over = started ? new Promise<void>(resolve => this.#waiting.push(resolve)) : undefined
    const outcome = this.#onWrite?.(this.get("VAL"))
    if (over !== undefined) return over
    if (outcome instanceof Promise) return outcome.finally(() => this.close())
    this.close()
  }
}
