/** Fields of a simulated record: what they are, what they hold, and who hears of changes. */

/** How a field is kept and served. */
export type FieldType = "double" | "long" | "short" | "string" | "enum"

/** One field as a record type declares it. */
export interface FieldSpec<T extends FieldType = FieldType> {
  readonly type: T
  readonly initial: T extends "string" ? string : number
  /** Texts of an `enum`. */
  readonly choices?: readonly string[]
  /** Clients may not write it. */
  readonly readOnly?: boolean
}

/** The fields of a record type by name. */
export type FieldTable = Readonly<Record<string, FieldSpec>>

/** What a field holds: an enum is kept as its number. */
export type FieldValue<S extends FieldSpec> = S["type"] extends "string" ? string : number

/** Alarm of a record: severity 0…3 and condition 0…21, by the numbers of the CA specification. */
export interface Alarm {
  readonly severity: number
  readonly status: number
}

export const noAlarm: Alarm = { severity: 0, status: 0 }

export const double = (initial = 0): FieldSpec<"double"> => ({ type: "double", initial })
export const short = (initial = 0): FieldSpec<"short"> => ({ type: "short", initial })
export const long = (initial = 0): FieldSpec<"long"> => ({ type: "long", initial })
export const text = (initial = ""): FieldSpec<"string"> => ({ type: "string", initial })
export const menu = (choices: readonly string[], initial = 0): FieldSpec<"enum"> => ({
  type: "enum",
  initial,
  choices,
})
export const readOnly = <T extends FieldType>(spec: FieldSpec<T>): FieldSpec<T> => ({
  ...spec,
  readOnly: true,
})
