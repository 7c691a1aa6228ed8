import { Command } from "../constants.ts"
import { writeDbr } from "../dbr-encode.ts"
import { Dbr, STRING_SIZE } from "../dbr-types.ts"
import type { DbrSource } from "../dbr-value.ts"
import { textBytes } from "../text.ts"
import type { MessageWriter } from "../writer.ts"

/**
 * Client: WRITE (no reply) or WRITE_NOTIFY (one reply, when everything the write started has finished). `id` comes
 * back in the reply, or inside an ERROR. A single string is sent short: text, terminator, padding.
 */
export function writePut(
  writer: MessageWriter,
  notify: boolean,
  type: number,
  count: number,
  sid: number,
  id: number,
  value: DbrSource["value"],
): void {
  const command = notify ? Command.WRITE_NOTIFY : Command.WRITE
  if (type === Dbr.STRING && count === 1) {
    const text = String(typeof value === "object" ? (value[0] ?? "") : value)
    if (textBytes(text) < STRING_SIZE) {
      writer.text(command, type, count, sid, id, text)
      return
    }
  }
  writeDbr(writer, command, type, count, sid, id, { value })
}

/** Server: the one reply to WRITE_NOTIFY. */
export const writePutReply = (
  writer: MessageWriter,
  type: number,
  count: number,
  status: number,
  ioid: number,
): void => {
  writer.begin(Command.WRITE_NOTIFY, 0, type, count, status, ioid)
}
