import { CaError } from "../errors.ts"
import { Dbr, type DbrBase, dbrName, STRING_SIZE } from "../wire/dbr-types.ts"
import type { DbrSource } from "../wire/dbr-value.ts"
import { textBytes } from "../wire/text.ts"

/** What can be written: numbers, text, and arrays of either. Booleans are 0 and 1. */
export type CaPutValue =
  | number
  | bigint
  | boolean
  | string
  | readonly number[]
  | readonly bigint[]
  | readonly boolean[]
  | readonly string[]
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

/** A value ready for the wire. */
export interface PreparedPut {
  type: DbrBase
  count: number
  value: DbrSource["value"]
}

const ranges: Partial<Record<DbrBase, readonly [number, number]>> = {
  [Dbr.SHORT]: [-32768, 32767],
  [Dbr.ENUM]: [0, 65535],
  [Dbr.CHAR]: [-128, 255],
  [Dbr.LONG]: [-2147483648, 2147483647],
}

/**
 * Chooses type and count for a value written to a channel of native type `native` with room for `maxCount` elements.
 * Throws BAD_INPUT, before anything is sent, for what the channel can not hold: text as a label or number goes to the server as
 * text; numbers must be in the native type's range.
 */
export function preparePut(name: string, native: DbrBase, maxCount: number, value: CaPutValue): PreparedPut {
  if (typeof value === "string") {
    return native === Dbr.CHAR && maxCount > 1
      ? longString(name, maxCount, value)
      : { type: Dbr.STRING, count: 1, value: shortString(name, value) }
  }
  if (typeof value !== "object") {
    if (native === Dbr.STRING)
      return { type: native, count: 1, value: shortString(name, scalarText(name, value)) }
    return { type: native, count: 1, value: number(name, native, value) }
  }
  if (value === null || !(Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value))) {
    throw bad(name, "the value is no number, text, or array of either")
  }
  const array = value as ArrayLike<number | bigint | boolean | string>
  if (array.length > maxCount) {
    throw bad(name, `the value has ${array.length} elements, the channel holds ${maxCount}`)
  }
  const count = array.length
  if (native === Dbr.STRING || (count > 0 && typeof array[0] === "string")) {
    const texts = Array.from(array, each =>
      shortString(name, typeof each === "string" ? each : scalarText(name, each)),
    )
    return { type: Dbr.STRING, count, value: texts }
  }
  if (fits(native, value)) return { type: native, count, value: value as ArrayLike<number> }
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i += 1) numbers[i] = number(name, native, array[i])
  return { type: native, count, value: numbers }
}

/** Typed arrays whose every element the native type holds. */
function fits(native: DbrBase, value: unknown): boolean {
  switch (native) {
    case Dbr.DOUBLE:
      return ArrayBuffer.isView(value)
    case Dbr.FLOAT:
      return value instanceof Float32Array
    case Dbr.LONG:
      return (
        value instanceof Int32Array ||
        value instanceof Int16Array ||
        value instanceof Uint16Array ||
        value instanceof Uint8Array ||
        value instanceof Int8Array
      )
    case Dbr.SHORT:
      return value instanceof Int16Array || value instanceof Uint8Array || value instanceof Int8Array
    case Dbr.ENUM:
      return value instanceof Uint16Array || value instanceof Uint8Array
    case Dbr.CHAR:
      return value instanceof Uint8Array || value instanceof Int8Array
    default:
      return false
  }
}

function number(name: string, native: DbrBase, value: unknown): number {
  const found = typeof value === "bigint" || typeof value === "boolean" ? Number(value) : value
  if (typeof found !== "number") throw bad(name, `${describe(value)} is no number`)
  if (typeof value === "bigint" && BigInt(found) !== value) throw bad(name, `${value} has no exact double`)
  const range = ranges[native]
  if (range !== undefined && !(Number.isInteger(found) && found >= range[0] && found <= range[1])) {
    throw bad(name, `${found} is no integer from ${range[0]} to ${range[1]}, as ${dbrName(native)} needs`)
  }
  return found
}

function scalarText(name: string, value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value)
  if (typeof value === "boolean") return value ? "1" : "0"
  throw bad(name, `${describe(value)} is neither text nor number`)
}

function shortString(name: string, text: string): string {
  const bytes = textBytes(text)
  if (bytes >= STRING_SIZE) {
    throw bad(
      name,
      `text of ${bytes} bytes, a string holds ${STRING_SIZE - 1} (the field's long form is NAME.FIELD$)`,
    )
  }
  if (text.includes("\0")) throw bad(name, "text contains a NUL")
  return text
}

function longString(name: string, maxCount: number, text: string): PreparedPut {
  const bytes = new TextEncoder().encode(`${text}\0`)
  if (bytes.length > maxCount)
    throw bad(name, `text of ${bytes.length - 1} bytes, the channel holds ${maxCount - 1}`)
  return { type: Dbr.CHAR, count: bytes.length, value: bytes }
}

const describe = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value)

const bad = (name: string, why: string): CaError =>
  new CaError("BAD_INPUT", `can not write to ${name}: ${why}`)
