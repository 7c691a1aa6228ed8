import {
  ALL_ONES,
  CA_MINOR_VERSION,
  Command,
  SEARCH_REPLY_ALWAYS,
  SEARCH_REPLY_IF_FOUND,
} from "../constants.ts"
import { pad8 } from "../dbr-types.ts"
import type { Message } from "../message.ts"
import { decodeText, textBytes } from "../text.ts"
import type { MessageWriter } from "../writer.ts"

export interface SearchRequest {
  id: number
  name: string
  minor: number
  /** True when the client wants a NOT_FOUND too (TCP only). */
  replyAlways: boolean
}

export interface SearchReply {
  id: number
  port: number
  /** Dotted IPv4 address; undefined is "the sender of this". */
  host: string | undefined
  /** Minor version of the server; UDP only, 0 when not told. */
  minor: number
}

/** Bytes that a search for `name` takes in a datagram. */
export const searchSize = (name: string): number => 16 + pad8(textBytes(name) + 1)

export function writeSearch(writer: MessageWriter, id: number, name: string, replyAlways = false): void {
  const flag = replyAlways ? SEARCH_REPLY_ALWAYS : SEARCH_REPLY_IF_FOUND
  writer.text(Command.SEARCH, flag, CA_MINOR_VERSION, id, id, name)
}

/** The name is empty when the payload is. */
export function readSearch(message: Message): SearchRequest {
  return {
    id: message.p2,
    name: decodeText(message.bytes, message.offset, message.size),
    minor: message.count,
    replyAlways: message.dataType === SEARCH_REPLY_ALWAYS,
  }
}

/** Reply by UDP. Without a host the client takes the sender's address. */
export function writeSearchReply(writer: MessageWriter, id: number, port: number, host?: string): void {
  const at = writer.begin(Command.SEARCH, 8, port, 0, host === undefined ? ALL_ONES : ipv4ToNumber(host), id)
  writer.bytes.fill(0, at, at + 8)
  writer.view.setUint16(at, CA_MINOR_VERSION)
}

/** Reply by TCP. Without a host it means the server at the end of this circuit. */
export function writeCircuitSearchReply(
  writer: MessageWriter,
  id: number,
  port: number,
  host?: string,
): void {
  writer.begin(Command.SEARCH, 0, port, 0, host === undefined ? ALL_ONES : ipv4ToNumber(host), id)
}

export function readSearchReply(message: Message): SearchReply {
  const { p1, p2, dataType, size, offset, view } = message
  return {
    id: p2,
    port: dataType,
    host: p1 === ALL_ONES ? undefined : numberToIpv4(p1),
    minor: size >= 4 ? view.getUint16(offset) : 0,
  }
}

/** NOT_FOUND echoes the request's header. */
export function writeNotFound(writer: MessageWriter, request: SearchRequest): void {
  const flag = request.replyAlways ? SEARCH_REPLY_ALWAYS : SEARCH_REPLY_IF_FOUND
  writer.begin(Command.NOT_FOUND, 0, flag, request.minor, request.id, request.id)
}

export const readNotFound = (message: Message): { id: number } => ({ id: message.p2 })

/** `127.0.0.1` for 0x7f000001. */
export const numberToIpv4 = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`

/** 0x7f000001 for `127.0.0.1`; 0 for what is no IPv4 address. */
export function ipv4ToNumber(text: string): number {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every(part => /^\d{1,3}$/.test(part) && Number(part) < 256)) return 0
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}
