import { EXTENDED_HEADER_SIZE, EXTENDED_MARK, HEADER_SIZE } from "./constants.ts"
import { pad8 } from "./dbr-types.ts"
import { encodeText, textBytes } from "./text.ts"

/** Buffers kept for another use. */
const POOLED = 4
/** A buffer that had to grow beyond this is not kept. */
const POOLED_BYTES = 1 << 20

/**
 * Collects messages in one growing buffer, so that all that a turn of the event loop produces leaves in one write.
 * {@link take} hands the bytes over; {@link recycle} gives the memory back once they are written.
 */
export class MessageWriter {
  bytes: Uint8Array
  view: DataView
  /** Bytes collected so far. */
  length = 0
  readonly #initial: number
  readonly #free: Uint8Array[] = []

  constructor(initial = 16384) {
    this.#initial = initial
    this.bytes = new Uint8Array(initial)
    this.view = new DataView(this.bytes.buffer)
  }

  /**
   * Writes a header, extended when size or count need it, and makes room for the payload. Returns the position of the
   * payload, whose bytes the caller must all write: the buffer is re-used and not cleared.
   */
  begin(command: number, size: number, dataType: number, count: number, p1: number, p2: number): number {
    const extended = size >= EXTENDED_MARK || count >= EXTENDED_MARK
    const at = this.#reserve((extended ? EXTENDED_HEADER_SIZE : HEADER_SIZE) + size)
    const view = this.view
    view.setUint16(at, command)
    view.setUint16(at + 2, extended ? EXTENDED_MARK : size)
    view.setUint16(at + 4, dataType)
    view.setUint16(at + 6, extended ? 0 : count)
    view.setUint32(at + 8, p1)
    view.setUint32(at + 12, p2)
    if (!extended) return at + HEADER_SIZE
    view.setUint32(at + HEADER_SIZE, size)
    view.setUint32(at + HEADER_SIZE + 4, count)
    return at + EXTENDED_HEADER_SIZE
  }

  /** A message whose payload is a NUL-terminated text, padded with zeros. */
  text(command: number, dataType: number, count: number, p1: number, p2: number, text: string): void {
    const size = pad8(textBytes(text) + 1)
    const at = this.begin(command, size, dataType, count, p1, p2)
    encodeText(this.bytes, at, size, text)
  }

  /** Bytes as they stand, e.g. messages encoded elsewhere. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** The collected bytes; the writer goes on with other memory. The caller owns the result until it recycles it. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.#use(this.#free.pop() ?? new Uint8Array(this.#initial))
    this.length = 0
    return taken
  }

  /** Takes back what {@link take} gave, when nobody reads it any more. */
  recycle(taken: Uint8Array): void {
    if (this.#free.length >= POOLED || taken.buffer.byteLength > POOLED_BYTES) return
    this.#free.push(new Uint8Array(taken.buffer))
  }

  /** Forgets what was collected. */
  clear(): void {
    this.length = 0
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }

  #reserve(bytes: number): number {
    const at = this.length
    this.length += bytes
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, at))
      this.#use(grown)
    }
    return at
  }
}
