/** Metadata as the JSON that a Tiled server keeps. */

const largestInteger = 2 ** 53 - 1
const largestNumber = 1.7976e308

/**
 * A document as plain JSON: typed arrays become lists, NaN null. Whole numbers beyond ±(2⁵³-1) and infinities are
 * brought to the nearest bound, as bluesky's own writer does, because the server could not read them back.
 */
export function plain(value: unknown): unknown {
  switch (typeof value) {
    case "number":
      return plainNumber(value)
    case "bigint":
      return plainNumber(Number(value))
    case "object":
      if (value === null) return null
      if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain)
      if (Array.isArray(value)) return value.map(plain)
      if (value instanceof Date) return value.toISOString()
      return Object.fromEntries(
        Object.entries(value).flatMap(([key, v]) => (v === undefined ? [] : [[key, plain(v)]])),
      )
    case "string":
    case "boolean":
      return value
    default:
      return null
  }
}

function plainNumber(value: number): number | null {
  if (Number.isNaN(value)) return null
  if (value % 1 === 0) return Math.min(Math.max(value, -largestInteger), largestInteger)
  // The remainder of an infinity is NaN.
  return Math.min(Math.max(value, -largestNumber), largestNumber)
}
