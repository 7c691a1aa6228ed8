import { baseOf, Dbr, dbrName } from "../wire/dbr-types.ts"
import type { DbrReading, DbrValue } from "../wire/dbr-value.ts"
import { decodeText } from "../wire/text.ts"

/** How values are shown; the letters are those of caget. */
export interface Format {
  /** Enums as numbers (-n). */
  enumAsNumber: boolean
  /** CHAR arrays as text (-S). */
  charAsText: boolean
  /** Significant digits of floating-point values. */
  digits: number
}

/** A number as C's `%g` shows it. */
export function general(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"
  if (value === 0) return Object.is(value, -0) ? "-0" : "0"
  const [mantissa = "", exponent = "0"] = value.toExponential(Math.max(0, digits - 1)).split("e")
  const power = Number(exponent)
  const strip = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text)
  if (power < -4 || power >= digits) {
    const size = Math.abs(power).toString().padStart(2, "0")
    return `${strip(mantissa)}e${power < 0 ? "-" : "+"}${size}`
  }
  return strip(value.toFixed(Math.max(0, digits - 1 - power)))
}

/** A value as caget shows it: arrays with their length first. */
export function valueText(reading: DbrReading, format: Format): string {
  const { value, type } = reading
  if (typeof value === "string") return value
  if (format.charAsText && value instanceof Uint8Array) return decodeText(value, 0, value.length)
  if (typeof value === "number") return elementText(value, reading, format)
  const elements = Array.from(value as ArrayLike<number | string>, each =>
    typeof each === "string" ? each : elementText(each, reading, format),
  )
  return [baseOf(type) === Dbr.STRING && elements.length === 1 ? "" : String(elements.length), ...elements]
    .filter(text => text !== "")
    .join(" ")
}

function elementText(value: number, { type, metadata }: DbrReading, format: Format): string {
  const base = baseOf(type)
  if (base === Dbr.ENUM && !format.enumAsNumber) return metadata?.enumStrings?.[value] ?? String(value)
  return base === Dbr.DOUBLE || base === Dbr.FLOAT ? general(value, format.digits) : String(value)
}

/** `2026-11-23 06:41:13.123456`, local time. */
export function timeText(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (part: number): string => String(part).padStart(2, "0")
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time}.${String(Math.floor(nanoseconds / 1000)).padStart(6, "0")}`
}

/** Condition and severity as camonitor shows them: nothing when there is no alarm. */
export const alarmText = ({ severity, status, statusText, severityText }: DbrReading): string =>
  severity === 0 && status === 0 ? "" : `${statusText} ${severityText}`

/** The name column of caget. */
export const nameColumn = (name: string): string => name.padEnd(30)

/** One reading as plain data for `--json`; numbers that JSON lacks are their names. */
export function jsonOf(name: string, reading: DbrReading): Record<string, unknown> {
  const { seconds, nanoseconds, severityText, statusText, metadata, type } = reading
  const label = typeof reading.value === "number" ? metadata?.enumStrings?.[reading.value] : undefined
  return {
    name,
    value: jsonValue(reading.value),
    ...(label === undefined ? {} : { label }),
    type: dbrName(baseOf(type)),
    severity: severityText,
    status: statusText,
    seconds,
    nanoseconds,
  }
}

const jsonNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value))

function jsonValue(value: DbrValue): unknown {
  if (typeof value === "string") return value
  if (typeof value === "number") return jsonNumber(value)
  return Array.from(value as ArrayLike<number | string>, each =>
    typeof each === "number" ? jsonNumber(each) : each,
  )
}
