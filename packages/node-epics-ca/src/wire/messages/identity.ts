import { Command } from "../constants.ts"
import type { Message } from "../message.ts"
import { decodeText } from "../text.ts"
import type { MessageWriter } from "../writer.ts"

/** CLIENT_NAME: who the client claims to be. Must precede the first channel of a circuit. */
export const writeClientName = (writer: MessageWriter, user: string): void =>
  writer.text(Command.CLIENT_NAME, 0, 0, 0, 0, user)

/** HOST_NAME: the host the client claims to be on. Must precede the first channel of a circuit. */
export const writeHostName = (writer: MessageWriter, host: string): void =>
  writer.text(Command.HOST_NAME, 0, 0, 0, 0, host)

/** Text of CLIENT_NAME or HOST_NAME. */
export const readIdentity = (message: Message): string =>
  decodeText(message.bytes, message.offset, message.size)
