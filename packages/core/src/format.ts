/** A duration as people say it: `12 ms`, `1.2 s`, `340 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.001) return "under 1 ms"
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  return `${Number(seconds.toPrecision(3))} s`
}

/** A value in a message: text in quotes, long arrays by their length, tables column by column. */
export function formatValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const list = value as ArrayLike<unknown>
    if (list.length <= 5) return `[${Array.from(list, formatValue).join(", ")}]`
    return `${list.constructor.name} of ${list.length}`
  }
  if (isPlain(value)) {
    const entries = Object.entries(value)
    const shown = entries.slice(0, 5).map(([key, one]) => `${key}: ${formatValue(one)}`)
    return `{ ${[...shown, ...(entries.length > 5 ? ["..."] : [])].join(", ")} }`
  }
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "object"
  return String(value)
}

/** An object that is nothing but its members, as a table's value is. */
export const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
