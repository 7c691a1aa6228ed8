/** Rows under headings, columns as wide as their widest cell. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map(row => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((width, i) => (cells[i] ?? "").padEnd(width))
      .join("  ")
      .trimEnd()
  return [line(headings), line(widths.map(width => "-".repeat(width))), ...rows.map(line)].join("\n")
}
