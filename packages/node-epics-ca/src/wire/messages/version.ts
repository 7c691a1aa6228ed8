import { CA_MINOR_VERSION, Command } from "../constants.ts"
import type { Message } from "../message.ts"
import type { MessageWriter } from "../writer.ts"

/** VERSION on TCP: the client's carries the circuit's priority (0 to 99) as type, the server's 0. */
export function writeVersion(writer: MessageWriter, priority = 0): void {
  writer.begin(Command.VERSION, 0, priority, CA_MINOR_VERSION, 0, 0)
}

/** VERSION at the head of a datagram; without a sequence number the type says so. */
export function writeDatagramVersion(writer: MessageWriter, sequence?: number): void {
  writer.begin(Command.VERSION, 0, sequence === undefined ? 0 : 1, CA_MINOR_VERSION, sequence ?? 0, 0)
}

export interface Version {
  minor: number
  /** TCP, from a client. */
  priority: number
  /** UDP: number of the datagram, when the sender gave one. */
  sequence: number | undefined
}

export function readVersion(message: Message): Version {
  const { dataType, count, p1 } = message
  return { minor: count, priority: dataType, sequence: (dataType & 1) === 1 ? p1 : undefined }
}
