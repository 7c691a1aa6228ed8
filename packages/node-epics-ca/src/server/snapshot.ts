import { CaError } from "../errors.ts"
import { encodeDbr } from "../wire/dbr-encode.ts"
import {
  baseOf,
  DBR_CLASS_NAME,
  DBR_STSACK_STRING,
  Dbr,
  type DbrBase,
  DbrFamily,
  dbrPayloadSize,
  familyOf,
  STRING_SIZE,
} from "../wire/dbr-types.ts"
import type { DbrMetadata } from "../wire/dbr-value.ts"
import { Eca } from "../wire/eca.ts"
import { convert, type NativeData, numberCast } from "./convert.ts"
import type { PvDefinition } from "./definition.ts"

/** A PV at one moment. Nothing in it changes, so subscriptions that wait may all hold the same one. */
export interface Snapshot {
  readonly definition: PvDefinition
  readonly data: NativeData
  readonly status: number
  readonly severity: number
  readonly seconds: number
  readonly nanoseconds: number
  readonly ackTransient: number
  readonly ackSeverity: number
}

/** How a request wants the value presented. */
export interface Presentation {
  /** DBR type 0 to 38. */
  readonly type: number
  /** 0: as many elements as there are. */
  readonly count: number
  /** A string as an array of characters. */
  readonly longString: boolean
}

/** A payload ready to be sent. Small ones lie in memory that the next call uses again. */
export interface PresentedPayload {
  /** ECA status: success, or why there is no value. */
  readonly status: number
  readonly count: number
  readonly payload: Uint8Array
}

/** Payloads from this size on have memory of their own, so that several circuits may send the same. */
export const LARGE_PAYLOAD = 32768

const scratch = new Uint8Array(LARGE_PAYLOAD)
const scratchView = new DataView(scratch.buffer)

/** Fewer elements than this never make a large payload, not even as strings. */
const MANY_ELEMENTS = Math.floor((LARGE_PAYLOAD - 512) / STRING_SIZE)

/** The large payload that was last made of a snapshot: several readers of one image share it. */
const lastLarge = new WeakMap<Snapshot, { presentation: Presentation; presented: PresentedPayload }>()

const alike = (a: Presentation, b: Presentation): boolean =>
  a.type === b.type && a.count === b.count && a.longString === b.longString

/**
 * Encodes a snapshot as asked for: converted, with as much metadata as the type carries, filled up with zeros. A value
 * that cannot be converted gives a payload of zeros with status GETFAIL.
 */
export function presentSnapshot(snapshot: Snapshot, presentation: Presentation): PresentedPayload {
  if (snapshot.data.length < MANY_ELEMENTS && presentation.count < MANY_ELEMENTS) {
    return encodeSnapshot(snapshot, presentation)
  }
  const last = lastLarge.get(snapshot)
  if (last !== undefined && alike(last.presentation, presentation)) return last.presented
  const presented = encodeSnapshot(snapshot, presentation)
  if (presented.payload.length >= LARGE_PAYLOAD) lastLarge.set(snapshot, { presentation, presented })
  return presented
}

function encodeSnapshot(snapshot: Snapshot, presentation: Presentation): PresentedPayload {
  const { definition, status, severity, seconds, nanoseconds, ackTransient, ackSeverity } = snapshot
  let value: NativeData
  try {
    value = elementsFor(snapshot, presentation)
  } catch (error) {
    if (error instanceof CaError) return presentNothing(presentation, Eca.GETFAIL)
    throw error
  }
  const count = presentation.count > 0 ? presentation.count : value.length
  const { type } = presentation
  const metadata =
    type === DBR_STSACK_STRING
      ? { ackTransient, ackSeverity }
      : familyOf(type) >= DbrFamily.GR
        ? metadataAs(baseOf(type), definition.metadata)
        : undefined
  return encode(type, count, Eca.NORMAL, {
    value,
    status,
    severity,
    seconds,
    nanoseconds,
    metadata,
  })
}

/** A payload of zeros, for updates that carry an error status: one without payload would confirm a cancel. */
export function presentNothing({ type, count }: Presentation, status: number): PresentedPayload {
  return encode(type, Math.max(1, count), status, { value: [] as number[] })
}

function encode(
  type: number,
  count: number,
  status: number,
  source: Parameters<typeof encodeDbr>[5],
): PresentedPayload {
  const size = dbrPayloadSize(type, count)
  const small = size < LARGE_PAYLOAD
  // Every byte is written, so the memory need not be cleared first.
  const bytes = small ? scratch : Buffer.allocUnsafeSlow(size)
  encodeDbr(bytes, small ? scratchView : new DataView(bytes.buffer, bytes.byteOffset), 0, type, count, source)
  return { status, count, payload: small ? bytes.subarray(0, size) : bytes }
}

function elementsFor(snapshot: Snapshot, { type, count, longString }: Presentation): NativeData {
  const { definition } = snapshot
  const base = baseOf(type)
  if (type === DBR_CLASS_NAME) return [definition.recordType]
  const data = firstOf(snapshot.data, count)
  if (base === Dbr.ENUM && definition.base === Dbr.STRING && !definition.isArray) {
    throw new CaError("BAD_INPUT", "a string has no states that it could be one of")
  }
  if (!longString || base === Dbr.STRING) return convert(data, definition.base, base, definition)
  return convert(characters(String(data[0] ?? ""), definition.maxLength), Dbr.CHAR, base, definition)
}

/** Not more elements than were asked for: what nobody wants to see cannot fail to convert. */
function firstOf(data: NativeData, count: number): NativeData {
  if (count === 0 || count >= data.length) return data
  return (Array.isArray(data) ? data.slice(0, count) : data.subarray(0, count)) as NativeData
}

/** Limits in the base type that was asked for; those that an integer has no word for read as 0. */
function metadataAs(base: DbrBase, metadata: DbrMetadata): DbrMetadata {
  if (base === Dbr.DOUBLE) return metadata
  const cast = numberCast(base)
  const entries = Object.entries(metadata).map(([name, value]) => [
    name,
    typeof value !== "number" ? value : Number.isFinite(value) || base === Dbr.FLOAT ? cast(value) : 0,
  ])
  return Object.fromEntries(entries) as DbrMetadata
}

const encoder = new TextEncoder()

/** Text as bytes with its terminator, cut to `limit` bytes between characters. */
export function characters(text: string, limit: number): Uint8Array {
  const bytes = new Uint8Array(limit)
  const { written } = encoder.encodeInto(text, bytes.subarray(0, limit - 1))
  return bytes.subarray(0, written + 1)
}
