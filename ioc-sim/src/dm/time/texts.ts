const parts = (
  seconds: number,
  timeZone: string,
  zoneStyle: "short" | "longOffset",
): Record<string, string> => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: zoneStyle,
  })
  return Object.fromEntries(format.formatToParts(seconds * 1000).map(p => [p.type, p.value]))
}

/** Keys that end in `Timestamp`: `2026/05/28 15:26:40 CDT`. */
export function timestampText(seconds: number, timeZone: string): string {
  const p = parts(seconds, timeZone, "short")
  return `${p.year}/${p.month}/${p.day} ${p.hour}:${p.minute}:${p.second} ${p.timeZoneName}`
}

/** Dates of experiments: `2026-01-20 10:11:12.345678-06:00`, or without fraction. */
export function dateText(seconds: number, timeZone: string, fraction = true): string {
  const p = parts(seconds, timeZone, "longOffset")
  const micro = Math.floor((seconds - Math.floor(seconds)) * 1e6)
  const offset = p.timeZoneName?.replace("GMT", "") || "+00:00"
  const tail = fraction ? `.${String(micro).padStart(6, "0")}` : ""
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}${tail}${offset}`
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

/**
 * Midnight of a day, as DM writes it, from `DD-Mon-YY`, as the vendor's tools send it, or `YYYY-MM-DD…`.
 * Gives undefined when the text is neither.
 */
export function dayText(text: string, timeZone: string): string | undefined {
  const [, dd, mon, yy] = /^(\d{1,2})-([A-Za-z]{3})-(\d{2})$/.exec(text.trim()) ?? []
  const month = mon === undefined ? -1 : months.indexOf(mon.toLowerCase()) + 1
  const iso =
    month > 0
      ? `20${yy}-${String(month).padStart(2, "0")}-${dd?.padStart(2, "0")}`
      : /^(\d{4}-\d{2}-\d{2})/.exec(text.trim())?.[1]
  const noon = iso === undefined ? Number.NaN : Date.parse(`${iso}T12:00:00Z`)
  if (iso === undefined || !Number.isFinite(noon) || new Date(noon).toISOString().slice(0, 10) !== iso) {
    return undefined
  }
  return `${iso} 00:00:00${dateText(noon / 1000, timeZone, false).slice(19)}`
}
