import { ALL_ONES, Command, EXTENDED_HEADER_SIZE, EXTENDED_MARK, HEADER_SIZE } from "../constants.ts"
import { pad8 } from "../dbr-types.ts"
import type { Message } from "../message.ts"
import { decodeText, encodeText, textBytes } from "../text.ts"
import type { MessageWriter } from "../writer.ts"

/** Longest text of an ERROR that is used. */
const MAX_TEXT = 512

/** The header of the request that failed, as the server copied it. */
export interface FailedRequest {
  command: number
  /** Bytes of its payload. */
  size: number
  type: number
  count: number
  p1: number
  p2: number
}

export interface RemoteFailure {
  /** Channel it concerns, when the server knows. */
  cid: number | undefined
  status: number
  /** Undefined when the payload is too short to hold a header. */
  request: FailedRequest | undefined
  text: string
}

/** Server: a request failed that has no reply of its own. */
export function writeError(writer: MessageWriter, failure: RemoteFailure & { request: FailedRequest }): void {
  const { cid, status, request, text } = failure
  const extended = request.size >= EXTENDED_MARK || request.count >= EXTENDED_MARK
  const headerSize = extended ? EXTENDED_HEADER_SIZE : HEADER_SIZE
  const textSize = Math.min(MAX_TEXT, textBytes(text) + 1)
  const size = pad8(headerSize + textSize)
  const at = writer.begin(Command.ERROR, size, 0, 0, cid ?? ALL_ONES, status)
  const { view, bytes } = writer
  view.setUint16(at, request.command)
  view.setUint16(at + 2, extended ? EXTENDED_MARK : request.size)
  view.setUint16(at + 4, request.type)
  view.setUint16(at + 6, extended ? 0 : request.count)
  view.setUint32(at + 8, request.p1)
  view.setUint32(at + 12, request.p2)
  if (extended) {
    view.setUint32(at + 16, request.size)
    view.setUint32(at + 20, request.count)
  }
  encodeText(bytes, at + headerSize, size - headerSize, text)
}

export function readError(message: Message): RemoteFailure {
  const { view, offset, size, p1, p2 } = message
  const cid = p1 === ALL_ONES ? undefined : p1
  if (size < HEADER_SIZE) return { cid, status: p2, request: undefined, text: "" }
  const extended = view.getUint16(offset + 2) === EXTENDED_MARK && size >= EXTENDED_HEADER_SIZE
  const headerSize = extended ? EXTENDED_HEADER_SIZE : HEADER_SIZE
  return {
    cid,
    status: p2,
    request: {
      command: view.getUint16(offset),
      size: extended ? view.getUint32(offset + 16) : view.getUint16(offset + 2),
      type: view.getUint16(offset + 4),
      count: extended ? view.getUint32(offset + 20) : view.getUint16(offset + 6),
      p1: view.getUint32(offset + 8),
      p2: view.getUint32(offset + 12),
    },
    text: decodeText(message.bytes, offset + headerSize, Math.min(MAX_TEXT, size - headerSize)),
  }
}
