import type { DataKey } from "@ophyd-ts/core"
import type { Event, EventDescriptor } from "@ophyd-ts/run-engine"
import { type ColumnType, listOf, type ScalarType } from "../arrow/columns.ts"

/** Names that the table of a stream uses itself. */
const reserved = ["time", "seq_num"]

const numpyOf: Record<string, string> = {
  number: "<f8",
  array: "<f8",
  boolean: "|b1",
  string: "<U0",
  integer: "<i8",
}

/**
 * The descriptor as bluesky's `RunNormalizer` would pass it on: keys that the table needs itself get a `_`, every key has
 * a `dtype_numpy` and its object's name. `notes` says in words what was renamed.
 */
export function normalDescriptor(doc: EventDescriptor): { doc: EventDescriptor; notes: string[] } {
  const notes: string[] = []
  const rename = (key: string): string => {
    if (!reserved.includes(key)) return key
    notes.push(`Renamed data_key '${key}' to '${key}_' in stream ${doc.name}`)
    return `${key}_`
  }
  const owner = new Map(Object.entries(doc.object_keys).flatMap(([obj, keys]) => keys.map(key => [key, obj])))
  const data_keys = Object.fromEntries(
    Object.entries(doc.data_keys).map(([key, description]) => {
      const object_name = owner.get(key) ?? description.object_name
      return [rename(key), { ...normalKey(description), ...(object_name !== undefined && { object_name }) }]
    }),
  )
  const configuration = Object.fromEntries(
    Object.entries(doc.configuration).map(([obj, conf]) => [
      obj,
      {
        ...conf,
        data_keys: Object.fromEntries(
          Object.entries(conf.data_keys).map(([key, description]) => [key, normalKey(description)]),
        ),
      },
    ]),
  )
  return { doc: { ...doc, data_keys, configuration }, notes }
}

const normalKey = (key: DataKey): DataKey => {
  const dtype_numpy = key.dtype_numpy ?? numpyOf[key.dtype]
  return dtype_numpy === undefined ? key : { ...key, dtype_numpy }
}

const normalName = (key: string): string => (reserved.includes(key) ? `${key}_` : key)

export type Row = Record<string, unknown>

/** An event as one row: number, time, the data, each time stamp as `ts_<key>`. */
export function rowOf(event: Pick<Event, "seq_num" | "time" | "data" | "timestamps">): Row {
  const row: Row = { seq_num: event.seq_num, time: event.time }
  for (const [key, value] of Object.entries(event.data)) row[normalName(key)] = value
  for (const [key, value] of Object.entries(event.timestamps)) row[`ts_${normalName(key)}`] = value
  return row
}

/**
 * Where a key's values go: a column of the stream's table, or an array of its own when they are larger than
 * `maxInTable` items or texts; null for data that another program writes.
 */
export function placeOf(key: DataKey, maxInTable: number): "table" | "array" | null {
  if (key.external !== undefined) return null
  if (key.dtype !== "array" || key.shape.includes(null) || isTable(key)) return "table"
  const items = key.shape.reduce<number>((n, length) => n * (length ?? 1), 1)
  if (maxInTable >= 0 && items > maxInTable) return "array"
  return typeof key.dtype_numpy === "string" && /^[<>|=]?[USO]/.test(key.dtype_numpy) ? "array" : "table"
}

/** The type of a table's column: as declared, unless the values that are there say otherwise. */
export function columnTypeOf(key: DataKey | undefined, values: readonly unknown[]): ColumnType {
  // A value with columns of its own has no column type: it goes as text, in JSON.
  if (key !== undefined && isTable(key)) return "utf8"
  const lists = values.map(listOf)
  if (key?.dtype === "array" || lists.some(list => list !== null)) {
    const items = lists.flatMap(list => list ?? [])
    return { list: scalarTypeOf(numpyDtype(key?.dtype_numpy), items) }
  }
  return scalarTypeOf(key?.dtype, values)
}

/** Whether the values of a key are tables: objects of arrays. */
const isTable = ({ dtype_numpy }: DataKey): boolean => Array.isArray(dtype_numpy)

/** The JSON type that stands for a numpy type. */
function numpyDtype(numpy: DataKey["dtype_numpy"]): string | undefined {
  if (typeof numpy !== "string") return undefined
  const kind = numpy.replace(/^[<>|=]/, "")[0] ?? ""
  return { f: "number", i: "integer", u: "integer", b: "boolean", U: "string", S: "string" }[kind]
}

function scalarTypeOf(declared: string | undefined, values: readonly unknown[]): ScalarType {
  const there = values.filter(value => value !== null && value !== undefined)
  const all = (is: (value: unknown) => boolean): boolean => there.every(is)
  const isWhole = (v: unknown) => typeof v === "bigint" || Number.isInteger(v)
  const isNumber = (v: unknown) => typeof v === "number" || typeof v === "bigint"
  if (declared === "boolean" && all(v => typeof v === "boolean" || v === 0 || v === 1)) return "bool"
  if (declared === "integer" && all(v => isWhole(v) || typeof v === "boolean")) return "int64"
  if ((declared === "number" || declared === "integer") && all(isNumber)) return "float64"
  if (declared === "string" || there.length === 0) return "utf8"
  if (all(v => typeof v === "boolean")) return "bool"
  if (all(isWhole)) return "int64"
  if (all(isNumber)) return "float64"
  return "utf8"
}
