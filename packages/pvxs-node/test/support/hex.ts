import { Reader } from "../../src/wire/reader.ts"
import { Writer } from "../../src/wire/writer.ts"

/** Bytes from hex digits and quoted ASCII: `80 05 "field"`. Blanks and `|` only help the eye. */
export function hex(text: string): Uint8Array {
  const bytes: number[] = []
  for (const [, quoted, digits] of text.matchAll(/"([^"]*)"|([0-9a-fA-F]+)|[\s|]+/g)) {
    if (quoted !== undefined) bytes.push(...new TextEncoder().encode(quoted))
    for (const pair of digits?.match(/../g) ?? []) bytes.push(Number.parseInt(pair, 16))
  }
  return Uint8Array.from(bytes)
}

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, b => b.toString(16).padStart(2, "0")).join("")

export const read = (text: string, little = true): Reader => new Reader(hex(text), little)

/** What `body` writes, as hex. */
export function written(
  body: (writer: Writer) => void,
  options: { little?: boolean; fromServer?: boolean } = {},
): string {
  const writer = new Writer(options)
  body(writer)
  return toHex(writer.toBytes())
}
