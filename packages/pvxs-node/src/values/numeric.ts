import { PvaInputError } from "../errors.ts"
import type { Reader } from "../wire/reader.ts"
import type { Writer } from "../wire/writer.ts"
import type { ScalarName } from "./field-type.ts"

/** Scalars that have a fixed size, hence typed arrays. */
export type NumericName = Exclude<ScalarName, "string">

export type TypedArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array

interface Numeric {
  readonly bytes: 1 | 2 | 4 | 8
  readonly array: new (source: ArrayBuffer | number, at?: number, length?: number) => TypedArray
  /** Bounds of the integers; absent for floats. */
  readonly range?: readonly [min: number | bigint, max: number | bigint]
}

const signed = (bits: number): readonly [number, number] => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
const unsigned = (bits: number): readonly [number, number] => [0, 2 ** bits - 1]

export const numeric: Readonly<Record<NumericName, Numeric>> = {
  boolean: { bytes: 1, array: Uint8Array, range: [0, 1] },
  byte: { bytes: 1, array: Int8Array, range: signed(8) },
  short: { bytes: 2, array: Int16Array, range: signed(16) },
  int: { bytes: 4, array: Int32Array, range: signed(32) },
  long: { bytes: 8, array: BigInt64Array, range: [-(2n ** 63n), 2n ** 63n - 1n] },
  ubyte: { bytes: 1, array: Uint8Array, range: unsigned(8) },
  ushort: { bytes: 2, array: Uint16Array, range: unsigned(16) },
  uint: { bytes: 4, array: Uint32Array, range: unsigned(32) },
  ulong: { bytes: 8, array: BigUint64Array, range: [0n, 2n ** 64n - 1n] },
  float: { bytes: 4, array: Float32Array },
  double: { bytes: 8, array: Float64Array },
}

const hostIsLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Arrays below this are always copied out of their message. */
const worthKeeping = 16_384

/**
 * `n` elements as an aligned array in host order that nobody else has: a copy, or, where one array makes up most of a
 * message that belongs to it alone, the memory the message was received in.
 */
export function readNumbers(reader: Reader, name: NumericName, n: number): TypedArray {
  const { bytes, array } = numeric[name]
  const length = n * bytes
  const at = reader.take(length)
  const start = reader.bytes.byteOffset + at
  let values: TypedArray
  if (reader.owned && length >= worthKeeping && 2 * length > reader.bytes.length && start % bytes === 0) {
    values = new array(reader.bytes.buffer as ArrayBuffer, start, n)
    reader.kept = reader.bytes.buffer
  } else {
    if (reader.owned && length >= worthKeeping) reader.misaligned = (bytes - (start % bytes)) % bytes
    values = new array(reader.bytes.buffer.slice(start, start + length) as ArrayBuffer)
  }
  if (bytes > 1 && reader.little !== hostIsLittle) swapBytes(values.buffer, values.byteOffset, length, bytes)
  if (name === "boolean") for (let i = 0; i < n; i++) if (values[i] !== 0) values[i] = 1
  return values
}

export function writeNumbers(writer: Writer, name: NumericName, values: TypedArray): void {
  const { bytes } = numeric[name]
  const at = writer.room(values.byteLength)
  writer.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
  if (bytes > 1 && writer.little !== hostIsLittle) {
    const written = writer.bytes.subarray(at, at + values.byteLength)
    const swapped = written.slice()
    swapBytes(swapped.buffer, 0, swapped.length, bytes)
    written.set(swapped)
  }
}

function swapBytes(buffer: ArrayBufferLike, at: number, length: number, bytes: number): void {
  if (bytes === 2) {
    const v = new Uint16Array(buffer, at, length / 2)
    for (let i = 0; i < v.length; i++) v[i] = (v[i]! << 8) | (v[i]! >>> 8)
    return
  }
  const v = new Uint32Array(buffer, at, length / 4)
  for (let i = 0; i < v.length; i++) {
    const x = v[i]!
    v[i] = (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)
  }
  if (bytes === 4) return
  for (let i = 0; i < v.length; i += 2) {
    const x = v[i]!
    v[i] = v[i + 1]!
    v[i + 1] = x
  }
}

/** A single integer or float that fits the type, or a PvaInputError that names the field. */
export function checkNumber(name: NumericName, input: unknown, path: string): number | bigint {
  const { range, bytes } = numeric[name]
  if (range === undefined) {
    if (typeof input === "number") return input
    throw new PvaInputError(`${path} is a ${name}; it takes a number, not ${show(input)}`)
  }
  const isInteger = typeof input === "bigint" || (typeof input === "number" && Number.isInteger(input))
  if (!isInteger) throw new PvaInputError(`${path} is a ${name}; it takes an integer, not ${show(input)}`)
  if (input < range[0] || input > range[1]) {
    throw new PvaInputError(`${path} is a ${name}, from ${range[0]} to ${range[1]}; ${input} does not fit`)
  }
  if (bytes < 8) return Number(input)
  return Number.isSafeInteger(Number(input)) ? Number(input) : BigInt(input)
}

/** A typed array of the right kind: the given one when it fits already, otherwise a checked copy. */
export function checkNumbers(name: NumericName, input: unknown, path: string): TypedArray {
  const { array, bytes, range } = numeric[name]
  if (input instanceof array && name !== "boolean") return input
  if (typeof input !== "object" || input === null || !("length" in input)) {
    throw new PvaInputError(
      `${path} is an array of ${name}; it takes a typed array or a list, not ${show(input)}`,
    )
  }
  const list = input as ArrayLike<unknown>
  const out = new array(list.length)
  for (let i = 0; i < list.length; i++) {
    const element = typeof list[i] === "boolean" && name === "boolean" ? Number(list[i]) : list[i]
    const value = checkNumber(name, element, `${path}[${i}]`)
    out[i] = bytes === 8 && range !== undefined ? BigInt(value) : value
  }
  return out
}

/** An input in a message: short, and of any kind. */
export const show = (input: unknown): string => {
  if (typeof input === "string") return JSON.stringify(input.length > 40 ? `${input.slice(0, 40)}…` : input)
  if (typeof input === "object" && input !== null) return Array.isArray(input) ? "a list" : "an object"
  return String(input)
}
