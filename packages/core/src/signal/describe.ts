import type { ChoiceType } from "../datatypes/choice.ts"
import type { Datatype } from "../datatypes/datatype.ts"
import type { DataKey } from "../reading.ts"
import type { Metadata } from "./metadata.ts"

/** The data key of a signal, with the shape of its present value. */
export function dataKey<T>(
  source: string,
  datatype: Datatype<T>,
  metadata: Metadata,
  value: T | undefined,
): DataKey {
  const key: DataKey = { source, dtype: datatype.dtype, shape: [] }
  if (datatype.dtype === "array") key.shape = [(value as ArrayLike<unknown> | undefined)?.length ?? null]
  const numpy = metadata.dtypeNumpy ?? datatype.dtypeNumpy
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
