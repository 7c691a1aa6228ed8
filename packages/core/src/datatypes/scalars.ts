import { ValueError } from "../errors.ts"
import { formatValue } from "../format.ts"
import type { Datatype } from "./datatype.ts"

const refuse = (who: string, value: unknown, expected: string): never => {
  throw new ValueError(`${who}: ${formatValue(value)} is not ${expected}`)
}

const real = (label: string, dtypeNumpy: string): Datatype<number> => ({
  family: "number",
  label,
  dtype: "number",
  dtypeNumpy,
  initial: 0,
  check: (value, who) => (typeof value === "number" ? value : refuse(who, value, "a number")),
  equal: Object.is,
})

/** A 64-bit floating point number. */
export const double = real("double", "<f8")
/** A 32-bit floating point number. */
export const float = real("float", "<f4")

/**
 * A number of whatever type the server has, integer or not: for fields whose type differs between versions of a
 * record, and for counters, which Channel Access carries as integers or as doubles depending on their width.
 */
export const number: Datatype<number> = { ...real("number", "<f8"), family: "numeric" }

/** An integer of a stated range, and what backends need to know about it. */
export interface IntegerType extends Datatype<number> {
  readonly low: number
  readonly high: number
}

const whole = (label: string, dtypeNumpy: string, low: number, high: number): IntegerType => ({
  family: "integer",
  label,
  dtype: "integer",
  dtypeNumpy,
  initial: 0,
  low,
  high,
  check: (value, who) =>
    typeof value === "number" && Number.isInteger(value) && value >= low && value <= high
      ? value
      : refuse(who, value, `an integer from ${low} to ${high}`),
  equal: (a, b) => a === b,
})

/** Any integer that a number holds exactly, whatever its width on the server. */
export const integer = whole("integer", "<i8", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
export const int8 = whole("int8", "|i1", -(2 ** 7), 2 ** 7 - 1)
export const uint8 = whole("uint8", "|u1", 0, 2 ** 8 - 1)
export const int16 = whole("int16", "<i2", -(2 ** 15), 2 ** 15 - 1)
export const uint16 = whole("uint16", "<u2", 0, 2 ** 16 - 1)
export const int32 = whole("int32", "<i4", -(2 ** 31), 2 ** 31 - 1)
export const uint32 = whole("uint32", "<u4", 0, 2 ** 32 - 1)

const big = (label: string, dtypeNumpy: string, low: bigint, high: bigint): Datatype<bigint> => ({
  family: "bigint",
  label,
  dtype: "integer",
  dtypeNumpy,
  initial: 0n,
  check: (value, who) =>
    typeof value === "bigint" && value >= low && value <= high
      ? value
      : refuse(who, value, `a bigint from ${low} to ${high}`),
  equal: (a, b) => a === b,
})

/** A 64-bit integer, exact: its values are `bigint`. */
export const int64 = big("int64", "<i8", -(2n ** 63n), 2n ** 63n - 1n)
export const uint64 = big("uint64", "<u8", 0n, 2n ** 64n - 1n)

/** True or false; on a server an integer or a choice of two labels. */
export const boolean: Datatype<boolean> = {
  family: "boolean",
  label: "boolean",
  dtype: "boolean",
  dtypeNumpy: "|b1",
  initial: false,
  check: (value, who) => (typeof value === "boolean" ? value : refuse(who, value, "true or false")),
  equal: (a, b) => a === b,
}

/** Text of any length; on a server a string, a character array, or a choice read by its label. */
export const string: Datatype<string> = {
  family: "string",
  label: "string",
  dtype: "string",
  dtypeNumpy: null,
  initial: "",
  check: (value, who) => (typeof value === "string" ? value : refuse(who, value, "a string")),
  equal: (a, b) => a === b,
}
