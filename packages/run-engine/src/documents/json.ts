/**
 * The one JSON form of documents. JSON has neither non-finite numbers nor 64-bit integers nor typed arrays, so these
 * become tagged objects, and only here:
 *
 * | value | in JSON |
 * |---|---|
 * | `NaN`, `Infinity`, `-Infinity` | `{ "$number": "NaN" }`, `"Infinity"`, `"-Infinity"` |
 * | `bigint` | `{ "$int64": "9007199254740993" }` |
 * | typed array | `{ "$array": "<f8", "base64": "…" }`, little-endian, dtype as numpy writes it |
 * | `undefined` in an object | left out |
 */
const dtypes = {
  Int8Array: "|i1",
  Uint8Array: "|u1",
  Int16Array: "<i2",
  Uint16Array: "<u2",
  Int32Array: "<i4",
  Uint32Array: "<u4",
  BigInt64Array: "<i8",
  BigUint64Array: "<u8",
  Float32Array: "<f4",
  Float64Array: "<f8",
} as const

type Typed = { readonly buffer: ArrayBufferLike; readonly byteOffset: number; readonly byteLength: number }

const makers: Record<string, (buffer: ArrayBuffer) => unknown> = {
  "|i1": b => new Int8Array(b),
  "|u1": b => new Uint8Array(b),
  "<i2": b => new Int16Array(b),
  "<u2": b => new Uint16Array(b),
  "<i4": b => new Int32Array(b),
  "<u4": b => new Uint32Array(b),
  "<i8": b => new BigInt64Array(b),
  "<u8": b => new BigUint64Array(b),
  "<f4": b => new Float32Array(b),
  "<f8": b => new Float64Array(b),
}

function base64Of({ buffer, byteOffset, byteLength }: Typed): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength)
  let text = ""
  // In pieces: a call takes only so many arguments.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}

function toPlain(_key: string, value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : { $number: String(value) }
  if (typeof value === "bigint") return { $int64: String(value) }
  if (ArrayBuffer.isView(value)) {
    const dtype = dtypes[value.constructor.name as keyof typeof dtypes]
    return dtype === undefined ? value : { $array: dtype, base64: base64Of(value) }
  }
  return value
}

function fromPlain(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  const tagged = value as { $number?: unknown; $int64?: unknown; $array?: unknown; base64?: unknown }
  if (typeof tagged.$number === "string") return Number(tagged.$number)
  if (typeof tagged.$int64 === "string") return BigInt(tagged.$int64)
  if (typeof tagged.$array === "string" && typeof tagged.base64 === "string") {
    const text = atob(tagged.base64)
    const bytes = new Uint8Array(text.length)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    const make = makers[tagged.$array]
    if (make !== undefined) return make(bytes.buffer)
  }
  return value
}

/** One line of JSON. */
export const documentToJson = (doc: unknown): string => JSON.stringify(doc, toPlain)

/** What `documentToJson` wrote. Throws `SyntaxError` on anything that is not JSON. */
export const documentFromJson = (text: string): unknown => JSON.parse(text, fromPlain)
