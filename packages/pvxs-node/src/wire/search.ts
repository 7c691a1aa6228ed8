import { readAddress, writeAddress } from "./address.ts"
import { Command } from "./codes.ts"
import type { Reader } from "./reader.ts"
import type { Writer } from "./writer.ts"

/** SEARCH (3): who has these channels? */
export interface Search {
  readonly sequence: number
  /** Answer even when nothing was found. */
  readonly replyRequired: boolean
  /** Sent to one address, so the receiver passes it on to the other programs of its host. */
  readonly unicast: boolean
  /** Where to answer; "" for the sender's address. */
  readonly replyAddress: string
  readonly replyPort: number
  /** Empty for any. */
  readonly protocols: readonly string[]
  readonly channels: readonly SearchedChannel[]
}

export interface SearchedChannel {
  readonly id: number
  readonly name: string
}

/**
 *     u32 sequence · u8 flags (1 reply required, 0x80 unicast) · 3 reserved · 16 reply address · u16 reply port
 *     Size n · n × String protocol · u16 m · m × (u32 id, String name)
 */
export function writeSearch(writer: Writer, search: Search): void {
  writer.message(Command.search, () => {
    writer.u32(search.sequence)
    writer.u8((search.replyRequired ? 0x01 : 0) | (search.unicast ? 0x80 : 0))
    writer.zeros(3)
    if (search.replyAddress === "") writer.zeros(16)
    else writeAddress(writer, search.replyAddress)
    writer.u16(search.replyPort)
    writer.size(search.protocols.length)
    for (const protocol of search.protocols) writer.string(protocol)
    writer.u16(search.channels.length)
    for (const channel of search.channels) {
      writer.u32(channel.id)
      writer.string(channel.name)
    }
  })
}

export function readSearch(reader: Reader): Search {
  const sequence = reader.u32()
  const flags = reader.u8()
  reader.take(3)
  const replyAddress = readAddress(reader)
  const replyPort = reader.u16()
  const protocols: string[] = []
  for (let n = reader.items(); n > 0; n--) protocols.push(reader.string())
  const channels: SearchedChannel[] = []
  for (let n = reader.u16(); n > 0; n--) channels.push({ id: reader.u32(), name: reader.string() })
  const replyRequired = (flags & 0x01) !== 0
  const unicast = (flags & 0x80) !== 0
  return { sequence, replyRequired, unicast, replyAddress, replyPort, protocols, channels }
}

/** SEARCH_RESPONSE (4). */
export interface SearchResponse {
  /** 12 bytes as hexadecimal: one server instance. */
  readonly guid: string
  readonly sequence: number
  /** "" for the sender of the response. */
  readonly address: string
  readonly port: number
  readonly protocol: string
  readonly found: boolean
  /** Ids of the channels the server has. */
  readonly ids: readonly number[]
}

/**
 *     12 GUID · u32 sequence · 16 address · u16 port · String protocol · u8 found · u16 n · n × u32 id
 */
export function writeSearchResponse(writer: Writer, response: SearchResponse): void {
  writer.message(Command.searchResponse, () => {
    writeGuid(writer, response.guid)
    writer.u32(response.sequence)
    writeAddress(writer, response.address)
    writer.u16(response.port)
    writer.string(response.protocol)
    writer.u8(response.found ? 1 : 0)
    writer.u16(response.ids.length)
    for (const id of response.ids) writer.u32(id)
  })
}

export function readSearchResponse(reader: Reader): SearchResponse {
  const guid = readGuid(reader)
  const sequence = reader.u32()
  const address = readAddress(reader)
  const port = reader.u16()
  const protocol = reader.string()
  const found = reader.u8() !== 0
  const ids: number[] = []
  for (let n = reader.u16(); n > 0; n--) ids.push(reader.u32())
  return { guid, sequence, address, port, protocol, found, ids }
}

/** BEACON (0): a server is there. */
export interface Beacon {
  readonly guid: string
  readonly sequence: number
  readonly changeCount: number
  readonly address: string
  readonly port: number
  readonly protocol: string
}

/**
 *     12 GUID · u8 flags · u8 sequence · u16 change count · 16 address · u16 port · String protocol · FieldDesc status
 */
export function writeBeacon(writer: Writer, beacon: Beacon): void {
  writer.message(Command.beacon, () => {
    writeGuid(writer, beacon.guid)
    writer.u8(0)
    writer.u8(beacon.sequence & 0xff)
    writer.u16(beacon.changeCount & 0xffff)
    writeAddress(writer, beacon.address)
    writer.u16(beacon.port)
    writer.string(beacon.protocol)
    writer.u8(0xff)
  })
}

export function readBeacon(reader: Reader): Beacon {
  const guid = readGuid(reader)
  reader.u8()
  const sequence = reader.u8()
  const changeCount = reader.u16()
  return {
    guid,
    sequence,
    changeCount,
    address: readAddress(reader),
    port: reader.u16(),
    protocol: reader.string(),
  }
}

/** ORIGIN_TAG (22): precedes a search that was passed on locally, and says at which address it had arrived. */
export function writeOriginTag(writer: Writer, address: string): void {
  writer.message(Command.originTag, () => writeAddress(writer, address))
}

const readGuid = (reader: Reader): string => {
  const at = reader.take(12)
  return Array.from(reader.bytes.subarray(at, at + 12), b => b.toString(16).padStart(2, "0")).join("")
}

const writeGuid = (writer: Writer, guid: string): void => {
  const at = writer.room(12)
  for (let i = 0; i < 12; i++) writer.bytes[at + i] = Number.parseInt(guid.slice(2 * i, 2 * i + 2), 16)
}
