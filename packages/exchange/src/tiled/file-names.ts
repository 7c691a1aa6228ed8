/**
 * Names of the files of a sequence by index, from the parameters of a stream_resource; null where there is one file. A
 * template is as areaDetector writes it (`%s%s_%06d.tif`: the first `%s` is the file name, others nothing) or as Python's
 * `format` (`img_{:06d}.tif`).
 */
export function fileNames(parameters: Readonly<Record<string, unknown>>): ((index: number) => string) | null {
  const { template, filename = "" } = parameters
  if (typeof template !== "string" || template === "") return null
  let named = false
  const parts = template.replace(/%s/g, () => {
    if (named) return ""
    named = true
    return String(filename)
  })
  return index =>
    parts.replace(
      /%([-+#0 ]*)(\d*)(?:\.(\d+))?d|\{\w*(?::([<+ ]*)(0?)(\d*)d?)?\}/g,
      (_all, flags: string | undefined, width, precision, marks: string | undefined, zero, size) => {
        if (flags === undefined) return padded(index, Number(size || 0), zero === "0", marks ?? "")
        const digits = Math.max(Number(precision ?? 0), flags.includes("0") ? Number(width || 0) : 0)
        return padded(index, Math.max(Number(width || 0), digits), digits > 0, flags)
      },
    )
}

function padded(index: number, width: number, zeros: boolean, marks: string): string {
  const sign = marks.includes("+") ? "+" : marks.includes(" ") ? " " : ""
  if (zeros) return sign + String(index).padStart(width - sign.length, "0")
  const text = sign + String(index)
  return /[-<]/.test(marks) ? text.padEnd(width) : text.padStart(width)
}
