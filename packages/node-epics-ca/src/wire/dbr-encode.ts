import { swapInPlace } from "./byte-order.ts"
import {
  baseOf,
  DBR_STSACK_STRING,
  Dbr,
  type DbrBase,
  DbrFamily,
  dbrPayloadSize,
  ENUM_STRING_SIZE,
  EPICS_EPOCH,
  elementSize,
  familyOf,
  MAX_ENUM_STATES,
  STRING_SIZE,
  UNITS_SIZE,
  valueOffset,
} from "./dbr-types.ts"
import type { DbrMetadata, DbrSource } from "./dbr-value.ts"
import { encodeText } from "./text.ts"
import type { MessageWriter } from "./writer.ts"

/**
 * Writes a whole data message: header and payload of `count` elements of DBR type `type`. Values must already be of
 * the type's base (numbers, or text for strings); missing elements and all padding are zeros.
 */
export function writeDbr(
  writer: MessageWriter,
  command: number,
  type: number,
  count: number,
  p1: number,
  p2: number,
  source: DbrSource,
): void {
  const size = dbrPayloadSize(type, count)
  const at = writer.begin(command, size, type, count, p1, p2)
  encodeDbr(writer.bytes, writer.view, at, type, count, source)
}

/** Writes a payload at `at`. The caller provides {@link dbrPayloadSize} bytes there; every one of them is written. */
export function encodeDbr(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  count: number,
  source: DbrSource,
): void {
  const first = at + valueOffset(type)
  bytes.fill(0, at, first)
  const family = familyOf(type)
  if (family !== DbrFamily.PLAIN || type === DBR_STSACK_STRING) {
    view.setInt16(at, source.status ?? 0)
    view.setInt16(at + 2, source.severity ?? 0)
  }
  if (family === DbrFamily.TIME) {
    const seconds = Math.trunc(source.seconds ?? 0) - EPICS_EPOCH
    const set = seconds >= 0
    view.setUint32(at + 4, set ? seconds : 0)
    view.setUint32(at + 8, set ? (source.nanoseconds ?? 0) : 0)
  } else if (type === DBR_STSACK_STRING) {
    view.setUint16(at + 4, source.metadata?.ackTransient ?? 0)
    view.setUint16(at + 6, source.metadata?.ackSeverity ?? 0)
  } else if (family >= DbrFamily.GR) {
    encodeMetadata(bytes, view, at, type, source.metadata ?? {})
  }
  const end = encodeElements(bytes, view, first, type, count, source.value)
  bytes.fill(0, end, at + dbrPayloadSize(type, count))
}

function encodeElements(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  count: number,
  value: DbrSource["value"],
): number {
  const base = baseOf(type)
  const size = elementSize(type)
  if (base === Dbr.STRING) {
    for (let i = 0; i < count; i += 1) {
      const text =
        typeof value === "string" ? (i === 0 ? value : "") : typeof value === "number" ? "" : (value[i] ?? "")
      encodeText(bytes, at + i * STRING_SIZE, STRING_SIZE, String(text))
    }
    return at + count * size
  }
  if (typeof value === "number" || typeof value === "string") {
    if (count > 0) setElement(view, at, base, Number(value))
    return at + Math.min(count, 1) * size
  }
  const present = Math.min(count, value.length)
  if (present > 16 && sameLayout(value, base)) {
    const target = bytes.subarray(at, at + present * size)
    target.set(new Uint8Array(value.buffer, value.byteOffset, present * size))
    swapInPlace(target, size)
  } else {
    for (let i = 0; i < present; i += 1) setElement(view, at + i * size, base, Number(value[i]))
  }
  return at + present * size
}

function sameLayout(value: ArrayLike<unknown>, base: DbrBase): value is ArrayLike<unknown> & ArrayBufferView {
  switch (base) {
    case Dbr.DOUBLE:
      return value instanceof Float64Array
    case Dbr.FLOAT:
      return value instanceof Float32Array
    case Dbr.LONG:
      return value instanceof Int32Array
    case Dbr.ENUM:
    case Dbr.SHORT:
      return value instanceof Int16Array || value instanceof Uint16Array
    default:
      return value instanceof Uint8Array || value instanceof Int8Array
  }
}

function setElement(view: DataView, at: number, base: DbrBase, value: number): void {
  switch (base) {
    case Dbr.DOUBLE:
      view.setFloat64(at, value)
      break
    case Dbr.FLOAT:
      view.setFloat32(at, value)
      break
    case Dbr.LONG:
      view.setInt32(at, value)
      break
    case Dbr.ENUM:
      view.setUint16(at, value)
      break
    case Dbr.SHORT:
      view.setInt16(at, value)
      break
    default:
      view.setUint8(at, value)
  }
}

function encodeMetadata(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  metadata: DbrMetadata,
): void {
  const base = baseOf(type)
  if (base === Dbr.STRING) return
  if (base === Dbr.ENUM) {
    const states = (metadata.enumStrings ?? []).slice(0, MAX_ENUM_STATES)
    view.setInt16(at + 4, states.length)
    for (const [i, text] of states.entries()) {
      encodeText(bytes, at + 6 + i * ENUM_STRING_SIZE, ENUM_STRING_SIZE, text)
    }
    return
  }
  const floating = base === Dbr.DOUBLE || base === Dbr.FLOAT
  if (floating) view.setInt16(at + 4, metadata.precision ?? 0)
  const units = at + (floating ? 8 : 4)
  encodeText(bytes, units, UNITS_SIZE, metadata.units ?? "")
  const limits = [
    metadata.upperDisplayLimit,
    metadata.lowerDisplayLimit,
    metadata.upperAlarmLimit,
    metadata.upperWarningLimit,
    metadata.lowerWarningLimit,
    metadata.lowerAlarmLimit,
  ]
  if (familyOf(type) === DbrFamily.CTRL) limits.push(metadata.upperControlLimit, metadata.lowerControlLimit)
  const size = elementSize(type)
  for (const [i, limit] of limits.entries()) setElement(view, units + UNITS_SIZE + i * size, base, limit ?? 0)
}
