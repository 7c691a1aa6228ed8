import { PvaProtocolError } from "../errors.ts"
import { Flag, headerBytes, magic } from "./codes.ts"
import type { PvaLimits } from "./limits.ts"
import { Reader } from "./reader.ts"

export interface FrameHandler {
  /** One whole application message. The reader and what it looks at are valid during this call only. */
  onMessage(command: number, reader: Reader): void
  /** One control message: its number, its value, and the byte order its header was written in. */
  onControl(command: number, value: number, little: boolean): void
}

/** Given back memory of so many messages is kept. */
const spareKept = 2

/**
 * Cuts a byte stream into messages (specification, "Message header" and segmentation). Push chunks as they come;
 * a chunk may be overwritten after `push` returns, only the tail of an unfinished message is kept.
 */
export class Framer {
  readonly #limits: PvaLimits
  readonly #handler: FrameHandler
  readonly #expectServer: boolean
  readonly #reader: Reader
  readonly #head = new Uint8Array(headerBytes)
  readonly #headView = new DataView(this.#head.buffer)
  #headLength = 0
  /** The message being assembled, allocated once from the announced size. */
  #body: Uint8Array | null = null
  #bodyLength = 0
  /** Segments so far, in one buffer that grows; the next segmented message starts with the size of the last. */
  #segments: Uint8Array = new Uint8Array(0)
  #segmentBytes = 0
  #segmentsExpected = 0
  #segmentCommand = -1
  /** Memory given back, for messages to come. */
  readonly #spare: ArrayBufferLike[] = []
  /** Where in their memory messages start, so that the arrays they hold come to lie aligned. */
  #shift = 0

  /** `expectServer`: the direction bit that every message of this peer must carry. */
  constructor(limits: PvaLimits, expectServer: boolean, handler: FrameHandler) {
    this.#limits = limits
    this.#handler = handler
    this.#expectServer = expectServer
    this.#reader = new Reader(new Uint8Array(0), true, limits)
  }

  /**
   * Takes bytes, and returns how many: all, unless `enough` said after a message that the next has to wait. Throws
   * PvaProtocolError where the peer breaks the framing or a limit; the stream is lost then.
   */
  push(chunk: Uint8Array, enough?: () => boolean): number {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let pos = 0
    while (pos < chunk.length && (pos === 0 || enough?.() !== true)) {
      if (this.#body !== null) {
        pos = this.#fillBody(chunk, pos)
      } else if (this.#headLength > 0 || chunk.length - pos < headerBytes) {
        pos = this.#fillHead(chunk, pos)
      } else {
        const size = this.#check(view, pos)
        if (chunk.length - pos - headerBytes < size) {
          this.#head.set(chunk.subarray(pos, pos + headerBytes))
          this.#body = this.#roomFor(size)
          pos += headerBytes
        } else {
          const start = pos + headerBytes
          this.#dispatch(view, pos, chunk, view, start, start + size)
          pos = start + size
        }
      }
    }
    return pos
  }

  /** Room in the message being assembled: a socket may read straight into it and then call `filled`. */
  pendingRoom(): Uint8Array | null {
    return this.#body === null ? null : this.#body.subarray(this.#bodyLength)
  }

  /** Says that `n` bytes have been read into `pendingRoom()`. */
  filled(n: number): void {
    this.#bodyLength += n
    this.#finishBody()
  }

  #fillHead(chunk: Uint8Array, pos: number): number {
    const n = Math.min(headerBytes - this.#headLength, chunk.length - pos)
    this.#head.set(chunk.subarray(pos, pos + n), this.#headLength)
    this.#headLength += n
    if (this.#headLength === headerBytes) {
      this.#headLength = 0
      const size = this.#check(this.#headView, 0)
      this.#body = this.#roomFor(size)
      this.#finishBody()
    }
    return pos + n
  }

