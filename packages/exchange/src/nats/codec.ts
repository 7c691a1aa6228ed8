/** Documents as MessagePack, the way bluesky-nats writes and reads them (ormsgpack, numpy arrays as lists). */
import { decode, encode } from "@msgpack/msgpack"
import { ExchangeError } from "../errors.ts"

const options = { useBigInt64: true, ignoreUndefined: true } as const

export const packDocument = (doc: unknown): Uint8Array => encode(packable(doc), options)

/** @throws ExchangeError `FORMAT` for what is no map in MessagePack */
export function unpackDocument(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = unpacked(decode(bytes, { useBigInt64: true }))
  } catch (cause) {
    throw new ExchangeError("FORMAT", `${bytes.length} bytes are not MessagePack`, { cause })
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ExchangeError("FORMAT", "the message is no document: not a map")
  return value as Record<string, unknown>
}

function packable(value: unknown): unknown {
  // The library writes whole numbers beyond 32 bits as floating point unless they are bigint.
  if (typeof value === "number")
    return Number.isSafeInteger(value) && Math.abs(value) > 0x7fffffff ? BigInt(value) : value
  if (typeof value === "function" || typeof value === "symbol") return undefined
  if (typeof value !== "object" || value === null) return value
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, packable)
  if (Array.isArray(value)) return value.map(packable)
  if (value instanceof Date) return value.toISOString()
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, packable(v)]))
}

function unpacked(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof Date)
    return value
  if (Array.isArray(value)) return value.map(unpacked)
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, unpacked(v)]))
}
