/**
 * Numbers as text and text as numbers, the way an IOC of EPICS base does it: clients compare such text with what they
 * know from other servers, and people type it.
 */

/** Texts of a DOUBLE: fixed digits while that is readable, an exponent beyond. NaN and infinity as in C. */
export function doubleText(value: number, precision: number): string {
  if (precision <= 8 && Math.abs(value) <= 1e7) return fixedText(value, precision)
  if (precision > 8 || Math.abs(value) > 1e16) return exponentText(value, Math.min(precision, 17), 7)
  return plainText(value, Math.min(precision, 3))
}

/** Text of a FLOAT; switches to an exponent earlier than a DOUBLE. */
export function floatText(value: number, precision: number): string {
  if (precision <= 8 && Math.abs(value) <= 1e7) return fixedText(value, precision)
  if (precision > 8 || Math.abs(value) >= 1e8) return exponentText(value, Math.min(precision, 12), 6)
  return plainText(value, Math.min(precision, 3))
}

/** Rounds on the digit after the last one shown, which is not what toFixed does for 1.0005 and its like. */
function fixedText(value: number, precision: number): string {
  const magnitude = Math.abs(value)
  const scale = 10 ** precision
  let whole = Math.trunc(magnitude)
  let fraction = Math.trunc((Math.trunc((magnitude - whole) * scale * 10) + 5) / 10)
  if (fraction >= scale) {
    whole += 1
    fraction -= scale
  }
  const digits = precision > 0 ? `.${String(fraction).padStart(precision, "0")}` : ""
  return `${value < 0 ? "-" : ""}${whole}${digits}`
}

/** C's `%.*f`. */
function plainText(value: number, precision: number): string {
  if (!Number.isFinite(value)) return nonFiniteText(value)
  return halfToEven(value.toFixed(precision), value.toFixed(30), precision)
}

/** C's `%*.*e` with some columns more than digits: short numbers are padded on the left. */
function exponentText(value: number, precision: number, columns: number): string {
  const width = precision + columns
  if (!Number.isFinite(value)) return nonFiniteText(value).padStart(width)
  const [digits = "", exponent = "+0"] = value.toExponential(precision).split("e")
  const [exact = ""] = value.toExponential(100).split("e")
  const mantissa = halfToEven(digits, exact, precision)
  const sign = Object.is(value, -0) ? "-" : ""
  return `${sign}${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`.padStart(width)
}

const nonFiniteText = (value: number): string => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf")

/** JavaScript rounds an exact tie away from zero, C to the even digit. */
function halfToEven(rounded: string, exact: string, precision: number): string {
  const [whole = "", fraction = ""] = exact.split(".")
  if (!/^50*$/.test(fraction.slice(precision))) return rounded
  const kept = precision > 0 ? `${whole}.${fraction.slice(0, precision)}` : whole
  return Number(kept.at(-1)) % 2 === 0 ? kept : rounded
}

const floating = /^\s*([+-]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan))/i
const integer = /^\s*([+-]?)(0x[0-9a-f]+|\d+)/i

/**
 * A floating-point number at the start of the text (C's strtod: decimal, `0x…`, `inf`, `nan`); what follows is ignored.
 * Undefined when there is none or it is beyond a double.
 */
export function parseFloating(text: string): number | undefined {
  const found = floating.exec(text)?.[1]?.toLowerCase()
  if (found === undefined) return undefined
  const sign = found.startsWith("-") ? -1 : 1
  const digits = found.replace(/^[+-]/, "")
  if (digits === "nan") return Number.NaN
  if (digits.startsWith("inf")) return sign * Number.POSITIVE_INFINITY
  const value = Number(digits)
  return Number.isFinite(value) ? sign * value : undefined
}

/**
 * An integer at the start of the text (C's strtol with base 0: decimal, `0x…`, octal with a leading 0); what follows
 * is ignored. Undefined when there is none or it is outside the bounds.
 */
export function parseInteger(text: string, lowest: number, highest: number): number | undefined {
  const found = integer.exec(text)
  if (found === null) return undefined
  const digits = found[2] ?? ""
  const octal = /^0[0-7]+/.exec(digits)?.[0]
  const magnitude = octal !== undefined ? Number.parseInt(octal, 8) : Number(/^0\d/.test(digits) ? 0 : digits)
  const value = found[1] === "-" ? -magnitude : magnitude
  return value < lowest || value > highest ? undefined : value
}
