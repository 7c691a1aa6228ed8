import {
  type ArrayType,
  type ChoiceType,
  type Datatype,
  formatValue,
  labelMismatch,
  type Metadata,
  type TableType,
  type TypedArray,
  ValueError,
} from "@ophyd-ts/core"
import { type FieldType, field, nameOf, type ScalarName } from "pvxs-node"

/** How the values of one PV travel: between the member `value` of its structure and the declared type. */
export interface PvaConversion<T> {
  decode(value: unknown, choices: readonly string[]): T
  encode(value: T, choices: readonly string[]): unknown
}

/** What a PV is on its server. */
export interface PvaNative {
  /** Type of the member `value`, if there is one. */
  readonly value: FieldType | undefined
  readonly choices: readonly string[]
  readonly metadata: Metadata
}

export const numpyTypes: Partial<Record<ScalarName, string>> = {
  boolean: "|b1",
  byte: "|i1",
  ubyte: "|u1",
  short: "<i2",
  ushort: "<u2",
  int: "<i4",
  uint: "<u4",
  long: "<i8",
  ulong: "<u8",
  float: "<f4",
  double: "<f8",
}

/**
 * The elements that fit a typed array. Bytes may be seen with or without sign, as records do not all say; booleans are
 * bytes 0 and 1.
 */
const elements: Record<string, readonly ScalarName[]> = {
  float64Array: ["double"],
  float32Array: ["float"],
  int32Array: ["int"],
  uint32Array: ["uint"],
  int16Array: ["short"],
  uint16Array: ["ushort"],
  int8Array: ["byte", "ubyte"],
  uint8Array: ["ubyte", "byte", "boolean"],
  int64Array: ["long"],
  uint64Array: ["ulong"],
}

const integers: readonly ScalarName[] = ["byte", "ubyte", "short", "ushort", "int", "uint", "long", "ulong"]

const plain: PvaConversion<unknown> = { decode: value => value, encode: value => value }
const number: PvaConversion<number> = { decode: Number, encode: value => value }
const big: PvaConversion<bigint> = {
  decode: value => BigInt(value as number | bigint),
  encode: value => value,
}
const flag: PvaConversion<boolean> = { decode: value => Boolean(value), encode: value => value }
const intFlag: PvaConversion<boolean> = {
  decode: value => Number(value) !== 0,
  encode: value => (value ? 1 : 0),
}

/** The member `index` of an enum. */
const indexOf = (value: unknown): number => Number((value as { index: number }).index)

const enumFlag: PvaConversion<boolean> = {
  decode: value => indexOf(value) !== 0,
  encode: value => ({ index: value ? 1 : 0 }),
}

const label: PvaConversion<string> = {
  decode: (value, choices) => choices[indexOf(value)] ?? String(indexOf(value)),
  encode: (value, choices) => {
    const index = choices.indexOf(value)
    if (index >= 0) return { index }
    throw new ValueError(
      `${formatValue(value)} is none of the server's labels ${choices.map(formatValue).join(", ")}`,
    )
  },
}

/** The conversion between a declared type and what the server has; as text, why there is none. */
export function pvaConversion<T>(datatype: Datatype<T>, native: PvaNative): PvaConversion<T> | string {
  const found = pick(datatype as Datatype<unknown>, native)
  if (found === null) return `declared ${datatype.label}, the server has ${describe(native)}`
  return found as PvaConversion<T> | string
}

