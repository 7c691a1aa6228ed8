/** What all simulated records share. They know no protocol: a server listens to them and hands them what clients write. */
import type { Clock } from "@ophyd-ts/core"
import {
  type Alarm,
  type Content,
  type FieldSpec,
  type FieldTable,
  type FieldValue,
  menu,
  noAlarm,
  readOnly,
  short,
  text,
} from "./field.ts"

/** Units, digits and limits that belong to a field, for clients that show them. */
export interface FieldMetadata {
  readonly units?: string
  readonly precision?: number
  /** Lowest and highest value; equal ones mean no limits. */
  readonly limits?: readonly [low: number, high: number]
}

/** Who serves a record. */
export interface RecordListener {
  /**
   * A field was posted. `time` is in seconds since 1970. With `again` it is nothing new for who has seen the last one
   * but its time.
   */
  posted(field: string, value: Content, alarm: Alarm, time: number, again: boolean): void
  /** Units, digits or limits are not what they were. */
  described(): void
}

/** Somebody who waits for the completion of a put, until `signal` says that nobody does any longer. */
export interface PutWaiter {
  readonly signal: AbortSignal
}

/** Conditions of an alarm: as many as Channel Access can name of them. */
const conditions =
  "NO_ALARM READ WRITE HIHI HIGH LOLO LOW STATE COS COMM TIMEOUT HWLIMIT CALC SCAN LINK SOFT".split(" ")

/** Fields that every record has. */
const commonFields = {
  NAME: readOnly(text("", 61)),
  RTYP: readOnly(text()),
  DESC: text("", 41),
  STAT: readOnly(menu(conditions)),
  SEVR: readOnly(menu(["NO_ALARM", "MINOR", "MAJOR", "INVALID"])),
  // Clients ask whether a record is disabled; none of these ever is.
  DISA: readOnly(short()),
}

/** A simulated record: its fields, and what happens when one is written. */
export abstract class SimRecord<T extends FieldTable = FieldTable> {
  readonly name: string
  readonly type: string
  readonly table: T & typeof commonFields
  protected readonly clock: Clock
  /** What fields hold that do not hold what they start with. */
  readonly #values = new Map<string, Content>()
  readonly #listeners: RecordListener[] = []
  #alarm: Alarm = noAlarm
  #time: number
  /** What was posted last of fields that are posted on a change. */
  readonly #told = new Map<string, { readonly value: Content; readonly alarm: Alarm }>()
  /** The field that is being written, until it is posted. */
  #writing: string | undefined

  constructor(name: string, type: string, table: T, clock: Clock, initial: InitialValues<T> = {}) {
    this.name = name
    this.type = type
    this.table = { ...commonFields, ...table }
    this.clock = clock
    this.#time = clock.time()
    for (const field in initial) this.#values.set(field, initial[field as keyof typeof initial] as Content)
    this.#values.set("NAME", name).set("RTYP", type)
    for (const [field, spec] of Object.entries<FieldSpec>(this.table))
      if (spec.onChange) this.#told.set(field, { value: this.read(field) ?? spec.initial, alarm: noAlarm })
  }

  /** What a field holds. */
  get<K extends keyof T & string>(field: K): FieldValue<T[K]> {
    return this.read(field) as FieldValue<T[K]>
  }

  get alarm(): Alarm {
    return this.#alarm
  }

  /** When something was posted last, in seconds since 1970. */
  get time(): number {
    return this.#time
  }

  /** Value of any field by its name; undefined when there is no such field. */
  read(field: string): Content | undefined {
    const spec: FieldSpec | undefined = this.table[field]
    return this.#values.get(field) ?? spec?.initial
  }

  /** Who also is told of changes from now on. */
  serve(listener: RecordListener): void {
    this.#listeners.push(listener)
  }

