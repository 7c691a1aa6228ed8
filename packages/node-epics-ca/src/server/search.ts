import { Command } from "../wire/constants.ts"
import { readSearch, writeSearchReply } from "../wire/messages/search.ts"
import { readVersion, writeDatagramVersion } from "../wire/messages/version.ts"
import { parseDatagram } from "../wire/parser.ts"
import { MessageWriter } from "../wire/writer.ts"

/** Replies stay below this size: it fits every path. */
const MAX_REPLY = 1024

/** From this version on a reply begins with VERSION. */
const VERSION_IN_REPLY = 11

/**
 * Answers a search datagram: one reply for each name that exists, VERSION first with the number of the request.
 * Searches that no VERSION precedes are ignored, as are names that do not exist and everything after a malformed message.
 */
export function answerSearch(
  datagram: Uint8Array,
  exists: (name: string) => boolean,
  tcpPort: number,
): Uint8Array[] {
  const replies: Uint8Array[] = []
  const writer = new MessageWriter(MAX_REPLY)
  let minor: number | undefined
  let sequence: number | undefined
  const finish = (): void => {
    if (writer.length > 0) replies.push(writer.take().slice())
  }
  parseDatagram(datagram, message => {
    if (message.command === Command.VERSION) {
      const version = readVersion(message)
      minor = version.minor
      sequence = version.sequence
    } else if (message.command === Command.SEARCH && minor !== undefined) {
      const { id, name } = readSearch(message)
      if (name === "" || !exists(name)) return
      if (writer.length + 24 > MAX_REPLY) finish()
      if (writer.length === 0 && minor >= VERSION_IN_REPLY) writeDatagramVersion(writer, sequence)
      writeSearchReply(writer, id, tcpPort)
    }
  })
  finish()
  return replies
}
