import { CaError } from "../errors.ts"
import { Dbr, type DbrBase } from "../wire/dbr-types.ts"
import type { DbrNumberArray } from "../wire/dbr-value.ts"
import { convert, emptyData, type NativeData, numberCast } from "./convert.ts"
import type { PvDefinition } from "./definition.ts"
import type { PvInput, ServedValue } from "./pv-options.ts"

/**
 * What the owner of a PV gives, as the server keeps it: a copy of an array, cast to the native type.
 *
 * @throws CaError BAD_INPUT when it is of another kind than the PV, or too long.
 */
export function toNative(name: string, definition: PvDefinition, input: PvInput): NativeData {
  const { base, isArray, maxCount } = definition
  if (!isArray) return [scalar(name, definition, input)] as NativeData
  if (typeof input === "number" || typeof input === "string") {
    return toNative(name, definition, [input] as PvInput)
  }
  if (input.length > maxCount) {
    throw new CaError("BAD_INPUT", `${name}: ${input.length} elements, at most ${maxCount} fit`)
  }
  const result = emptyData(base, input.length)
  if (ArrayBuffer.isView(input) && input.constructor === result.constructor) {
    const numbers = result as DbrNumberArray
    numbers.set(input as unknown as DbrNumberArray)
    return numbers
  }
  for (let i = 0; i < input.length; i++) result[i] = scalar(name, definition, input[i]!)
  return result
}

function scalar(name: string, definition: PvDefinition, input: PvInput): number | string {
  const { base } = definition
  if (base === Dbr.STRING) {
    if (typeof input === "string") return input
  } else if (typeof input === "number") {
    return scalarCasts[base](input)
  } else if (base === Dbr.ENUM && typeof input === "string") {
    const index = definition.enumStrings.indexOf(input)
    if (index >= 0) return index
    throw new CaError(
      "BAD_INPUT",
      `${name}: "${input}" is none of its states ${definition.enumStrings.join(", ")}`,
    )
  }
  const wanted = base === Dbr.STRING ? "a string" : "a number"
  throw new CaError("BAD_INPUT", `${name}: expected ${wanted}, got ${typeof input}`)
}

const integer = numberCast(Dbr.LONG)

/** What an element of a typed array would make of a number, without the array. */
const scalarCasts: Readonly<Record<DbrBase, (value: number) => number>> = {
  [Dbr.STRING]: value => value,
  [Dbr.SHORT]: value => (integer(value) << 16) >> 16,
  [Dbr.FLOAT]: value => Math.fround(numberCast(Dbr.FLOAT)(value)),
  [Dbr.ENUM]: value => integer(value) & 0xffff,
  [Dbr.CHAR]: value => integer(value) & 0xff,
  [Dbr.LONG]: integer,
  [Dbr.DOUBLE]: value => value,
}

/**
 * What a client wrote, as the server keeps it. Elements beyond the maximum are left out, as an IOC does. Undefined
 * when nothing is left to write: no element for a scalar.
 *
 * @throws CaError BAD_INPUT when it cannot be converted or names a state that does not exist.
 */
export function acceptWritten(
  definition: PvDefinition,
  data: NativeData,
  from: DbrBase,
): NativeData | undefined {
  const { base, isArray, maxCount, enumStrings } = definition
  const wanted = isArray ? maxCount : 1
  const kept = (data.length > wanted ? data.slice(0, wanted) : data) as NativeData
  if (kept.length === 0 && !isArray) return undefined
  const native = convert(kept, from, base, definition)
  if (base === Dbr.ENUM && enumStrings.length > 0) {
    for (const index of native as Iterable<number>) {
      if (index >= enumStrings.length) {
        throw new CaError(
          "BAD_INPUT",
          `${index} is not the number of a state, there are ${enumStrings.length}`,
        )
      }
    }
  }
  return isArray ? native : ([native[0]] as NativeData)
}

/** Characters that a client wrote to the `$` form of a string. */
export function acceptCharacters(bytes: Uint8Array): string[] {
  const end = bytes.indexOf(0)
  return [new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))]
}

/** What users of a PV see of it. Arrays are not copied. */
export const toPublic = (definition: PvDefinition, data: NativeData): ServedValue =>
  definition.isArray ? (data as ServedValue) : (data[0] as number | string)
