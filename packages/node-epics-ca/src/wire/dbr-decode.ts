import { CaProtocolError } from "../errors.ts"
import { swapInPlace } from "./byte-order.ts"
import {
  baseOf,
  DBR_STSACK_STRING,
  Dbr,
  DbrFamily,
  dbrName,
  ENUM_STRING_SIZE,
  EPICS_EPOCH,
  elementSize,
  familyOf,
  isDbrType,
  LAST_DBR_TYPE,
  MAX_ENUM_STATES,
  STRING_SIZE,
  UNITS_SIZE,
  valueOffset,
} from "./dbr-types.ts"
import { type DbrMetadata, type DbrNumberArray, DbrReading } from "./dbr-value.ts"
import type { Message } from "./message.ts"
import { decodeText } from "./text.ts"

/**
 * Turns the payload of a read reply or subscription update into a value. With `scalar` a single element comes as a
 * number or string; otherwise, and for any other count, the value is a typed array or an array of strings. The value never shares memory
 * with a re-used read buffer.
 *
 * Throws {@link CaProtocolError} when the type does not exist or the payload is too short for what the header claims.
 */
export function decodeDbr(message: Message, scalar: boolean): DbrReading {
  const { dataType: type, count, offset, view } = message
  const start = checkPayload(message)
  const value = scalar && count === 1 ? decodeScalar(message, start) : decodeArray(message, start)
  const family = familyOf(type)
  if (family === DbrFamily.TIME) {
    const nanoseconds = view.getUint32(offset + 8)
    const seconds = view.getUint32(offset + 4)
    return new DbrReading(
      type,
      value,
      view.getInt16(offset),
      view.getInt16(offset + 2),
      // 0/0 is "never set": it stays recognisable as 1990.
      seconds + EPICS_EPOCH,
      nanoseconds < 1e9 ? nanoseconds : 999_999_999,
      undefined,
    )
  }
  if (family === DbrFamily.PLAIN && type !== DBR_STSACK_STRING) {
    return new DbrReading(type, value, 0, 0, 0, 0, undefined)
  }
  const metadata = family === DbrFamily.STS ? undefined : decodeMetadata(message, family)
  return new DbrReading(type, value, view.getInt16(offset), view.getInt16(offset + 2), 0, 0, metadata)
}

/** Verifies type and size; returns the position of the first element. */
function checkPayload(message: Message): number {
  const { dataType: type, count, size } = message
  if (type > LAST_DBR_TYPE || !isDbrType(type)) {
    throw new CaProtocolError("unknown-type", `the peer sent a value of unknown type ${type}`)
  }
  const first = valueOffset(type)
  // A peer may cut a single string after its terminator.
  const needed = first + (count === 1 && baseOf(type) === Dbr.STRING ? 0 : count * elementSize(type))
  if (first > size) {
    throw new CaProtocolError(
      "payload-too-short",
      `${dbrName(type)} needs ${first} bytes, the peer sent ${size}`,
    )
  }
  if (needed > size) {
    throw new CaProtocolError(
      "count-exceeds-payload",
      `the peer announced ${count} elements of ${dbrName(type)} (${needed} bytes) in a payload of ${size} bytes`,
    )
  }
  return message.offset + first
}

function decodeScalar(message: Message, at: number): number | string {
  const { view } = message
  switch (baseOf(message.dataType)) {
    case Dbr.DOUBLE:
      return view.getFloat64(at)
    case Dbr.LONG:
      return view.getInt32(at)
    case Dbr.ENUM:
      return view.getUint16(at)
    case Dbr.FLOAT:
      return view.getFloat32(at)
    case Dbr.SHORT:
      return view.getInt16(at)
    case Dbr.CHAR:
      return view.getUint8(at)
    default:
      return decodeText(message.bytes, at, Math.min(STRING_SIZE, message.offset + message.size - at))
  }
}

const arrayTypes = [
  Uint8Array,
  Int16Array,
  Float32Array,
  Uint16Array,
  Uint8Array,
  Int32Array,
  Float64Array,
] as const

function decodeArray(message: Message, at: number): DbrNumberArray | string[] {
  const { count, bytes } = message
  const base = baseOf(message.dataType)
  if (base === Dbr.STRING) {
    const end = message.offset + message.size
    return Array.from({ length: count }, (_, i) => {
      const start = at + i * STRING_SIZE
      return decodeText(bytes, start, Math.min(STRING_SIZE, end - start))
    })
  }
  const size = elementSize(message.dataType)
  // Large messages arrive in memory of their own: then only the byte order changes. Otherwise one copy.
  const own =
    message.owned && at % size === 0
      ? bytes.subarray(at, at + count * size)
      : bytes.slice(at, at + count * size)
  if (!message.swapped) swapInPlace(own, size)
  return new arrayTypes[base](own.buffer as ArrayBuffer, own.byteOffset, count)
}

function decodeMetadata(message: Message, family: DbrFamily): DbrMetadata {
  const { view, bytes, offset, dataType: type } = message
  if (type === DBR_STSACK_STRING) {
    return { ackTransient: view.getUint16(offset + 4), ackSeverity: view.getUint16(offset + 6) }
  }
  const base = baseOf(type)
  if (base === Dbr.STRING) return {}
  if (base === Dbr.ENUM) {
    const states = Math.max(0, Math.min(MAX_ENUM_STATES, view.getInt16(offset + 4)))
    const text = (_: unknown, i: number) =>
      decodeText(bytes, offset + 6 + i * ENUM_STRING_SIZE, ENUM_STRING_SIZE)
    return { enumStrings: Array.from({ length: states }, text) }
  }
  const floating = base === Dbr.DOUBLE || base === Dbr.FLOAT
  const size = elementSize(type)
  const units = offset + (floating ? 8 : 4)
  let at = units + UNITS_SIZE
  const limit = (): number => {
    const position = at
    at += size
    switch (base) {
      case Dbr.DOUBLE:
        return view.getFloat64(position)
      case Dbr.FLOAT:
        return view.getFloat32(position)
      case Dbr.LONG:
        return view.getInt32(position)
      case Dbr.SHORT:
        return view.getInt16(position)
      default:
        return view.getUint8(position)
    }
  }
  const metadata: DbrMetadata = {
    units: decodeText(bytes, units, UNITS_SIZE),
    upperDisplayLimit: limit(),
    lowerDisplayLimit: limit(),
    upperAlarmLimit: limit(),
    upperWarningLimit: limit(),
    lowerWarningLimit: limit(),
    lowerAlarmLimit: limit(),
  }
  if (floating) metadata.precision = view.getInt16(offset + 4)
  if (family === DbrFamily.CTRL) {
    metadata.upperControlLimit = limit()
    metadata.lowerControlLimit = limit()
  }
  return metadata
}
