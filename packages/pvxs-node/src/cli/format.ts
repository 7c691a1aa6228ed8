import { normativeName, readAlarm, readTimeStamp, severityNames, statusNames } from "../nt/common.ts"
import { readNdArray } from "../nt/nd-array.ts"
import { readTable } from "../nt/table.ts"
import { PvAny } from "../values/any.ts"
import { nameOf } from "../values/create.ts"
import type { FieldType } from "../values/field-type.ts"
import { fieldNames, isStructure, nodeOf } from "../values/structure.ts"
import { PvUnion } from "../values/union.ts"
import type { PvStructureValue } from "../values/value-of.ts"

/** Elements of an array that are printed before the rest is only counted. */
const shownElements = 20

/** One value in one line: arrays in brackets, an enum as `(1) Open`. */
export function formatValue(value: unknown, all = false): string {
  if (value === null || value === undefined) return "(none)"
  if (typeof value === "string") return value
  if (value instanceof PvUnion || value instanceof PvAny) return formatValue(value.value, all)
  if (isStructure(value)) {
    const { index, choices } = value as { index?: unknown; choices?: unknown }
    if (typeof index === "number" && Array.isArray(choices)) return `(${index}) ${choices[index] ?? "?"}`
    return `{${fieldNames(value)
      .map(name => `${name}: ${formatValue(value[name], all)}`)
      .join(", ")}}`
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const list = Array.from(value as ArrayLike<unknown>)
    const shown = all ? list : list.slice(0, shownElements)
    const rest = list.length - shown.length
    return `[${shown.map(item => formatValue(item, all)).join(", ")}${rest > 0 ? `, … ${rest} more` : ""}]`
  }
  return String(value)
}

/** The start of EPICS' own count of seconds: the time of a record that was never processed. */
const neverProcessed = 631_152_000

/** `2026-11-23 05:33:35.123456`, in local time; blanks where a value has no time. */
export function formatTime(value: unknown): string {
  const time = readTimeStamp(value)
  if (time === null || time.secondsPastEpoch <= neverProcessed) return "<undefined>".padEnd(26)
  const date = new Date(time.secondsPastEpoch * 1000)
  const two = (n: number): string => String(n).padStart(2, "0")
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${clock}.${String(Math.floor(time.nanoseconds / 1000)).padStart(6, "0")}`
}

/** `MAJOR RECORD HIHI`, or nothing without an alarm. */
export function formatAlarm(value: unknown): string {
  const alarm = readAlarm(value)
  if (alarm === null || alarm.severity === 0) return ""
  const words = [
    severityNames[alarm.severity] ?? alarm.severity,
    statusNames[alarm.status] ?? alarm.status,
    alarm.message,
  ]
  return words.filter(word => word !== "").join(" ")
}

/** A value as `pvget` shows it: one line where it has a `value`, a table as a table, everything else by members. */
export function formatReading(name: string, value: PvStructureValue, all = false): string {
  const image = readNdArray(value)
  if (image !== null) {
    const { shape, pixelType, codec, uniqueId } = image
    const kind = `${shape.join(" × ")} ${pixelType ?? "?"}${codec === "" ? "" : `, ${codec}`}`
    return [name, formatTime(value), `image ${uniqueId}: ${kind}`, formatAlarm(value)].join(" ").trimEnd()
  }
  if (normativeName(value) === "epics:nt/NTTable" || nodeOf(value).child("labels") !== undefined) {
    const table = readTable(value)
    if (table !== null) return `${name}\n${formatTable(table)}`
  }
  const node = nodeOf(value).child("value")
  const simple = node !== undefined && (node.codec !== null || node.child("choices") !== undefined)
  if (!simple) return `${name}\n${formatMembers(value, all)}`
  return [name, formatTime(value), formatValue(value["value"], all), formatAlarm(value)].join(" ").trimEnd()
}

function formatTable({ labels, names, columns, rows }: NonNullable<ReturnType<typeof readTable>>): string {
  const cells = names.map((name, i) => [
    labels[i] ?? name,
    ...Array.from({ length: rows }, (_, row) => formatValue(columns[name]?.[row])),
  ])
  const widths = cells.map(column => Math.max(...column.map(cell => cell.length)))
  const line = (row: number): string => cells.map((column, i) => column[row]!.padStart(widths[i]!)).join(" ")
  return Array.from({ length: rows + 1 }, (_, row) => `    ${line(row)}`).join("\n")
}

/** Every member in a line of its own, as `pvxget` does: `    alarm.severity int = 0`; by default all of them. */
export function formatMembers(
  value: PvStructureValue,
  all = false,
  wanted: (path: string) => boolean = () => true,
  path = "",
): string {
  return fieldNames(value)
    .map(name => {
      const inner = path === "" ? name : `${path}.${name}`
      if (!wanted(inner)) return ""
      const member = value[name]
      const type = nodeOf(value).child(name)!.type
      if (type.kind === "structure") return formatMembers(member as PvStructureValue, all, wanted, inner)
      return `    ${inner} ${nameOf(type)} = ${typeof member === "string" ? JSON.stringify(member) : formatValue(member, all)}`
    })
    .filter(line => line !== "")
    .join("\n")
}

/** A type as `pvinfo` shows it. */
export function formatType(type: FieldType, name = "", indent = 0): string {
  const pad = " ".repeat(indent)
  const inner = type.kind === "structure[]" || type.kind === "union[]" ? type.of : type
  const line = `${pad}${nameOf(type)}${name === "" ? "" : ` ${name}`}`
  if (inner.kind !== "structure" && inner.kind !== "union") return line
  return [line, ...inner.members.map(member => formatType(member.type, member.name, indent + 4))].join("\n")
}
