import { type Message, type MessageHandler, MessageParser, MessageWriter } from "../../src/wire/index.ts"

/** Bytes of an annotated hex dump: everything after `;` on a line is comment, white space does not count. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/;.*$/gm, "").replace(/\s+/g, "")
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

export const toHex = (bytes: Uint8Array): string =>
  [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("")

/** What `write` puts into a writer whose memory was dirty before. */
export function written(write: (writer: MessageWriter) => void): Uint8Array {
  const writer = new MessageWriter(64)
  writer.bytes.fill(0xaa)
  write(writer)
  return writer.take().slice()
}

/** Header fields and payload as plain data, so that they outlive the parser's re-used message. */
export interface Plain {
  command: number
  dataType: number
  count: number
  p1: number
  p2: number
  payload: string
}

export const plain = (message: Message): Plain => ({
  command: message.command,
  dataType: message.dataType,
  count: message.count,
  p1: message.p1,
  p2: message.p2,
  payload: toHex(message.payload),
})

/** Parses a stream given as chunks; each chunk is overwritten after it was pushed, as a re-used buffer would be. */
export function parse<T>(chunks: Iterable<Uint8Array>, read: (message: Message) => T, limit = 1 << 24): T[] {
  const found: T[] = []
  const handler: MessageHandler = { onMessage: m => void found.push(read(m)), onOversized: () => {} }
  const parser = new MessageParser(handler, limit)
  for (const chunk of chunks) {
    const reused = chunk.slice()
    parser.push(reused)
    reused.fill(0x55)
  }
  return found
}

/** The stream whole, byte by byte, and cut in two at every place. */
export function* everySplit(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes]
  yield [...bytes].map(byte => Uint8Array.of(byte))
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)]
}

/** Exactly one message. */
export function only<T>(bytes: Uint8Array, read: (message: Message) => T): T {
  const found = parse([bytes], read)
  if (found.length !== 1) throw new Error(`${found.length} messages`)
  return found[0] as T
}
