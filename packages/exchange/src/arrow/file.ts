/** Tables as Arrow IPC: a server that keeps tables takes rows in no other form over HTTP. */
import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow"
import { type Column, type ColumnType, fittingValues, type ScalarType } from "./columns.ts"

const scalarTypes: Record<ScalarType, DataType> = {
  float64: new Float64(),
  int64: new Int64(),
  bool: new Bool(),
  utf8: new Utf8(),
}

const typeOf = (type: ColumnType): DataType =>
  typeof type === "string" ? scalarTypes[type] : new List(new Field("item", scalarTypes[type.list], true))

export type Fields = readonly { readonly name: string; readonly type: ColumnType }[]

const schemaOf = (fields: Fields): Schema =>
  new Schema(fields.map(({ name, type }) => new Field(name, typeOf(type), true)))

/** The schema alone, as a stream without rows. */
export const arrowSchema = (fields: Fields): Uint8Array => tableToIPC(new Table(schemaOf(fields)), "stream")

/** The columns, all of the same length, as a file with one record batch. */
export function arrowFile(
  columns: readonly Column[],
  misfit: (column: string, value: unknown) => void = () => {},
): Uint8Array {
  const schema = schemaOf(columns)
  const children = columns.map(column => {
    const values = fittingValues(column, value => misfit(column.name, value))
    return vectorFromArray(values, typeOf(column.type)).data[0]!
  })
  const length = columns[0]?.values.length ?? 0
  const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children })
  return tableToIPC(new Table(new RecordBatch(schema, data)), "file")
}
