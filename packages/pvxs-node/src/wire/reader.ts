import { PvaProtocolError } from "../errors.ts"
import { defaultLimits, type PvaLimits } from "./limits.ts"
import { TypeCache } from "./type-cache.ts"

/** Values that one message may become: its arrays together four times the largest, and room for descriptions of types. */
const valuesPerMessage = ({ maxItems, maxFields }: PvaLimits): number => 4 * maxItems + 8 * maxFields

/** A byte order mark at the start of a text is part of it. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * Reads the fields of one message. It looks into the bytes it was given and copies nothing but strings and
 * arrays, so it is valid only as long as they are. Every read that would pass the end throws PvaProtocolError.
 */
export class Reader {
  bytes: Uint8Array
  view: DataView
  pos: number
  end: number
  little: boolean
  readonly limits: PvaLimits
  /** The bytes belong to this message alone, so a large array in it may keep them instead of a copy. */
  owned = false
  /** The memory of this message, when an array of it has been left there. */
  kept: ArrayBufferLike | null = null
  /** By how many bytes the message should have started later for its large array to be aligned. */
  misaligned = 0
  /** Types the peer has defined by id; they live as long as the connection, as this reader does. */
  readonly types: TypeCache
  #depth = 0
  /** What this message may still make of itself, see `charge`. */
  #budget: number

  constructor(bytes: Uint8Array, little = true, limits: PvaLimits = defaultLimits) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.pos = 0
    this.end = bytes.length
    this.little = little
    this.limits = limits
    this.types = new TypeCache(limits)
    this.#budget = valuesPerMessage(limits)
  }

  /** Points this reader at other bytes, so that a connection needs only one. */
  reset(bytes: Uint8Array, view: DataView, pos: number, end: number, little: boolean, owned = false): this {
    this.owned = owned
    this.kept = null
    this.misaligned = 0
    this.bytes = bytes
    this.view = view
    this.pos = pos
    this.end = end
    this.little = little
    this.#depth = 0
    this.#budget = valuesPerMessage(this.limits)
    return this
  }

  get remaining(): number {
    return this.end - this.pos
  }

  /** Reserves the next `n` bytes and returns where they start. */
  take(n: number): number {
    const at = this.pos
    if (n > this.end - at) {
      throw new PvaProtocolError(`a message ends ${n - (this.end - at)} bytes too early, at offset ${at}`)
    }
    this.pos = at + n
    return at
  }

  /** Runs `inner` one level deeper; types and variants nest at most `limits.maxDepth` deep. */
  nested<T>(inner: () => T): T {
    if (++this.#depth > this.limits.maxDepth) {
      throw new PvaProtocolError(`data nest deeper than ${this.limits.maxDepth} levels`, "PVA_LIMIT")
    }
    const result = inner()
    this.#depth--
    return result
  }

  u8(): number {
    return this.view.getUint8(this.take(1))
  }
  i8(): number {
    return this.view.getInt8(this.take(1))
  }
  u16(): number {
    return this.view.getUint16(this.take(2), this.little)
  }
  i16(): number {
    return this.view.getInt16(this.take(2), this.little)
  }
  u32(): number {
    return this.view.getUint32(this.take(4), this.little)
  }
  i32(): number {
    return this.view.getInt32(this.take(4), this.little)
  }
  f32(): number {
    return this.view.getFloat32(this.take(4), this.little)
  }
  f64(): number {
    return this.view.getFloat64(this.take(8), this.little)
  }

  /** A 64-bit integer as a number where that is exact, as a bigint where it is not (time stamps never need one). */
  i64(): number | bigint {
    const at = this.take(8)
    const little = this.little
    const high = this.view.getInt32(little ? at + 4 : at, little)
    if (high < -0x20_0000 || high > 0x1f_ffff) return this.view.getBigInt64(at, little)
    const low = this.view.getUint32(little ? at : at + 4, little)
    // Minus 2**53 itself is not a safe integer.
    if (high === -0x20_0000 && low === 0) return this.view.getBigInt64(at, little)
    return high * 0x1_0000_0000 + low
  }

  u64(): number | bigint {
    const at = this.take(8)
    const little = this.little
    const high = this.view.getUint32(little ? at + 4 : at, little)
    if (high > 0x1f_ffff) return this.view.getBigUint64(at, little)
    return high * 0x1_0000_0000 + this.view.getUint32(little ? at : at + 4, little)
  }

  /** Size encoding (pvAccess specification, "Sizes"); null is -1. */
  sizeOrNull(): number {
    const first = this.u8()
    if (first < 0xfe) return first
    if (first === 0xff) return -1
    const long = this.u32()
    if (long !== 0x7fff_ffff) return long
    const huge = this.i64()
    if (typeof huge === "bigint" || huge < 0) throw new PvaProtocolError(`impossible size ${huge}`)
    return huge
  }

  /** A size that counts something; null, as Java sends it for nothing, counts as 0. */
  size(): number {
    const n = this.sizeOrNull()
    return n < 0 ? 0 : n
  }

  /** A number of elements of at least `bytesEach` bytes, refused before anything is allocated when they cannot be there. */
  count(bytesEach: number): number {
    const n = this.size()
    if (n * bytesEach > this.remaining) {
      throw new PvaProtocolError(
        `an array claims ${n} elements of ${bytesEach} bytes where ${this.remaining} are left`,
      )
    }
    return n
  }

  /** A number of elements that become one object each. */
  items(): number {
    const n = this.count(1)
    if (n > this.limits.maxItems) {
      throw new PvaProtocolError(
        `an array claims ${n} items, the limit is ${this.limits.maxItems}`,
        "PVA_LIMIT",
      )
    }
    this.charge(n)
    return n
  }

  /**
   * Counts `n` values that take memory here, whatever they take on the wire: a byte can stand for a structure of
   * thousands of fields.
   */
  charge(n: number): void {
    this.#budget -= n
    if (this.#budget >= 0) return
    throw new PvaProtocolError(
      `a message holds more than ${valuesPerMessage(this.limits)} values`,
      "PVA_LIMIT",
    )
  }

  /** UTF-8, with replacement characters for invalid bytes; null reads as empty. */
  string(): string {
    const n = this.size()
    if (n === 0) return ""
    const at = this.take(n)
    const bytes = this.bytes
    if (n <= 48) {
      // Short texts are nearly always ASCII, where building them by hand beats a decoder call several times.
      let text = ""
      let i = at
      for (; i < at + n; i++) {
        const byte = bytes[i]!
        if (byte > 0x7f) break
        text += String.fromCharCode(byte)
      }
      if (i === at + n) return text
    }
    return utf8.decode(bytes.subarray(at, at + n))
  }

  /** A copy of the next `n` bytes, owned by the caller. */
  copy(n: number): Uint8Array {
    const at = this.take(n)
    return this.bytes.slice(at, at + n)
  }
}
