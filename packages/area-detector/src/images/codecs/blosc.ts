import { damaged } from "./damaged.ts"

const headerBytes = 16
/** Flag in the header: the bytes are stored as they are. */
const stored = 0x02

/**
 * Decodes a Blosc 1 chunk (Blosc chunk format, version 2) with the `numcodecs` library, loaded at first use. The header is
 * checked here: the library believes it. Blosc has no check sum, so damage inside a block may stay unnoticed.
 */
export async function decodeBlosc(input: Uint8Array, size: number): Promise<Uint8Array> {
  checkHeader(input, size)
  const { default: Blosc } = await import("numcodecs/blosc")
  const output = await Blosc.fromConfig({ id: "blosc" }).decode(input)
  if (output.length !== size) throw damaged(`blosc: it holds ${output.length} bytes, not ${size}`)
  return output
}

/** Throws when sizes or places of blocks in the header can not be true. */
function checkHeader(input: Uint8Array, size: number): void {
  if (input.length < headerBytes) throw damaged(`blosc: ${input.length} bytes are less than a header`)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const version = view.getUint8(0)
  if (version !== 1 && version !== 2) throw damaged(`blosc: its version is ${version}, not 2`)
  const flags = view.getUint8(2)
  const [bytes, block, compressed] = [4, 8, 12].map(at => view.getUint32(at, true)) as [
    number,
    number,
    number,
  ]
  if (bytes !== size) throw damaged(`blosc: it holds ${bytes} bytes, not ${size}`)
  if (compressed !== input.length) throw damaged(`blosc: ${input.length} bytes came of ${compressed}`)
  if ((flags & stored) !== 0) {
    if (compressed !== size + headerBytes) throw damaged("blosc: stored bytes are missing")
    return
  }
  const blocks = block > 0 && block <= bytes ? Math.ceil(bytes / block) : 0
  const starts = headerBytes + 4 * blocks
  if (blocks === 0 || starts > compressed) throw damaged(`blosc: blocks of ${block} bytes`)
  for (let at = headerBytes; at < starts; at += 4) {
    const start = view.getUint32(at, true)
    if (start < starts || start >= compressed) throw damaged("blosc: a block beyond the end")
  }
}
