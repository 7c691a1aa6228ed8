import { Access, CA_MINOR_VERSION, Command } from "../constants.ts"
import type { Message } from "../message.ts"
import { decodeText } from "../text.ts"
import type { MessageWriter } from "../writer.ts"

// CREATE_CHAN, ACCESS_RIGHTS, CREATE_CH_FAIL, SERVER_DISCONN, CLEAR_CHANNEL

/** Client: asks for a channel. */
export const writeCreateChannel = (writer: MessageWriter, cid: number, name: string): void =>
  writer.text(Command.CREATE_CHAN, 0, 0, cid, CA_MINOR_VERSION, name)

export const readCreateChannel = (message: Message): { cid: number; minor: number; name: string } => ({
  cid: message.p1,
  minor: message.p2,
  name: decodeText(message.bytes, message.offset, message.size),
})

/** Server: the channel exists. Send ACCESS_RIGHTS first. */
export const writeChannelCreated = (
  writer: MessageWriter,
  cid: number,
  sid: number,
  nativeType: number,
  maxCount: number,
): void => {
  writer.begin(Command.CREATE_CHAN, 0, nativeType, maxCount, cid, sid)
}

export interface ChannelCreated {
  cid: number
  sid: number
  /** 0 to 6. */
  nativeType: number
  maxCount: number
}

export const readChannelCreated = (message: Message): ChannelCreated => ({
  cid: message.p1,
  sid: message.p2,
  nativeType: message.dataType,
  maxCount: message.count,
})

export interface AccessRights {
  cid: number
  read: boolean
  write: boolean
}

export function writeAccessRights(writer: MessageWriter, { cid, read, write }: AccessRights): void {
  const rights = (read ? Access.READ : 0) | (write ? Access.WRITE : 0)
  writer.begin(Command.ACCESS_RIGHTS, 0, 0, 0, cid, rights)
}

export const readAccessRights = (message: Message): AccessRights => ({
  cid: message.p1,
  read: (message.p2 & Access.READ) !== 0,
  write: (message.p2 & Access.WRITE) !== 0,
})

/** Server: no channel of that name. */
export const writeCreateChannelFail = (writer: MessageWriter, cid: number): void => {
  writer.begin(Command.CREATE_CH_FAIL, 0, 0, 0, cid, 0)
}

/** Server: this channel is gone, the circuit stays. */
export const writeServerDisconnect = (writer: MessageWriter, cid: number): void => {
  writer.begin(Command.SERVER_DISCONN, 0, 0, 0, cid, 0)
}

/** The cid of CREATE_CH_FAIL and SERVER_DISCONN. */
export const readCid = (message: Message): number => message.p1

/** CLEAR_CHANNEL, the same both ways: the server echoes it. */
export const writeClearChannel = (writer: MessageWriter, sid: number, cid: number): void => {
  writer.begin(Command.CLEAR_CHANNEL, 0, 0, 0, sid, cid)
}

export const readClearChannel = (message: Message): { sid: number; cid: number } => ({
  sid: message.p1,
  cid: message.p2,
})
