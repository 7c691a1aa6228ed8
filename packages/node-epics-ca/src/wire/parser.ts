import { CaProtocolError } from "../errors.ts"
import { commandName, EXTENDED_HEADER_SIZE, EXTENDED_MARK, HEADER_SIZE } from "./constants.ts"
import { LargePayload } from "./large-payload.ts"
import { Message } from "./message.ts"

/** Receives what a {@link MessageParser} finds. The message is valid only during the call. */
export interface MessageHandler {
  onMessage(message: Message): void
  /** A message whose payload exceeds the limit: header fields only, the payload is skipped. */
  onOversized(message: Message): void
}

/** Messages that span chunks are gathered here when they are small; larger ones get memory of their own. */
const TAIL_BYTES = 16384

/**
 * Cuts a TCP stream into messages. Keeps nothing but a message that the end of a chunk cut: the first bytes of it up
 * to 16 KiB in a fixed buffer, larger ones in memory allocated once from the announced size, after the limit check.
 */
export class MessageParser {
  readonly #handler: MessageHandler
  readonly #limit: number
  readonly #message = new Message()
  /** Header, or whole small message, cut by the end of a chunk. */
  readonly #tail = new Uint8Array(EXTENDED_HEADER_SIZE + TAIL_BYTES)
  #tailLength = 0
  /** Payload of a large message in the making, and a place for its header. */
  #large: LargePayload | undefined
  readonly #largeMessage = new Message()
  #skip = 0
  #stopped = false

  /** `limit` is the largest payload in bytes that is delivered. */
  constructor(handler: MessageHandler, limit: number) {
    this.#handler = handler
    this.#limit = limit
  }

  /** No further message is delivered, not even from the chunk being parsed. */
  stop(): void {
    this.#stopped = true
  }

  /** Where the next bytes of the stream belong while a large payload is received: reading into it saves a copy. */
  get target(): Uint8Array | undefined {
    return this.#large?.rest
  }

