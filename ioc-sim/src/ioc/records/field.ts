/** Fields of a simulated record: what they are, what they hold, and who hears of changes. */

/** How a field is kept and served. `chars` is a text in a waveform of characters, `array` a waveform of numbers. */
export type FieldType = "double" | "long" | "ulong" | "short" | "string" | "enum" | "chars" | "array"

/** The typed array that holds elements of a type. */
export const arrayOf = {
  CHAR: Int8Array,
  UCHAR: Uint8Array,
  SHORT: Int16Array,
  USHORT: Uint16Array,
  LONG: Int32Array,
  ULONG: Uint32Array,
  FLOAT: Float32Array,
  DOUBLE: Float64Array,
} as const

/** Elements of a waveform of numbers, as FTVL of the record names them. */
export type ElementType = keyof typeof arrayOf

/** What a waveform of numbers holds. */
export type ArrayContent =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

/** What a field may hold. */
export type Content = number | string | ArrayContent

type ContentOf<T extends FieldType> = T extends "string" | "chars"
  ? string
  : T extends "array"
    ? ArrayContent
    : number

/** One field as a record type declares it. */
export interface FieldSpec<T extends FieldType = FieldType> {
  readonly type: T
  readonly initial: ContentOf<T>
  /** Texts of an `enum`. */
  readonly choices?: readonly string[]
  /** Room of a text, with the character that ends it, and of an `array`: size of the field, NELM of a waveform. */
  readonly length?: number
  /** Elements of an `array`. */
  readonly elements?: ElementType
  /** Clients may not write it. */
  readonly readOnly?: boolean
  /** Clients hear of a value, or of the alarm with it, only when it is another one. */
  readonly onChange?: boolean
}

/** The fields of a record type by name. */
export type FieldTable = Readonly<Record<string, FieldSpec>>

/** What a field holds: an enum is kept as its number. */
export type FieldValue<S extends FieldSpec> = ContentOf<S["type"]>

/** Alarm of a record: severity 0…3 and condition 0…21, by the numbers of the CA specification. */
export interface Alarm {
  readonly severity: number
  readonly status: number
}

export const noAlarm: Alarm = { severity: 0, status: 0 }

export const double = (initial = 0): FieldSpec<"double"> => ({ type: "double", initial })
export const short = (initial = 0): FieldSpec<"short"> => ({ type: "short", initial })
export const long = (initial = 0): FieldSpec<"long"> => ({ type: "long", initial })
export const ulong = (initial = 0): FieldSpec<"ulong"> => ({ type: "ulong", initial })
export const text = (initial = "", length = 40): FieldSpec<"string"> => ({ type: "string", initial, length })
export const menu = (choices: readonly string[], initial = 0): FieldSpec<"enum"> => ({
  type: "enum",
  initial,
  choices,
})
export const chars = (initial = "", length = 256): FieldSpec<"chars"> => ({ type: "chars", initial, length })
export const array = (elements: ElementType, length: number): FieldSpec<"array"> => ({
  type: "array",
  initial: new arrayOf[elements](0),
  elements,
  length,
})
export const readOnly = <T extends FieldType>(spec: FieldSpec<T>): FieldSpec<T> => ({
  ...spec,
  readOnly: true,
})

export const onChange = <T extends FieldType>(spec: FieldSpec<T>): FieldSpec<T> => ({
  ...spec,
  onChange: true,
})

/** Units of a record: EGU has room for 15 characters. */
export const units = (initial = ""): FieldSpec<"string"> => text(initial, 16)

/** Bytes of a text in a waveform: as many as fit, and the zero that ends it. */
export function charsOf(text: string, length: number): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  const kept = Math.min(bytes.length, length - 1)
  const result = new Uint8Array(kept + 1)
  result.set(bytes.subarray(0, kept))
  return result
}

/** The text in a waveform: what comes before the first zero. */
export function textOf(bytes: ArrayLike<number>): string {
  const all = Uint8Array.from(bytes)
  const end = all.indexOf(0)
  return new TextDecoder().decode(end < 0 ? all : all.subarray(0, end))
}