  /**
   * A client writes a field. The promise, if any, settles when all that the write has started is over.
   * @throws Error when the value is refused; nothing has changed then.
   */
  write(field: string, value: Content): Promise<void> | void {
    const spec: FieldSpec | undefined = this.table[field]
    if (spec === undefined) throw new Error(`${this.name} has no field ${field}`)
    if (spec.readOnly) throw new Error(`${this.name}.${field} is read only`)
    this.check(field as keyof T & string, value)
    this.#values.set(field, spec.type === "string" ? fitting(value as string, spec) : value)
    this.#writing = field
    const outcome = this.written(field as keyof T & string)
    if (this.#writing === field) this.announce(field as keyof T & string)
    return outcome
  }

  /**
   * The same for a client that waits for the end, which some records begin when it is their turn.
   * @throws Error, or rejects with it, as {@link write} does.
   */
  put(field: string, value: Content, { signal }: PutWaiter): Promise<void> | void {
    const outcome = this.write(field, value)
    if (outcome === undefined) return
    return new Promise((resolve, reject) => {
      const ends: Ends = { resolve, reject }
      signal.addEventListener("abort", () => {
        resolve()
        // What goes on may do so for ever; nothing of a client that has gone is kept as long.
        ends.resolve = ends.reject = undefined
      })
      settle(ends, outcome)
    })
  }

  /** Units, digits and limits of a field. */
  metadata(_field: string): FieldMetadata {
    return {}
  }

  /** Stops what is going on in the record, timers included. */
  close(): void {}

  /** Throws when a client may not write this value. */
  protected check(_field: keyof T & string, _value: Content): void {}

  /** A field holds what a client wrote; the record does what belongs to it, and posts what it changes. */
  protected written(field: keyof T & string): Promise<void> | void {
    this.announce(field)
  }

  /** Keeps a value without telling anybody. */
  protected set<K extends keyof T & string>(field: K, value: FieldValue<T[K]>): void {
    this.#values.set(field, value)
  }

  /** Sets fields and tells of those that changed. */
  protected post(values: Partial<FieldValues<T>>): void {
    for (const [field, value] of Object.entries(values)) {
      if (Object.is(this.read(field), value)) continue
      this.#values.set(field, value as Content)
      this.announce(field as keyof T & string)
    }
  }

  /** Tells of a field whether it changed or not. */
  protected announce(field: keyof T & string): void {
    const value = this.read(field)
    if (value === undefined) return
    if (this.#writing === field) this.#writing = undefined
    this.#time = this.clock.time()
    const alarm = this.#alarm
    const told = this.#told.get(field)
    const again = told !== undefined && Object.is(told.value, value) && told.alarm === alarm
    if (told !== undefined && !again) this.#told.set(field, { value, alarm })
    for (const listener of this.#listeners) listener.posted(field, value, alarm, this.#time, again)
    // Every field is shown with it over pvAccess.
    if (field === "DESC") this.describe()
  }

  /** Raises or clears the alarm; it travels with the fields that are posted from now on and with the value at once. */
  protected setAlarm(alarm: Alarm): void {
    if (alarm.severity === this.#alarm.severity && alarm.status === this.#alarm.status) return
    this.#alarm = alarm
    this.#values.set("STAT", alarm.status).set("SEVR", alarm.severity)
    for (const field of ["STAT", "SEVR", "VAL"]) this.announce(field as keyof T & string)
  }

  protected describe(): void {
    for (const listener of this.#listeners) listener.described()
  }
}

interface Ends {
  resolve: (() => void) | undefined
  reject: ((error: unknown) => void) | undefined
}

/** Apart, so that what waits for the outcome knows no more than this. */
function settle(ends: Ends, outcome: Promise<void>): void {
  outcome.then(
    () => ends.resolve?.(),
    error => ends.reject?.(error),
  )
}

/** A text as far as its field has room for it, cut between characters. */
function fitting(value: string, { length = 40 }: FieldSpec): string {
  // One string of Channel Access and of a record takes 39 characters, even where the field has room for more.
  const bytes = new Uint8Array(Math.min(length, 40) - 1)
  const { read } = new TextEncoder().encodeInto(value, bytes)
  return value.slice(0, read)
}

/** First values of some fields. */
export type InitialValues<T extends FieldTable> = Partial<FieldValues<T & Pick<typeof commonFields, "DESC">>>

/** Fields of a table and what they hold. */
export type FieldValues<T extends FieldTable> = { -readonly [K in keyof T]: FieldValue<T[K]> }
