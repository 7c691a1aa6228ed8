import { Command } from "../constants.ts"
import { writeDbr } from "../dbr-encode.ts"
import type { DbrSource } from "../dbr-value.ts"
import type { Message } from "../message.ts"
import type { MessageWriter } from "../writer.ts"

/** A request that names a channel and how to present its value. Count 0 is "as many as there are". */
export interface DataRequest {
  type: number
  count: number
  sid: number
  id: number
}

/** Client: READ_NOTIFY. */
export const writeRead = (
  writer: MessageWriter,
  type: number,
  count: number,
  sid: number,
  ioid: number,
): void => {
  writer.begin(Command.READ_NOTIFY, 0, type, count, sid, ioid)
}

/** READ_NOTIFY, READ, EVENT_ADD, EVENT_CANCEL, WRITE and WRITE_NOTIFY requests agree in these fields. */
export const readDataRequest = (message: Message): DataRequest => ({
  type: message.dataType,
  count: message.count,
  sid: message.p1,
  id: message.p2,
})

/** Server: reply to READ_NOTIFY with a value. Status 1 is success. */
export const writeReadReply = (
  writer: MessageWriter,
  type: number,
  count: number,
  status: number,
  ioid: number,
  source: DbrSource,
): void => writeDbr(writer, Command.READ_NOTIFY, type, count, status, ioid, source)

/** Server: reply to READ_NOTIFY without a value, because of `status`. */
export const writeReadError = (
  writer: MessageWriter,
  type: number,
  count: number,
  status: number,
  ioid: number,
): void => {
  writer.begin(Command.READ_NOTIFY, 0, type, count, status, ioid)
}

/** Server: reply to the obsolete READ, which carries the client's cid. */
export const writeOldReadReply = (
  writer: MessageWriter,
  type: number,
  count: number,
  cid: number,
  ioid: number,
  source: DbrSource,
): void => writeDbr(writer, Command.READ, type, count, cid, ioid, source)

/** Client: obsolete READ. */
export const writeOldRead = (
  writer: MessageWriter,
  type: number,
  count: number,
  sid: number,
  ioid: number,
): void => {
  writer.begin(Command.READ, 0, type, count, sid, ioid)
}

export interface DataReply {
  type: number
  count: number
  status: number
  id: number
}

/** Fields of a reply to READ_NOTIFY or WRITE_NOTIFY and of a subscription update; the value is decoded apart. */
export const readDataReply = (message: Message): DataReply => ({
  type: message.dataType,
  count: message.count,
  status: message.p1,
  id: message.p2,
})
