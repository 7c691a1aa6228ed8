import { CaError } from "../errors.ts"
import { Dbr, type DbrBase } from "../wire/dbr-types.ts"
import type { DbrNumberArray } from "../wire/dbr-value.ts"
import { doubleText, floatText, parseFloating, parseInteger } from "./text-number.ts"

/** The elements of a value as the server keeps them: a typed array, `[number]` for a scalar, or strings. */
export type NativeData = DbrNumberArray | number[] | string[]

/** What a conversion needs to know about the PV. */
export interface ConversionContext {
  /** Digits after the point when a floating-point number becomes text. */
  readonly precision: number
  /** Texts of an enum's states. */
  readonly enumStrings: readonly string[]
  /** An array takes no empty text for a number, a scalar does. */
  readonly isArray: boolean
}

/** What an enum that points outside its states reads as. */
export const ILLEGAL_VALUE = "Illegal Value"

/** An array of a native type with room for `length` elements, all zero. */
export function emptyData(type: DbrBase, length: number): NativeData {
  switch (type) {
    case Dbr.STRING:
      return new Array<string>(length).fill("")
    case Dbr.SHORT:
      return new Int16Array(length)
    case Dbr.FLOAT:
      return new Float32Array(length)
    case Dbr.ENUM:
      return new Uint16Array(length)
    case Dbr.CHAR:
      return new Uint8Array(length)
    case Dbr.LONG:
      return new Int32Array(length)
    case Dbr.DOUBLE:
      return new Float64Array(length)
  }
}

/**
 * Elements of one native type as another, with the results a C IOC gives: integers are cut and wrap, numbers beyond
 * a long become its minimum, doubles are limited to the range of a float. Data of the wanted type is returned as it is.
 *
 * @throws CaError with code BAD_INPUT when a text is not a number or not a state.
 */
export function convert(
  data: NativeData,
  from: DbrBase,
  to: DbrBase,
  context: ConversionContext,
): NativeData {
  if (from === to) return data
  if (from === Dbr.STRING) return fromStrings(data as readonly string[], to, context)
  const numbers = data as DbrNumberArray | number[]
  if (to === Dbr.STRING) return toStrings(numbers, from, context)
  const result = emptyData(to, numbers.length) as DbrNumberArray
  const cast = numberCast(to)
  for (let i = 0; i < numbers.length; i++) result[i] = cast(numbers[i]!)
  return result
}

/** How a number becomes a number of another type: a function from any number to one that the typed array keeps. */
export function numberCast(to: DbrBase): (value: number) => number {
  if (to === Dbr.DOUBLE) return value => value
  if (to === Dbr.FLOAT) return toFloat
  return toInteger
}

const longLimit = 2 ** 31

/** C's cast through a 32-bit integer; narrower arrays then keep the low bits. */
function toInteger(value: number): number {
  const whole = Math.trunc(value)
  return whole >= -longLimit && whole < longLimit ? whole : -longLimit
}

const FLOAT_MAX = 3.4028234663852886e38
const FLOAT_MIN = 1.1754943508222875e-38

/** Finite doubles stay finite and non-zero ones stay non-zero. */
function toFloat(value: number): number {
  const magnitude = Math.abs(value)
  if (magnitude >= FLOAT_MAX && magnitude !== Number.POSITIVE_INFINITY) return Math.sign(value) * FLOAT_MAX
  if (magnitude > 0 && magnitude <= FLOAT_MIN) return Math.sign(value) * FLOAT_MIN
  return value
}

function toStrings(numbers: ArrayLike<number>, from: DbrBase, context: ConversionContext): string[] {
  return Array.from(numbers, textOf(from, context))
}

function textOf(from: DbrBase, { precision, enumStrings }: ConversionContext): (value: number) => string {
  if (from === Dbr.DOUBLE) return value => doubleText(value, precision)
  if (from === Dbr.FLOAT) return value => floatText(value, precision)
  if (from === Dbr.ENUM && enumStrings.length > 0) return value => enumStrings[value] ?? ILLEGAL_VALUE
  return String
}

/** Bounds of what may be written as text. Narrow unsigned types take negative numbers too and wrap, as in an IOC. */
const bounds: Record<number, readonly [lowest: number, highest: number]> = {
  [Dbr.SHORT]: [-32768, 32767],
  [Dbr.CHAR]: [-255, 255],
  [Dbr.LONG]: [-longLimit, longLimit - 1],
  [Dbr.ENUM]: [0, 65535],
}

function fromStrings(texts: readonly string[], to: DbrBase, context: ConversionContext): NativeData {
  const result = emptyData(to, texts.length) as DbrNumberArray
  const cast = numberCast(to)
  for (let i = 0; i < texts.length; i++) {
    result[i] = cast(to === Dbr.ENUM ? stateOf(texts[i]!, context) : numberOf(texts[i]!, to, context.isArray))
  }
  return result
}

function numberOf(text: string, to: DbrBase, isArray: boolean): number {
  if (!isArray && text === "") return 0
  const [lowest, highest] = bounds[to] ?? [0, 0]
  const value =
    to === Dbr.DOUBLE || to === Dbr.FLOAT ? parseFloating(text) : parseInteger(text, lowest, highest)
  if (value === undefined) throw new CaError("BAD_INPUT", `"${text}" is not a number of the channel's type`)
  return value
}

/** A state's text, else its decimal number. */
function stateOf(text: string, { enumStrings }: ConversionContext): number {
  const named = enumStrings.indexOf(text)
  if (named >= 0) return named
  const highest = enumStrings.length > 0 ? enumStrings.length - 1 : 65535
  const index = parseInteger(text, 0, highest)
  if (index !== undefined) return index
  const states = enumStrings.map(state => `"${state}"`).join(", ")
  throw new CaError("BAD_INPUT", `"${text}" is neither a state (${states}) nor the number of one`)
}
