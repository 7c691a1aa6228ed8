import { Command } from "../constants.ts"
import type { Message } from "../message.ts"
import type { MessageWriter } from "../writer.ts"

/** Client: asks for a sign of life. */
export const writeEcho = (writer: MessageWriter): void => {
  writer.begin(Command.ECHO, 0, 0, 0, 0, 0)
}

/** Client: READ_SYNC, an old form of ECHO. */
export const writeReadSync = (writer: MessageWriter): void => {
  writer.begin(Command.READ_SYNC, 0, 0, 0, 0, 0)
}

/** Server: sends ECHO or READ_SYNC back as it came, payload included. */
export function writeEchoReply(writer: MessageWriter, message: Message): void {
  const { command, size, dataType, count, p1, p2 } = message
  const at = writer.begin(command, size, dataType, count, p1, p2)
  writer.bytes.set(message.payload, at)
}
