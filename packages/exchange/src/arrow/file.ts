/**
 * Arrow's file format (Arrow columnar format 1.5, section "IPC File Format"; metadata version 5): the table as one record
 * batch. A server that keeps tables takes rows in no other form over HTTP.
 */
import { type Column, type ColumnType, type Encoded, encodeColumn, type ScalarType } from "./columns.ts"
import { flatBuffer, type Table } from "./flatbuffer.ts"

/** Numbers from Arrow's schema definitions. */
const version5 = 4
const header = { schema: 1, recordBatch: 3 }
const typeNumber = { int: 2, floatingPoint: 3, utf8: 5, bool: 6, list: 12 }
const doublePrecision = 2

function typeOf(type: ColumnType): { number: number; table: Table; children: Table[] } {
  if (typeof type !== "string")
    return { number: typeNumber.list, table: [], children: [field("item", type.list)] }
  switch (type) {
    case "float64":
      return { number: typeNumber.floatingPoint, table: [{ i16: doublePrecision }], children: [] }
    case "int64":
      return { number: typeNumber.int, table: [{ i32: 64 }, { i8: 1 }], children: [] }
    case "bool":
      return { number: typeNumber.bool, table: [], children: [] }
    case "utf8":
      return { number: typeNumber.utf8, table: [], children: [] }
  }
}

const field = (name: string, type: ColumnType): Table => {
  const { number, table, children } = typeOf(type)
  return [{ text: name }, { i8: 1 }, { i8: number }, { table }, null, { tables: children }]
}

export type Fields = readonly { readonly name: string; readonly type: ColumnType }[]
export type { ScalarType }

const schemaTable = (fields: Fields): Table => [null, { tables: fields.map(f => field(f.name, f.type)) }]

/** Metadata and body with the prefix that tells where the one ends. */
function message(kind: number, table: Table, body: readonly Uint8Array[], bodyLength: number): Uint8Array[] {
  const metadata = flatBuffer([{ i16: version5 }, { i8: kind }, { table }, { i64: bodyLength }])
  const padded = new Uint8Array(8 + roundUp(metadata.length))
  const view = new DataView(padded.buffer)
  view.setUint32(0, 0xffffffff, true)
  view.setUint32(4, padded.length - 8, true)
  padded.set(metadata, 8)
  return [padded, ...body]
}

const roundUp = (size: number): number => Math.ceil(size / 8) * 8

/** The schema alone, as one message. */
export const arrowSchema = (fields: Fields): Uint8Array =>
  concatenate(message(header.schema, schemaTable(fields), [], 0))

/** The columns, all of the same length, as a file. */
export function arrowFile(
  columns: readonly Column[],
  misfit: (column: string, value: unknown) => void = () => {},
): Uint8Array {
  const encoded = columns.map(column => encodeColumn(column, value => misfit(column.name, value)))
  const start = [ascii("ARROW1\0\0"), ...message(header.schema, schemaTable(columns), [], 0)]
  const { table, body, length } = recordBatch(columns[0]?.values.length ?? 0, encoded)
  const batch = message(header.recordBatch, table, body, length)
  const end = new Uint8Array(8)
  new DataView(end.buffer).setUint32(0, 0xffffffff, true)
  const footer = flatBuffer([
    { i16: version5 },
    { table: schemaTable(columns) },
    { structs: [], width: 3 },
    // A block is an offset, a 32-bit length of the metadata padded to eight bytes, the length of the body.
    { structs: [total(start), batch[0]!.length, length], width: 3 },
  ])
  const footerLength = new Uint8Array(4)
  new DataView(footerLength.buffer).setUint32(0, footer.length, true)
  return concatenate([...start, ...batch, end, footer, footerLength, ascii("ARROW1")])
}

function recordBatch(rows: number, encoded: readonly Encoded[]) {
  const nodes = encoded.flatMap(e => e.nodes.flatMap(n => [n.length, n.nulls]))
  const buffers: number[] = []
  const body: Uint8Array[] = []
  let length = 0
  for (const buffer of encoded.flatMap(e => e.buffers)) {
    buffers.push(length, buffer.length)
    body.push(buffer, new Uint8Array(roundUp(buffer.length) - buffer.length))
    length += roundUp(buffer.length)
  }
  const table: Table = [{ i64: rows }, { structs: nodes, width: 2 }, { structs: buffers, width: 2 }]
  return { table, body, length }
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const total = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(total(parts))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
