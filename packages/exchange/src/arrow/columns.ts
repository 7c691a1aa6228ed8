/** Columns of a table: which values fit which type. */

export type ScalarType = "float64" | "int64" | "bool" | "utf8"
export type ColumnType = ScalarType | { readonly list: ScalarType }

export interface Column {
  readonly name: string
  readonly type: ColumnType
  /** One per row; null or undefined where there is none. */
  readonly values: readonly unknown[]
}

export type Scalar = number | bigint | boolean | string | null

/** Values as their column holds them. What does not fit is left out as null; `misfit` hears of each. */
export function fittingValues(
  { type, values }: Column,
  misfit: (value: unknown) => void = () => {},
): (Scalar | Scalar[])[] {
  const scalar = (value: unknown, convert: (value: unknown) => Scalar): Scalar => {
    if (value === null || value === undefined) return null
    const fitting = convert(value)
    if (fitting === null) misfit(value)
    return fitting
  }
  if (typeof type === "string") return values.map(value => scalar(value, converters[type]))
  return values.map(value => {
    const list = listOf(value)
    if (list === null && value !== null && value !== undefined) misfit(value)
    return list?.map(item => scalar(item, converters[type.list])) ?? null
  })
}

const smallest = -(2n ** 63n)
const largest = 2n ** 63n - 1n

const converters: Record<ScalarType, (value: unknown) => Scalar> = {
  float64: value => (typeof value === "number" || typeof value === "bigint" ? Number(value) : null),
  int64: value => {
    if (typeof value === "boolean") return BigInt(value)
    if (typeof value === "number" && !Number.isInteger(value)) return null
    if (typeof value !== "number" && typeof value !== "bigint") return null
    const whole = BigInt(value)
    return whole >= smallest && whole <= largest ? whole : null
  },
  bool: value => (typeof value === "boolean" ? value : value === 0 || value === 1 ? value === 1 : null),
  utf8: value => (typeof value === "string" ? value : JSON.stringify(value, plainly)),
}

/** JSON of what has typed arrays or 64-bit integers in it: lists and numbers, text where a number is not exact. */
function plainly(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return ArrayBuffer.isView(value) ? listOf(value) : value
}

/** The items of a list value, nested ones in row-major order; null when it is no list. */
export function listOf(value: unknown): unknown[] | null {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as number[])
  if (!Array.isArray(value)) return null
  return value.some(item => listOf(item) !== null) ? value.flatMap(item => listOf(item) ?? [item]) : value
}
