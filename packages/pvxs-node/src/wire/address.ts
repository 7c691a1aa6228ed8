import type { Reader } from "./reader.ts"
import type { Writer } from "./writer.ts"

/**
 * A host address in the 16 bytes a message has for it: IPv6, or IPv4 mapped into it. "" stands for "whoever sent
 * this", which peers write as sixteen zeros or as ::ffff:0.0.0.0.
 */
export function readAddress(reader: Reader): string {
  const at = reader.take(16)
  const b = reader.bytes.subarray(at, at + 16)
  if (
    b.subarray(0, 10).every(x => x === 0) &&
    ((b[10] === 0xff && b[11] === 0xff) || (b[10] === 0 && b[11] === 0))
  ) {
    const v4 = b.subarray(12).join(".")
    if (v4 === "0.0.0.0") return ""
    if (b[10] === 0xff || v4 !== "0.0.0.1") return v4
    return "::1"
  }
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(((b[i]! << 8) | b[i + 1]!).toString(16))
  return groups.join(":")
}

export function writeAddress(writer: Writer, host: string): void {
  // Neither the interface of a link-local address nor the other way to write an IPv4 one is sent.
  const address = host.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "")
  const at = writer.room(16)
  const out = writer.bytes.subarray(at, at + 16)
  out.fill(0)
  if (address.includes(":")) {
    const [head = "", tail] = address.split("::")
    const parse = (part: string): number[] =>
      part === "" ? [] : part.split(":").map(g => Number.parseInt(g, 16))
    const left = parse(head)
    const right = tail === undefined ? [] : parse(tail)
    const groups = [
      ...left,
      ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0),
      ...right,
    ]
    groups.slice(0, 8).forEach((group, i) => {
      out[2 * i] = group >> 8
      out[2 * i + 1] = group & 0xff
    })
    return
  }
  out[10] = 0xff
  out[11] = 0xff
  if (address !== "") out.set(address.split(".").map(Number), 12)
}
