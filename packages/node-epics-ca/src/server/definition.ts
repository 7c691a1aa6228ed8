import { CaError } from "../errors.ts"
import { Dbr, type DbrBase, ENUM_STRING_SIZE, MAX_ENUM_STATES, STRING_SIZE } from "../wire/dbr-types.ts"
import type { DbrMetadata } from "../wire/dbr-value.ts"
import { textBytes } from "../wire/text.ts"
import type { ConversionContext } from "./convert.ts"
import type { PvLimits, PvMetadata, PvType } from "./pv-options.ts"

/** DBR number of a type's name. */
export const baseOfType: Readonly<Record<PvType, DbrBase>> = {
  string: Dbr.STRING,
  short: Dbr.SHORT,
  float: Dbr.FLOAT,
  enum: Dbr.ENUM,
  char: Dbr.CHAR,
  long: Dbr.LONG,
  double: Dbr.DOUBLE,
}

const recordTypes: Readonly<Record<PvType, string>> = {
  string: "stringout",
  short: "longout",
  float: "ao",
  enum: "mbbo",
  char: "longout",
  long: "longout",
  double: "ao",
}

/** Digits of a number that is written to a string. */
const TEXT_DIGITS = 6

/** All about a PV but its value; replaced as a whole when metadata changes. */
export interface PvDefinition extends ConversionContext {
  readonly base: DbrBase
  /** Arrays have a length of their own, scalars always have one element. */
  readonly isArray: boolean
  readonly maxCount: number
  readonly maxLength: number
  readonly recordType: string
  readonly source: PvMetadata
  /** The same, as GR and CTRL payloads want it. */
  readonly metadata: DbrMetadata
}

interface DefinitionOptions extends PvMetadata {
  readonly type: PvType
  readonly maxCount?: number
  readonly maxLength?: number
  readonly recordType?: string
}

/** @throws CaError BAD_INPUT naming the PV and the option that cannot be served. */
export function definePv(name: string, options: DefinitionOptions, length: number | undefined): PvDefinition {
  const base = baseOfType[options.type]
  if (base === undefined) throw new CaError("BAD_INPUT", `${name}: there is no type "${options.type}"`)
  const isArray = length !== undefined || (options.maxCount ?? 1) > 1
  const maxCount = options.maxCount ?? Math.max(1, length ?? 1)
  if (!Number.isInteger(maxCount) || maxCount < 1 || maxCount < (length ?? 1)) {
    throw new CaError(
      "BAD_INPUT",
      `${name}: a maximum count of ${maxCount} does not hold ${length ?? 1} elements`,
    )
  }
  return {
    base,
    isArray,
    maxCount,
    maxLength: Math.max(1, options.maxLength ?? STRING_SIZE),
    recordType: options.recordType ?? (isArray ? "waveform" : recordTypes[options.type]),
    ...describe(name, base, options),
  }
}

/** The same PV with other metadata; options that are absent stay as they are. */
export function redefine(name: string, definition: PvDefinition, changes: PvMetadata): PvDefinition {
  const source = {
    ...definition.source,
    ...changes,
    limits: { ...definition.source.limits, ...changes.limits },
  }
  return { ...definition, ...describe(name, definition.base, source) }
}

function describe(
  name: string,
  base: DbrBase,
  options: PvMetadata,
): Pick<PvDefinition, "precision" | "enumStrings" | "source" | "metadata"> {
  const { units = "", precision = 0, limits = {}, enumStrings = [] } = options
  if (!Number.isInteger(precision) || precision < 0 || precision > 32767) {
    throw new CaError("BAD_INPUT", `${name}: a precision of ${precision} is not a number of digits`)
  }
  if (enumStrings.length > MAX_ENUM_STATES) {
    throw new CaError(
      "BAD_INPUT",
      `${name}: ${enumStrings.length} states, Channel Access carries ${MAX_ENUM_STATES}`,
    )
  }
  const long = enumStrings.find(text => textBytes(text) >= ENUM_STRING_SIZE)
  if (long !== undefined) {
    throw new CaError(
      "BAD_INPUT",
      `${name}: the state "${long}" is longer than ${ENUM_STRING_SIZE - 1} bytes`,
    )
  }
  const given = options.precision === undefined ? {} : { precision }
  const source = { units, ...given, limits, enumStrings: [...enumStrings] }
  const metadata = { units, precision, enumStrings: source.enumStrings, ...wireLimits(limits) }
  const digits = base === Dbr.STRING ? (options.precision ?? TEXT_DIGITS) : precision
  return { precision: digits, enumStrings: source.enumStrings, source, metadata }
}

function wireLimits(limits: PvLimits): DbrMetadata {
  const unset = [Number.NaN, Number.NaN] as const
  const [lowerDisplayLimit, upperDisplayLimit] = limits.display ?? [0, 0]
  const [lowerControlLimit, upperControlLimit] = limits.control ?? limits.display ?? [0, 0]
  const [lowerWarningLimit, upperWarningLimit] = limits.warning ?? unset
  const [lowerAlarmLimit, upperAlarmLimit] = limits.alarm ?? unset
  return {
    lowerDisplayLimit,
    upperDisplayLimit,
    lowerControlLimit,
    upperControlLimit,
    lowerWarningLimit,
    upperWarningLimit,
    lowerAlarmLimit,
    upperAlarmLimit,
  }
}