  /**
   * Takes the next bytes of the stream, which may already be in {@link target}, and delivers every message they complete. The chunk may be re-used as soon as
   * this returns. Throws {@link CaProtocolError} for a payload size that is no multiple of 8; the parser is then dead.
   */
  push(chunk: Uint8Array): void {
    let at = 0
    const end = chunk.length
    while (at < end && !this.#stopped) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, end - at)
        this.#skip -= skipped
        at += skipped
      } else if (this.#large !== undefined) {
        at = this.#fillLarge(chunk, at)
      } else if (this.#tailLength > 0) {
        at = this.#fillTail(chunk, at)
      } else {
        at = this.#whole(chunk, at)
        if (this.#skip === 0 && this.#large === undefined && at < end && !this.#stopped) {
          this.#tail.set(chunk.subarray(at), 0)
          this.#tailLength = end - at
          return
        }
      }
    }
  }

  /** Delivers the messages that lie whole in the chunk; returns where the first that does not begins (or its rest). */
  #whole(chunk: Uint8Array, start: number): number {
    const message = this.#message
    message.attach(chunk)
    message.owned = false
    const view = message.view
    const end = chunk.byteOffset + chunk.length
    let at = chunk.byteOffset + start
    while (at + HEADER_SIZE <= end && !this.#stopped) {
      let size = view.getUint16(at + 2)
      let payload = at + HEADER_SIZE
      if (size === EXTENDED_MARK) {
        if (at + EXTENDED_HEADER_SIZE > end) break
        size = view.getUint32(at + HEADER_SIZE)
        payload = at + EXTENDED_HEADER_SIZE
      }
      if (payload + size > end || (size & 7) !== 0 || size > this.#limit) {
        if ((size & 7) === 0 && size <= this.#limit && payload - at + size <= this.#tail.length) break
        readHeader(message, view, at)
        return this.#begin(message, payload - chunk.byteOffset)
      }
      message.command = view.getUint16(at)
      message.dataType = view.getUint16(at + 4)
      message.extended = payload - at === EXTENDED_HEADER_SIZE
      message.count = message.extended ? view.getUint32(at + HEADER_SIZE + 4) : view.getUint16(at + 6)
      message.p1 = view.getUint32(at + 8)
      message.p2 = view.getUint32(at + 12)
      message.size = size
      message.offset = payload
      at = payload + size
      this.#handler.onMessage(message)
    }
    return at - chunk.byteOffset
  }

  /** Goes on with a message whose first bytes are in the tail; returns how far the chunk is used. */
  #fillTail(chunk: Uint8Array, start: number): number {
    const tail = this.#tail
    let at = start
    const want = (bytes: number): boolean => {
      const copied = Math.min(bytes - this.#tailLength, chunk.length - at)
      if (copied > 0) {
        tail.set(chunk.subarray(at, at + copied), this.#tailLength)
        this.#tailLength += copied
        at += copied
      }
      return this.#tailLength >= bytes
    }
    if (!want(HEADER_SIZE)) return at
    const message = this.#message
    message.attach(tail)
    const extended = message.view.getUint16(2) === EXTENDED_MARK
    const headerSize = extended ? EXTENDED_HEADER_SIZE : HEADER_SIZE
    if (!want(headerSize)) return at
    readHeader(message, message.view, 0)
    if ((message.size & 7) !== 0 || message.size > this.#limit || headerSize + message.size > tail.length) {
      this.#tailLength = 0
      return this.#begin(message, at)
    }
    if (!want(headerSize + message.size)) return at
    this.#tailLength = 0
    message.owned = false
    this.#handler.onMessage(message)
    return at
  }

  /** Starts a message that is too large for the tail; returns where its payload begins in the chunk. */
  #begin(message: Message, payload: number): number {
    if ((message.size & 7) !== 0) {
      this.#stopped = true
      throw new CaProtocolError(
        "misaligned-payload",
        `${commandName(message.command)} with a payload of ${message.size} bytes, which is no multiple of 8`,
      )
    }
    if (message.size > this.#limit) {
      this.#skip = message.size
      this.#handler.onOversized(message)
      return payload
    }
    const large = this.#largeMessage
    large.command = message.command
    large.dataType = message.dataType
    large.count = message.count
    large.p1 = message.p1
    large.p2 = message.p2
    large.size = message.size
    large.extended = message.extended
    large.offset = 0
    large.owned = true
    this.#large = new LargePayload(message)
    large.swapped = this.#large.swapping
    return payload
  }

  #fillLarge(chunk: Uint8Array, at: number): number {
    const large = this.#large!
    const taken = large.take(chunk, at)
    if (large.complete) {
      this.#large = undefined
      this.#largeMessage.attach(large.bytes)
      this.#handler.onMessage(this.#largeMessage)
      // The array now belongs to the receiver alone.
      this.#largeMessage.attach(this.#tail)
    }
    return at + taken
  }
}

function readHeader(message: Message, view: DataView, at: number): void {
  message.command = view.getUint16(at)
  message.dataType = view.getUint16(at + 4)
  message.p1 = view.getUint32(at + 8)
  message.p2 = view.getUint32(at + 12)
  message.size = view.getUint16(at + 2)
  message.extended = message.size === EXTENDED_MARK
  message.count = view.getUint16(at + 6)
  message.offset = at + HEADER_SIZE
  if (message.extended) {
    message.size = view.getUint32(at + HEADER_SIZE)
    message.count = view.getUint32(at + HEADER_SIZE + 4)
    message.offset = at + EXTENDED_HEADER_SIZE
  }
}

/**
 * The messages of one datagram, which never continue in another. Returns false when the datagram ends inside a message
 * or has a misaligned size; what came before was delivered.
 */
export function parseDatagram(datagram: Uint8Array, onMessage: (message: Message) => void): boolean {
  const message = new Message()
  message.attach(datagram)
  const end = datagram.byteOffset + datagram.length
  let at = datagram.byteOffset
  while (at < end) {
    if (at + HEADER_SIZE > end) return false
    const extended = message.view.getUint16(at + 2) === EXTENDED_MARK
    if (extended && at + EXTENDED_HEADER_SIZE > end) return false
    readHeader(message, message.view, at)
    if ((message.size & 7) !== 0 || message.offset + message.size > end) return false
    onMessage(message)
    at = message.offset + message.size
  }
  return true
}
