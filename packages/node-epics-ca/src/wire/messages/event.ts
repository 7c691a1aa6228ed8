import { Command } from "../constants.ts"
import { writeDbr } from "../dbr-encode.ts"
import type { DbrSource } from "../dbr-value.ts"
import type { Message } from "../message.ts"
import type { MessageWriter } from "../writer.ts"

/** Client: EVENT_ADD. Count 0 follows the length of the value. A mask of 0 costs the circuit with some servers. */
export function writeSubscribe(
  writer: MessageWriter,
  type: number,
  count: number,
  sid: number,
  subid: number,
  mask: number,
): void {
  const at = writer.begin(Command.EVENT_ADD, 16, type, count, sid, subid)
  writer.bytes.fill(0, at, at + 16)
  writer.view.setUint16(at + 12, mask)
}

/** The mask of an EVENT_ADD request; 0 when the payload is too short to hold one. */
export const readMask = (message: Message): number =>
  message.size >= 14 ? message.view.getUint16(message.offset + 12) : 0

/** Client: EVENT_CANCEL. */
export const writeUnsubscribe = (
  writer: MessageWriter,
  type: number,
  count: number,
  sid: number,
  subid: number,
): void => {
  writer.begin(Command.EVENT_CANCEL, 0, type, count, sid, subid)
}

/** Server: one update. */
export const writeUpdate = (
  writer: MessageWriter,
  type: number,
  count: number,
  status: number,
  subid: number,
  source: DbrSource,
): void => writeDbr(writer, Command.EVENT_ADD, type, count, status, subid, source)

/** Server: an update without a value, because of `status`, e.g. read access was withdrawn. */
export const writeUpdateError = (
  writer: MessageWriter,
  type: number,
  count: number,
  status: number,
  subid: number,
): void => {
  writer.begin(Command.EVENT_ADD, 0, type, count, status, subid)
}

/** Server: confirms EVENT_CANCEL; an EVENT_ADD without payload whose p1 is the sid. */
export const writeCancelled = (
  writer: MessageWriter,
  type: number,
  count: number,
  sid: number,
  subid: number,
): void => {
  writer.begin(Command.EVENT_ADD, 0, type, count, sid, subid)
}

/** Client: stop sending updates on this circuit; the server keeps the newest of each. */
export const writeEventsOff = (writer: MessageWriter): void => {
  writer.begin(Command.EVENTS_OFF, 0, 0, 0, 0, 0)
}

/** Client: go on sending updates. */
export const writeEventsOn = (writer: MessageWriter): void => {
  writer.begin(Command.EVENTS_ON, 0, 0, 0, 0, 0)
}
