import { ValueError } from "../errors.ts"
import { formatValue } from "../format.ts"
import type { TypedArray } from "./arrays.ts"
import type { Datatype, ValueOf } from "./datatype.ts"

/** What a column may hold: `float64Array` and its relatives, or `stringArray`. */
export type ColumnType = Datatype<TypedArray> | Datatype<readonly string[]>

/** The columns of a table, by name. */
export type Columns = Readonly<Record<string, ColumnType>>

/** The value of a table: an array for each column. */
export type TableValue<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> }

/** Named columns of equal length. */
export interface TableType<C extends Columns = Columns> extends Datatype<TableValue<C>> {
  readonly family: "table"
  readonly columns: C
}

/** Texts in a table are described as numpy's texts of the length that EPICS records have. */
const textDtype = "|S40"

/** How many rows a table has: the length of its longest column. */
export function rowsOf(table: Readonly<Record<string, ArrayLike<unknown>>>): number {
  let rows = 0
  for (const column of Object.values(table)) rows = Math.max(rows, column.length)
  return rows
}

/**
 * A table with these columns, as pvAccess has them (NTTable): `table({ position: float64Array, name: stringArray })`. Its
 * values are objects of arrays: `{ position: Float64Array.of(1, 2), name: ["a", "b"] }`.
 *
 * A value that is written must have exactly these columns, all of the same length. One that is read has the columns
 * that the server sent; where a server updates them one after the other, their lengths may differ for a moment.
 *
 * @throws ValueError when no column is declared.
 */
export function table<const C extends Columns>(columns: C): TableType<C> {
  const entries: readonly (readonly [string, Datatype<ArrayLike<unknown>>])[] = Object.entries(columns)
  if (entries.length === 0) throw new ValueError("a table needs at least one column")
  const label = `table(${entries.map(([name, { label }]) => `${name}: ${label}`).join(", ")})`
  const each = (of: (name: string, type: Datatype<ArrayLike<unknown>>) => unknown) =>
    Object.fromEntries(entries.map(([name, type]) => [name, of(name, type)])) as TableValue<C>

  return {
    family: "table",
    label,
    columns,
    dtype: "array",
    dtypeNumpy: entries.map(([name, type]) => [name, (type.dtypeNumpy ?? textDtype) as string]),
    initial: each((_, type) => type.initial),
    check: (value, who, metadata) => {
      if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
        throw new ValueError(`${who}: ${formatValue(value)} is no ${label}`)
      }
      const given = value as Readonly<Record<string, unknown>>
      const unknown = Object.keys(given).filter(name => !Object.hasOwn(columns, name))
      if (unknown.length > 0)
        throw new ValueError(`${who}: no such column: ${unknown.join(", ")}; it is a ${label}`)
      const checked = each((name, type) => type.check(given[name], `${who}: column ${name}`, metadata))
      const rows = rowsOf(checked)
      if (Object.values(checked).some(column => column.length !== rows)) {
        const lengths = entries.map(([name]) => `${name} ${checked[name]?.length}`)
        throw new ValueError(`${who}: the columns of a table are of equal length, not ${lengths.join(", ")}`)
      }
      return checked
    },
    equal: (a, b) =>
      entries.every(([name, type]) =>
        type.equal(a[name] as ArrayLike<unknown>, b[name] as ArrayLike<unknown>),
      ),
  }
}
