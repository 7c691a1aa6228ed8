import {
  type ArrayType,
  type ChoiceType,
  type Datatype,
  formatValue,
  labelMismatch,
  type Metadata,
  ValueError,
} from "@ophyd-ts/core"
import type { CaPresentation, CaPutValue, CaTypeName, DbrValue } from "node-epics-ca"

/** What a connected channel is on its server. */
export interface NativeType {
  readonly type: CaTypeName
  /** Elements it can hold; 1 is a scalar. */
  readonly count: number
  readonly metadata: Metadata
}

/** How the values of one channel travel. */
export interface Conversion<T> {
  readonly request: CaPresentation
  decode(value: DbrValue, metadata: Metadata): T
  encode(value: T, metadata: Metadata): CaPutValue
}

/** Array-protocol types of the native types that are numbers. */
export const numpyTypes: Partial<Record<CaTypeName, string>> = {
  char: "|u1",
  short: "<i2",
  long: "<i4",
  float: "<f4",
  double: "<f8",
}

/** Native types whose elements fit a typed array, beyond the one of the same name: rsrv has no unsigned and no 64-bit types. */
const carriers: Record<string, readonly CaTypeName[]> = {
  float64Array: ["double"],
  float32Array: ["float"],
  int32Array: ["long"],
  uint32Array: ["long", "double"],
  int16Array: ["short"],
  uint16Array: ["enum", "short", "long"],
  int8Array: ["char"],
  uint8Array: ["char"],
  int64Array: ["double"],
  uint64Array: ["double"],
}

/** Native type, all elements. */
export const plainRequest: CaPresentation = {}

const plain: Conversion<unknown> = {
  request: plainRequest,
  decode: value => value,
  encode: value => value as CaPutValue,
}

/** The conversion between a declared type and what the server has; as text, why there is none. */
export function conversion<T>(datatype: Datatype<T>, native: NativeType): Conversion<T> | string {
  const found = pick(datatype as Datatype<unknown>, native)
  if (found === null) return `declared ${datatype.label}, the server has ${describe(native)}`
  return found as Conversion<T> | string
}

function pick(datatype: Datatype<unknown>, native: NativeType): Conversion<unknown> | string | null {
  const { type, count, metadata } = native
  const scalar = count === 1
  switch (datatype.family) {
    case "number":
      return scalar && (type === "double" || type === "float") ? plain : null
    case "numeric":
      return scalar && type !== "string" && type !== "enum" ? plain : null
    case "integer":
      return scalar && isInteger(native) ? plain : null
    case "bigint":
      return scalar && isInteger(native) ? big : null
    case "boolean":
      if (!scalar) return null
      if (type === "enum") return (metadata.choices?.length ?? 0) <= 2 ? flag : null
      return isInteger(native) ? flag : null
    case "string":
      if (type === "char" && !scalar) return longText
      if (!scalar) return null
      return type === "string" ? plain : type === "enum" ? label : null
    case "choice":
      if (!scalar || type !== "enum") return null
      return (
        labelMismatch(datatype as Datatype<unknown> & ChoiceType<string>, metadata.choices ?? []) ?? label
      )
    case "array":
      if (!(carriers[datatype.label] ?? []).includes(type)) return null
      return array(datatype as Datatype<unknown> & ArrayType<Float64Array>)
    case "strings":
      return type === "string" ? strings : null
    case "table":
      return null
  }
}

/** Integers wider than 32 bits come as a double without digits after the point. */
const isInteger = ({ type, metadata }: NativeType): boolean =>
  type === "char" || type === "short" || type === "long" || (type === "double" && metadata.precision === 0)

const big: Conversion<bigint> = {
  request: plainRequest,
  decode: value => BigInt(Math.trunc(value as number)),
  encode: value => value,
}

const flag: Conversion<boolean> = {
  request: plainRequest,
  decode: value => value !== 0,
  encode: value => (value ? 1 : 0),
}

const longText: Conversion<string> = {
  request: { text: true },
  decode: value => value as string,
  encode: value => value,
}

/** An enum by its labels. A state without a label shows as its number. */
const label: Conversion<string> = {
  request: plainRequest,
  decode: (value, { choices }) => choices?.[value as number] ?? String(value),
  encode: (value, { choices }) => {
    const index = choices?.indexOf(value) ?? -1
    if (index >= 0) return index
    throw new ValueError(
      `${formatValue(value)} is none of the server's labels ${choices?.map(formatValue).join(", ")}`,
    )
  },
}

const strings: Conversion<readonly string[]> = {
  request: plainRequest,
  decode: value => (Array.isArray(value) ? value : [value as string]),
  encode: value => value,
}

function array({ construct }: ArrayType<Float64Array>): Conversion<Float64Array> {
  // Written once for all typed arrays: which one it is, only `construct` knows.
  const isBig = construct.name.startsWith("Big")
  const from = (values: ArrayLike<number>) =>
    construct.from(isBig ? (Array.from(values, BigInt) as unknown as number[]) : values)
  return {
    request: plainRequest,
    decode: value => {
      if (value instanceof construct) return value
      return from(typeof value === "number" ? [value] : (value as ArrayLike<number>))
    },
    encode: value => (isBig ? Float64Array.from(value as ArrayLike<number>, Number) : value),
  }
}

function describe({ type, count, metadata }: NativeType): string {
  const labels =
    type === "enum"
      ? ` of the labels ${(metadata.choices ?? []).map(formatValue).join(", ") || "(none)"}`
      : ""
  return `${count === 1 ? `${type === "enum" ? "an" : "a"} ${type}` : `an array of up to ${count} ${type}`}${labels}`
}
