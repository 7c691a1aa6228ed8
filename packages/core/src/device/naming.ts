/** The name of a field as documents have it: `acquireTime` becomes `acquire_time`, `statsTotalRBV` `stats_total_rbv`. */
export function snakeCase(field: string): string {
  return field
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
}

/** Joins name parts by `_`, leaving out empty ones. */
export const joinNames = (...parts: readonly string[]): string => parts.filter(part => part !== "").join("_")
