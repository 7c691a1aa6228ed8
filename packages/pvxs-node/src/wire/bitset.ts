import { PvaProtocolError } from "../errors.ts"
import type { Reader } from "./reader.ts"
import type { Writer } from "./writer.ts"

/**
 * A set of small numbers: which nodes of a structure a message carries. Kept as bytes in ascending order without
 * trailing zeros, which is also how a little-endian message holds it.
 */
export class BitSet {
  #bytes: Uint8Array
  #length = 0

  constructor(bits: Iterable<number> = []) {
    this.#bytes = new Uint8Array(8)
    for (const bit of bits) this.set(bit)
  }

  set(bit: number): void {
    const at = bit >> 3
    if (at >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(at + 1, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[at]! |= 1 << (bit & 7)
    if (at >= this.#length) this.#length = at + 1
  }

  has(bit: number): boolean {
    const at = bit >> 3
    return at < this.#length && (this.#bytes[at]! & (1 << (bit & 7))) !== 0
  }

  /** True when any bit of [from, to) is set. */
  intersects(from: number, to: number): boolean {
    for (let bit = from; bit < to; bit++) if (this.has(bit)) return true
    return false
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Adds every bit of another set. */
  or(other: BitSet): this {
    for (const bit of other) this.set(bit)
    return this
  }

  clone(): BitSet {
    return new BitSet().or(this)
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let at = 0; at < this.#length; at++) {
      const byte = this.#bytes[at]!
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) yield at * 8 + bit
    }
  }

  /**
   * Same set, same key. Sets of up to 48 bits give a number, which is the common case and needs no allocation.
   */
  get key(): number | string {
    if (this.#length > 6) return String.fromCharCode(...this.#bytes.subarray(0, Math.min(this.#length, 4096)))
    let key = 0
    for (let i = this.#length - 1; i >= 0; i--) key = key * 256 + this.#bytes[i]!
    return key
  }

  /** Bytes as a message in this byte order holds them (specification, "BitSet"): big-endian reverses each complete group of eight. */
  write(writer: Writer): void {
    writer.size(this.#length)
    const at = writer.room(this.#length)
    for (let i = 0; i < this.#length; i++) {
      writer.bytes[at + position(i, this.#length, writer.little)] = this.#bytes[i]!
    }
  }

  /** Reads a set whose bits must lie below `limit`; later bits are skipped, as they belong to no field. */
  static read(reader: Reader, limit: number): BitSet {
    const length = reader.sizeOrNull()
    if (length < 0) throw new PvaProtocolError("a bit set has no size")
    const at = reader.take(length)
    const wanted = Math.min(length, (limit + 7) >> 3)
    const set = new BitSet()
    if (wanted > set.#bytes.length) set.#bytes = new Uint8Array(wanted)
    for (let i = 0; i < wanted; i++) {
      const byte = reader.bytes[at + position(i, length, reader.little)]!
      set.#bytes[i] = byte
      if (byte !== 0) set.#length = i + 1
    }
    return set
  }
}

const position = (i: number, length: number, little: boolean): number =>
  little || (i & ~7) + 8 > length ? i : (i & ~7) + 7 - (i & 7)

/**
 * Looks at the bit set at the reader's position and, when it has at most six bytes, consumes it and returns its key
 * (see `BitSet.key`) without building a set; otherwise returns -1 and leaves the reader where it was.
 */
export function readShortKey(reader: Reader): number {
  const start = reader.pos
  const length = reader.u8()
  if (length > 6) {
    reader.pos = start
    return -1
  }
  const at = reader.take(length)
  let key = 0
  for (let i = length - 1; i >= 0; i--) key = key * 256 + reader.bytes[at + i]!
  return key
}
