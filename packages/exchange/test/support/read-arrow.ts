import { tableFromIPC, Vector } from "apache-arrow"

export type Rows = Record<string, unknown>[]

/** Rows of an Arrow file, lists as arrays. */
export function readArrow(file: Uint8Array): Rows {
  const table = tableFromIPC(file)
  const columns = table.schema.fields.map(({ name }, i) => [name, table.getChildAt(i)] as const)
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(
      columns.map(([name, column]) => {
        const value = column?.get(row)
        return [name, value instanceof Vector ? [...value] : value]
      }),
    ),
  )
}
