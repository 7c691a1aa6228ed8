import type { DataKey, Dtype } from "../reading.ts"
import type { Metadata } from "../signal/metadata.ts"

/** Which values a datatype has, for backends that convert from the wire. */
export type Family =
  | "number"
  | "numeric"
  | "integer"
  | "bigint"
  | "boolean"
  | "string"
  | "choice"
  | "array"
  | "strings"
  | "table"

/**
 * What a signal's value is: the TypeScript type `T`, and what is needed at run time to check it, to compare it and to
 * describe it in documents. Use the ready ones: `double`, `integer`, `boolean`, `string`, `choice("A", "B")`,
 * `float64Array`, `stringArray`, `table({ … })` and their relatives.
 */
export interface Datatype<T> {
  readonly family: Family
  /** As it is written in code and in messages: `double`, `choice("Close", "Open")`. */
  readonly label: string
  readonly dtype: Dtype
  /** Array-protocol type string, such as `<f8`, of a table one for each column; null where it depends on the value. */
  readonly dtypeNumpy: NonNullable<DataKey["dtype_numpy"]> | null
  /** Value of a soft or mock signal that was given none. */
  readonly initial: T
  /** The value as it will be written; throws `ValueError` naming `who` when it cannot be. */
  check(value: unknown, who: string, metadata: Metadata): T
  equal(a: T, b: T): boolean
}

/** The value type of a datatype: `ValueOf<typeof double>` is `number`. */
export type ValueOf<D> = D extends Datatype<infer T> ? T : never