function pick(
  datatype: Datatype<unknown>,
  { value, choices, metadata }: PvaNative,
): PvaConversion<unknown> | string | null {
  const scalar = value?.kind === "scalar" ? value.of : null
  const array = value?.kind === "scalar[]" ? value.of : null
  const isEnum = isEnumType(value)
  const isInteger = scalar !== null && integers.includes(scalar)
  // As over Channel Access: records that count may do so in doubles.
  const isWhole = scalar === "double" && metadata.precision === 0
  switch (datatype.family) {
    case "number":
      return scalar === "double" || scalar === "float" ? number : null
    case "numeric":
      return isInteger || scalar === "double" || scalar === "float" ? number : null
    case "integer":
      return isInteger || isWhole ? number : null
    case "bigint":
      return isInteger ? big : null
    case "boolean":
      if (isEnum) return choices.length <= 2 ? enumFlag : null
      return scalar === "boolean" ? flag : isInteger ? intFlag : null
    case "string":
      if (array === "byte" || array === "ubyte") return longText(array === "byte")
      return scalar === "string" ? plain : isEnum ? label : null
    case "choice":
      if (!isEnum) return null
      return labelMismatch(datatype as Datatype<unknown> & ChoiceType<string>, choices) ?? label
    case "array":
      if (array === null || !(elements[datatype.label] ?? []).includes(array)) return null
      return typed(datatype as Datatype<unknown> & ArrayType<Uint8Array>, array)
    case "strings":
      return array === "string" ? plain : null
    case "table":
      return columns(datatype as Datatype<unknown> & TableType, value)
  }
}

/** Text in characters, up to a zero, as records keep what is longer than their strings. */
const longText = (signed: boolean): PvaConversion<string> => ({
  decode: value => {
    const bytes = value as Uint8Array | Int8Array
    const end = bytes.indexOf(0)
    return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
  },
  encode: value => {
    const bytes = new TextEncoder().encode(`${value}\0`)
    return signed ? new Int8Array(bytes.buffer) : bytes
  },
})
const utf8 = new TextDecoder()

/** Exactly the declared columns, each of an element type that fits. Which comes first is the server's business. */
function columns(
  datatype: Datatype<unknown> & TableType,
  value: FieldType | undefined,
): PvaConversion<unknown> | string | null {
  if (value?.kind !== "structure" || !value.members.every(({ type }) => type.kind === "scalar[]")) return null
  const served = new Map(value.members.map(({ name, type }) => [name, type]))
  const conversions = Object.entries(datatype.columns).map(([name, type]) => {
    const element = served.get(name)
    const found =
      element === undefined
        ? null
        : pick(type as Datatype<unknown>, { value: element, choices: [], metadata: {} })
    return [name, found as PvaConversion<unknown> | null] as const
  })
  if (served.size !== conversions.length || conversions.some(([, found]) => found === null)) return null
  const all = conversions as readonly (readonly [string, PvaConversion<unknown>])[]
  return {
    decode: table =>
      Object.fromEntries(all.map(([name, column]) => [name, column.decode(field(table, name), [])])),
    encode: table =>
      Object.fromEntries(
        all.map(([name, column]) => [name, column.encode((table as Record<string, unknown>)[name], [])]),
      ),
  }
}

/** Bytes are seen with the sign that was declared; all other elements fit as they are. */
function typed({ construct }: ArrayType<Uint8Array>, element: ScalarName): PvaConversion<TypedArray> {
  return {
    decode: value => {
      const given = value as TypedArray
      return given instanceof construct
        ? given
        : construct.from(given as ArrayLike<unknown> as ArrayLike<number>)
    },
    encode: value => {
      if (element === "byte" && value instanceof Uint8Array) return Int8Array.from(value)
      if (element === "ubyte" && value instanceof Int8Array) return Uint8Array.from(value)
      return value
    },
  }
}

const isEnumType = (type: FieldType | undefined): boolean =>
  type?.kind === "structure" && ["index", "choices"].every(name => type.members.some(m => m.name === name))

function describe({ value, choices }: PvaNative): string {
  if (value === undefined) return "a structure without a value"
  if (value.kind === "scalar") return `a scalar of type ${value.of}`
  if (value.kind === "scalar[]") return `an array of type ${value.of}`
  if (value.kind !== "structure") return `a value of kind ${value.kind}`
  if (isEnumType(value)) return `an enum of the labels ${choices.map(formatValue).join(", ") || "(none)"}`
  const members = value.members.map(({ name, type }) => `${name}: ${nameOf(type)}`)
  return `a structure of ${members.slice(0, 20).join(", ") || "nothing"}`
}
