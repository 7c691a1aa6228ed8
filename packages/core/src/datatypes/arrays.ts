import { ValueError } from "../errors.ts"
import { formatValue } from "../format.ts"
import type { Datatype } from "./datatype.ts"

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

interface TypedArrayConstructor<A extends TypedArray> {
  new (length: number): A
  from(values: ArrayLike<A[number]>): A
  readonly name: string
}

/** A one-dimensional array of numbers. */
export interface ArrayType<A extends TypedArray> extends Datatype<A> {
  readonly family: "array"
  readonly construct: TypedArrayConstructor<A>
}

function sameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

function array<A extends TypedArray>(construct: TypedArrayConstructor<A>, dtypeNumpy: string): ArrayType<A> {
  const { name } = construct
  const element = name.startsWith("Big") ? "bigint" : "number"
  const isReal = name.startsWith("Float")
  const short = name.replace("Big", "")
  const label = `${short.charAt(0).toLowerCase()}${short.slice(1)}`
  return {
    family: "array",
    label,
    dtype: "array",
    dtypeNumpy,
    initial: new construct(0),
    construct,
    check: (value, who) => {
      if (value instanceof construct) return value as A
      if (!Array.isArray(value) || value.some(v => typeof v !== element))
        throw new ValueError(`${who}: ${formatValue(value)} is not a ${name}`)
      const made = construct.from(value as A[number][])
      // Integers that do not fit would come out as others.
      const odd = isReal ? -1 : value.findIndex((v, i) => v !== made[i])
      if (odd < 0) return made
      throw new ValueError(`${who}: element ${odd} is ${formatValue(value[odd])}, which no ${name} holds`)
    },
    equal: sameElements,
  }
}

export const int8Array: ArrayType<Int8Array> = array<Int8Array>(Int8Array, "|i1")
export const uint8Array: ArrayType<Uint8Array> = array<Uint8Array>(Uint8Array, "|u1")
export const int16Array: ArrayType<Int16Array> = array<Int16Array>(Int16Array, "<i2")
export const uint16Array: ArrayType<Uint16Array> = array<Uint16Array>(Uint16Array, "<u2")
export const int32Array: ArrayType<Int32Array> = array<Int32Array>(Int32Array, "<i4")
export const uint32Array: ArrayType<Uint32Array> = array<Uint32Array>(Uint32Array, "<u4")
export const float32Array: ArrayType<Float32Array> = array<Float32Array>(Float32Array, "<f4")
export const float64Array: ArrayType<Float64Array> = array<Float64Array>(Float64Array, "<f8")
export const int64Array: ArrayType<BigInt64Array> = array<BigInt64Array>(BigInt64Array, "<i8")
export const uint64Array: ArrayType<BigUint64Array> = array<BigUint64Array>(BigUint64Array, "<u8")

/** A list of texts. */
export const stringArray: Datatype<readonly string[]> = {
  family: "strings",
  label: "stringArray",
  dtype: "array",
  dtypeNumpy: null,
  initial: [],
  check: (value, who) => {
    if (Array.isArray(value) && value.every(v => typeof v === "string")) return value
    throw new ValueError(`${who}: ${formatValue(value)} is not a list of strings`)
  },
  equal: sameElements,
}
