/** Rows under headings, columns as wide as their widest cell. What is in a cell is one line and moves no cursor. */
export function textTable(headings: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map(row => row.map(oneLine))
  const widths = headings.map((heading, i) =>
    rows.reduce((widest, row) => Math.max(widest, row[i]?.length ?? 0), heading.length),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((width, i) => (cells[i] ?? "").padEnd(width))
      .join("  ")
      .trimEnd()
  return [line(headings), line(widths.map(width => "-".repeat(width))), ...rows.map(line)].join("\n")
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const controls = /[\u0000-\u001f\u007f-\u009f]+/g

/** A text of DM for a terminal: nothing in it moves the cursor. */
export const oneLine = (text: string): string => text.replace(controls, " ")

/** The same, with its lines. */
export const plainLines = (text: string): string => text.split(/\r?\n/).map(oneLine).join("\n")
