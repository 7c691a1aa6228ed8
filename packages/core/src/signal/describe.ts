import type { ChoiceType } from "../datatypes/choice.ts"
import type { Datatype } from "../datatypes/datatype.ts"
import { rowsOf } from "../datatypes/table.ts"
import type { DataKey } from "../reading.ts"
import type { Metadata } from "./metadata.ts"

/** The data key of a signal, with the shape of its present value. */
export function dataKey<T>(
  source: string,
  datatype: Datatype<T>,
  metadata: Metadata,
  value: T | undefined,
): DataKey {
  const numpy = numpyType(datatype, metadata.dtypeNumpy)
  const counts = datatype.family === "numeric" && isIntegral(metadata.dtypeNumpy ?? "")
  const key: DataKey = { source, dtype: counts ? "integer" : datatype.dtype, shape: [] }
  if (datatype.dtype === "array") key.shape = [value === undefined ? null : lengthOf(datatype, value)]
  if (numpy !== null) key.dtype_numpy = numpy
  const { units, precision, limits } = metadata
  if (units !== undefined) key.units = units
  if (precision !== undefined) key.precision = precision
  if (limits !== undefined) key.limits = limits
  const choices =
    datatype.family === "choice"
      ? (metadata.choices ?? (datatype as Datatype<T> & ChoiceType<string>).labels)
      : undefined
  if (choices !== undefined) key.choices = [...choices]
  return key
}

const lengthOf = <T>({ family }: Datatype<T>, value: T): number =>
  family === "table"
    ? rowsOf(value as Record<string, ArrayLike<unknown>>)
    : (value as ArrayLike<unknown>).length

/**
 * The server's type tells the width of a number. All other values are what was declared, whatever carries them: text in an
 * array of characters is no array.
 */
function numpyType(
  { family, dtypeNumpy }: Datatype<unknown>,
  served: string | undefined,
): Datatype<unknown>["dtypeNumpy"] {
  const isNumber = family === "number" || family === "numeric"
  const isInteger = family === "integer" || family === "bigint"
  return served !== undefined && (isNumber || (isInteger && isIntegral(served))) ? served : dtypeNumpy
}

const isIntegral = (served: string): boolean => /[iu]\d$/.test(served)