  #fillBody(chunk: Uint8Array, pos: number): number {
    const body = this.#body!
    const n = Math.min(body.length - this.#bodyLength, chunk.length - pos)
    body.set(chunk.subarray(pos, pos + n), this.#bodyLength)
    this.#bodyLength += n
    this.#finishBody()
    return pos + n
  }

  #finishBody(): void {
    const body = this.#body
    if (body === null || this.#bodyLength < body.length) return
    this.#body = null
    this.#bodyLength = 0
    this.#dispatch(this.#headView, 0, body, viewOf(body), 0, body.length, true)
  }

  /** Checks a header before anything is buffered for it, and returns how many bytes follow. */
  #check(view: DataView, at: number): number {
    const first = view.getUint8(at)
    if (first !== magic)
      throw new PvaProtocolError(`a message starts with 0x${first.toString(16)}, not with 0xca`)
    if (view.getUint8(at + 1) === 0) throw new PvaProtocolError("a message has version 0")
    const flags = view.getUint8(at + 2)
    if (((flags & Flag.fromServer) !== 0) !== this.#expectServer) {
      throw new PvaProtocolError(
        `a message comes from a ${this.#expectServer ? "client" : "server"}, as this side is`,
      )
    }
    if ((flags & Flag.control) !== 0) return 0
    const size = view.getUint32(at + 4, (flags & Flag.bigEndian) === 0)
    const limit = this.#limits.maxMessageBytes
    if (size + this.#segmentBytes > limit) {
      const total = size + this.#segmentBytes
      throw new PvaProtocolError(`a message of ${total} bytes passes the limit of ${limit}`, "PVA_LIMIT")
    }
    return size
  }

  #dispatch(
    head: DataView,
    at: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    owned = false,
  ): void {
    const flags = head.getUint8(at + 2)
    const command = head.getUint8(at + 3)
    const little = (flags & Flag.bigEndian) === 0
    if ((flags & Flag.control) !== 0) {
      this.#handler.onControl(command, head.getUint32(at + 4, little), little)
      return
    }
    const segment = flags & Flag.segmentMask
    if (segment !== 0) {
      this.#segment(segment, command, bytes.subarray(from, to), little)
      return
    }
    if (this.#segmentCommand >= 0) throw new PvaProtocolError("a whole message between segments of another")
    this.#deliver(command, this.#reader.reset(bytes, view, from, to, little, owned))
  }

  #deliver(command: number, reader: Reader): void {
    this.#handler.onMessage(command, reader)
    if (reader.misaligned > 0) this.#shift = (this.#shift + reader.misaligned) % 8
  }

  /** Takes memory back that the arrays of a message lay in. Nobody may look at it any more. */
  recycle(memory: ArrayBufferLike): void {
    if (this.#spare.length === spareKept) this.#spare.shift()
    this.#spare.push(memory)
  }

  /** Where the body goes whose header is in `#head`: a segment at once to its place in the whole. */
  #roomFor(size: number): Uint8Array {
    const flags = this.#head[2]!
    if ((flags & Flag.control) !== 0 || (flags & Flag.segmentMask) === 0) return this.#allocate(size)
    this.#reserve(size)
    return this.#segments.subarray(this.#segmentBytes, this.#segmentBytes + size)
  }

  /** Makes room for a further segment. */
  #reserve(size: number): void {
    const needed = this.#segmentBytes + size
    if (needed <= this.#segments.length) return
    const larger = this.#allocate(Math.max(needed, this.#segmentsExpected, 2 * this.#segments.length))
    larger.set(this.#segments.subarray(0, this.#segmentBytes))
    this.#segments = larger
  }

  #allocate(size: number): Uint8Array {
    const room = size + 8
    const fits = this.#spare.findIndex(each => each.byteLength >= room && each.byteLength <= 2 * room)
    const memory = fits < 0 ? new ArrayBuffer(room) : this.#spare.splice(fits, 1)[0]!
    return new Uint8Array(memory, this.#shift, size)
  }

  #segment(segment: number, command: number, piece: Uint8Array, little: boolean): void {
    if ((segment === Flag.segmentFirst) !== this.#segmentCommand < 0) {
      throw new PvaProtocolError(
        segment === Flag.segmentFirst
          ? "a segmented message starts inside another"
          : "a segment without a first one",
      )
    }
    if (segment !== Flag.segmentFirst && command !== this.#segmentCommand) {
      throw new PvaProtocolError(`a segment of command ${command} continues command ${this.#segmentCommand}`)
    }
    this.#segmentCommand = command
    if (piece.buffer !== this.#segments.buffer) {
      this.#reserve(piece.length)
      this.#segments.set(piece, this.#segmentBytes)
    }
    this.#segmentBytes += piece.length
    if (segment !== Flag.segmentLast) return
    const needed = this.#segmentBytes
    const whole = this.#segments.subarray(0, needed)
    this.#segments = new Uint8Array(0)
    this.#segmentBytes = 0
    this.#segmentsExpected = needed
    this.#segmentCommand = -1
    this.#deliver(command, this.#reader.reset(whole, viewOf(whole), 0, needed, little, true))
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
