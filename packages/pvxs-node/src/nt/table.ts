import { create } from "../values/create.ts"
import {
  type ScalarArrayType,
  type ScalarName,
  type StructureType,
  scalarArray,
  structure,
  t,
} from "../values/field-type.ts"
import { fieldNames, isStructure } from "../values/structure.ts"
import type { ArrayValues, PvStructureValue } from "../values/value-of.ts"
import { alarmType, field, timeType } from "./common.ts"

type Columns = Readonly<Record<string, ScalarName>>
type ColumnTypes<C extends Columns> = { [K in keyof C]: ScalarArrayType<C[K]> }

/** The type NTTable with these columns, by name and element type. */
export function ntTable<const C extends Columns>(columns: C) {
  const types = Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, scalarArray(of)]))
  return structure("epics:nt/NTTable:1.0", {
    labels: t.strings,
    value: structure("", types as ColumnTypes<C>) as StructureType<ColumnTypes<C>>,
    alarm: alarmType,
    timeStamp: timeType,
  })
}

/** A table as it was received. */
export interface Table {
  /** What to print above each column; the names where the server gives none. */
  readonly labels: readonly string[]
  readonly names: readonly string[]
  readonly columns: Readonly<Record<string, ArrayValues[ScalarName]>>
  /** Length of the longest column. */
  readonly rows: number
}

/** Reads an NTTable by name; null when the value is none. */
export function readTable(value: unknown): Table | null {
  const columns = field(value, "value")
  if (!isStructure(columns)) return null
  const names = fieldNames(columns)
  const given = field(value, "labels") as readonly string[] | undefined
  const labels = names.map((name, i) => given?.[i] ?? name)
  const data = Object.fromEntries(names.map(name => [name, columns[name] as ArrayValues[ScalarName]]))
  const rows = Math.max(0, ...Object.values(data).map(column => column.length ?? 0))
  return { labels, names, columns: data, rows }
}

/** Arguments of a call: strings, numbers (as double), integers given as bigint (as long), booleans. */
export type UriQuery = Readonly<Record<string, string | number | bigint | boolean>>

/** An NTURI, the argument most remote procedures take: `ntUri("service", { start: 1, name: "x" })`. */
export function ntUri(path: string, query: UriQuery = {}): PvStructureValue {
  const typeOf = (value: UriQuery[string]) =>
    typeof value === "string"
      ? t.string
      : typeof value === "number"
        ? t.double
        : typeof value === "bigint"
          ? t.long
          : t.boolean
  const members = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, typeOf(value)]))
  const type = structure("epics:nt/NTURI:1.0", {
    scheme: t.string,
    path: t.string,
    query: structure("", members),
  })
  return create(type, { scheme: "pva", path, query: query as never }) as unknown as PvStructureValue
}

/** The query of an NTURI, or the members of a plain structure, which some clients send instead. */
export function readQuery(argument: PvStructureValue | null): Readonly<Record<string, unknown>> {
  if (argument === null) return {}
  const query = field(argument, "query")
  const source = isStructure(query) ? query : argument
  return Object.fromEntries(fieldNames(source).map(name => [name, source[name]]))
}
