import { PvaProtocolError } from "../errors.ts"
import { Command } from "./codes.ts"
import type { Reader } from "./reader.ts"
import { readStatus, type Status, writeStatus } from "./status.ts"
import type { Writer } from "./writer.ts"

/**
 * CREATE_CHANNEL (7) from the client, always for one channel, because pvAccessCPP closes the connection on more.
 *
 *     u16 1 · u32 cid · String name
 */
export function writeCreateChannel(writer: Writer, cid: number, name: string): void {
  writer.message(Command.createChannel, () => {
    writer.u16(1)
    writer.u32(cid)
    writer.string(name)
  })
}

export function readCreateChannels(reader: Reader): { cid: number; name: string }[] {
  const wanted: { cid: number; name: string }[] = []
  for (let n = reader.u16(); n > 0; n--) wanted.push({ cid: reader.u32(), name: reader.string() })
  return wanted
}

/** CREATE_CHANNEL (7) from the server. Some send access rights behind the status; they are ignored. */
export interface ChannelCreated {
  readonly cid: number
  readonly sid: number
  readonly status: Status
}

/**     u32 cid · u32 sid · Status */
export function writeChannelCreated(writer: Writer, created: ChannelCreated): void {
  writer.message(Command.createChannel, () => {
    writer.u32(created.cid)
    writer.u32(created.sid)
    writeStatus(writer, created.status)
  })
}

export const readChannelCreated = (reader: Reader): ChannelCreated => ({
  cid: reader.u32(),
  sid: reader.u32(),
  status: readStatus(reader),
})

/** DESTROY_CHANNEL (8), both ways:     u32 sid · u32 cid */
export function writeDestroyChannel(writer: Writer, sid: number, cid: number): void {
  writer.message(Command.destroyChannel, () => {
    writer.u32(sid)
    writer.u32(cid)
  })
}

export const readDestroyChannel = (reader: Reader): { sid: number; cid: number } => ({
  sid: reader.u32(),
  cid: reader.u32(),
})

/** DESTROY_REQUEST (15) and CANCEL_REQUEST (21):     u32 sid · u32 ioid */
export function writeRequestControl(
  writer: Writer,
  command: typeof Command.destroyRequest | typeof Command.cancelRequest,
  sid: number,
  ioid: number,
): void {
  writer.message(command, () => {
    writer.u32(sid)
    writer.u32(ioid)
  })
}

/** MESSAGE (18): a remark of the server about one request. */
export interface ServerMessage {
  readonly ioid: number
  readonly type: Status["type"]
  readonly text: string
}

const messageTypes = ["OK", "WARNING", "ERROR", "FATAL"] as const

/**     u32 ioid · u8 type · String text */
export function readServerMessage(reader: Reader): ServerMessage {
  const ioid = reader.u32()
  const type = messageTypes[reader.u8()]
  if (type === undefined) throw new PvaProtocolError("a MESSAGE of unknown type")
  return { ioid, type, text: reader.string() }
}
