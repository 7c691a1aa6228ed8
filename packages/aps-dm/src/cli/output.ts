import { textTable } from "../jobs/table.ts"
import type { Invocation } from "./command.ts"

/** Columns of a table: heading, and what a row shows below it. */
export type Columns<T> = readonly (readonly [heading: string, cell: (row: T) => unknown])[]

/** Rows as a table for people, or as they are, as JSON. */
export function showRows<T>(
  invocation: Invocation,
  rows: readonly T[],
  columns: Columns<T>,
  none: string,
): void {
  const { json, terminal } = invocation
  if (json) {
    showJson(invocation, rows)
    return
  }
  if (rows.length === 0) {
    terminal.err(`${none}\n`)
    return
  }
  const cells = rows.map(row => columns.map(([, cell]) => text(cell(row))))
  terminal.out(
    `${textTable(
      columns.map(([heading]) => heading),
      cells,
    )}\n`,
  )
}

export function showJson({ terminal }: Invocation, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}

const text = (value: unknown): string => {
  if (value === undefined || value === null) return "-"
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

/** Local time of this machine, to the second. */
export function when(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "-"
  const date = new Date(seconds * 1000)
  const two = (value: number) => String(value).padStart(2, "0")
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-")
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`
}
