import type { DataKey } from "@ophyd-ts/core"
import type { EventDescriptor } from "@ophyd-ts/run-engine"
import type { ColumnType } from "../arrow/columns.ts"
import { arrowFile } from "../arrow/file.ts"
import type { Catalog, Path } from "./catalog.ts"
import { columnTypeOf, placeOf, type Row } from "./keys.ts"
import { type DataType, dataTypeOf, dtypeText, pack, product, shapeOf } from "./ndarray.ts"
import { plain } from "./plain.ts"

/** More columns than this are split over several tables, as bluesky's writer does. */
const widestTable = 1024

interface ArrayNode {
  path: Path
  type: DataType
  /** Of one row. */
  shape: number[]
  rows: number
}

interface TableNode {
  path: Path
  fields: { name: string; type: ColumnType }[]
  rows: number
}

/** Writes the events of one stream: scalars and short lists into a table, larger arrays each into a node of its own. */
export class StreamWriter {
  readonly path: Path
  readonly #catalog: Catalog
  readonly #keys: Readonly<Record<string, DataKey>>
  readonly #accessTags: readonly string[] | null
  readonly #note: (text: string) => void
  readonly #arrayKeys: ReadonlySet<string>
  readonly #arrays = new Map<string, ArrayNode>()
  readonly #dimensions = new Map<number, string>()
  #tables: TableNode[] | null = null
  #rows: Row[] = []

  constructor(
    catalog: Catalog,
    path: Path,
    descriptor: EventDescriptor,
    options: { accessTags: readonly string[] | null; maxInTable: number; note: (text: string) => void },
  ) {
    this.#catalog = catalog
    this.path = path
    this.#keys = descriptor.data_keys
    this.#accessTags = options.accessTags
    this.#note = options.note
    const keys = Object.entries(descriptor.data_keys)
    this.#arrayKeys = new Set(
      keys.flatMap(([k, key]) => (placeOf(key, options.maxInTable) === "array" ? [k] : [])),
    )
  }

  /** Rows that are not written yet. */
  get waiting(): number {
    return this.#rows.length
  }

  add(row: Row): void {
    this.#rows.push(row)
  }

  /** Nodes below the stream's own. */
  get nodes(): Path[] {
    return [...[...this.#arrays.values()].map(a => a.path), ...(this.#tables ?? []).map(t => t.path)]
  }

  async flush(): Promise<void> {
    if (this.#rows.length === 0) return
    const rows = this.#rows
    this.#rows = []
    const inTable = new Set<string>()
    for (const row of rows) for (const key of Object.keys(row)) inTable.add(key)
    for (const key of this.#arrayKeys) {
      const values = rows.flatMap(row => (key in row ? [row[key]] : []))
      if (values.length > 0 && (await this.#writeArray(key, values))) inTable.delete(key)
    }
    await this.#writeTables(rows, [...inTable])
  }

  /** False for arrays without items, which the store cannot hold: they stay in the table. */
  async #writeArray(key: string, values: unknown[]): Promise<boolean> {
    const description = this.#keys[key]!
    let node = this.#arrays.get(key)
    const shape = node?.shape ?? shapeOf(values[0], description)
    if (product(shape) === 0) return false
    const type = node?.type ?? dataTypeOf(values, description)
    const { bytes, uneven } = pack(values, type, product(shape))
    const stream = this.path.at(-1)
    if (uneven > 0)
      this.#note(
        `Array lengths for key '${key}' in stream '${stream}' are not consistent: ${uneven} of ${values.length} brought to ${product(shape)} items.`,
      )
    if (node !== undefined) {
      await this.#catalog.extendArray(node.path, bytes, node.rows, [values.length, ...shape])
      node.rows += values.length
      return true
    }
    node = { path: [...this.path, key], type, shape, rows: values.length }
    const structure = {
      data_type: type,
      shape: [values.length, ...shape],
      chunks: [rowChunks(values.length, product(shape) * type.itemsize), ...shape.map(n => [n])],
      dims: ["time", ...shape.map(n => this.#dimension(n))],
    }
    const metadata = plain({ ...description, dtype_numpy: dtypeText(type) })
    await this.#catalog.array(node.path, structure, { metadata, accessTags: this.#accessTags })
    await this.#catalog.writeArray(node.path, bytes)
    this.#arrays.set(key, node)
    this.#note(`Internal array data for '${key}' in stream '${stream}' written as zarr.`)
    return true
  }

  /** Axes of equal length share a name, so that they line up when the stream is read as one data set. */
  #dimension(length: number): string {
    const known = this.#dimensions.get(length)
    if (known !== undefined) return known
    const name = `dim_int_${this.#dimensions.size + 1}`
    this.#dimensions.set(length, name)
    return name
  }

  async #writeTables(rows: readonly Row[], names: readonly string[]): Promise<void> {
    this.#tables ??= await this.#makeTables(rows, names)
    for (const table of this.#tables) {
      const columns = table.fields.map(({ name, type }) => ({
        name,
        type,
        values: rows.map(row => row[name]),
      }))
      const file = arrowFile(columns, (name, value) =>
        this.#note(
          `A value of '${name}' in stream '${this.path.at(-1)}' does not fit its column and is left out: ${String(value)}.`,
        ),
      )
      await this.#catalog.appendRows(table.path, file, table.rows)
      table.rows += rows.length
    }
  }

  async #makeTables(rows: readonly Row[], names: readonly string[]): Promise<TableNode[]> {
    const fields = names.map(name => ({ name, type: this.#columnType(name, rows) }))
    const parts = fields.length > widestTable ? split(fields) : [fields]
    const tables: TableNode[] = []
    for (const [i, part] of parts.entries()) {
      const path = [...this.path, parts.length === 1 ? "internal" : `internal_${i}`]
      const metadata = plain(
        Object.fromEntries(
          part.flatMap(({ name }) => (name in this.#keys ? [[name, this.#keys[name]]] : [])),
        ),
      )
      await this.#catalog.table(path, part, { metadata, accessTags: this.#accessTags })
      tables.push({ path, fields: part, rows: 0 })
    }
    return tables
  }

  #columnType(name: string, rows: readonly Row[]): ColumnType {
    if (name === "seq_num") return "int64"
    const key = this.#keys[name]
    if (key === undefined && (name === "time" || name.startsWith("ts_"))) return "float64"
    return columnTypeOf(
      key,
      rows.map(row => row[name]),
    )
  }
}

/** Sorted by name and cut into equal parts. */
function split<T extends { name: string }>(fields: readonly T[]): T[][] {
  const sorted = fields.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const size = Math.ceil(sorted.length / Math.ceil(sorted.length / widestTable))
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) =>
    sorted.slice(i * size, (i + 1) * size),
  )
}

const largestChunk = 64 * 2 ** 20

/** Rows per chunk, so that none is unwieldy. */
function rowChunks(rows: number, bytesPerRow: number): number[] {
  const size = Math.max(1, Math.min(rows, Math.floor(largestChunk / bytesPerRow)))
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => Math.min(size, rows - i * size))
}
