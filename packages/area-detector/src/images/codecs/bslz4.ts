import { unshuffleBits } from "./bitshuffle.ts"
import { damaged } from "./damaged.ts"
import { decodeLz4Into } from "./lz4.ts"

/** Bytes that bitshuffle aims at for a block, and the fewest elements that it takes. */
const blockBytes = 8192
const fewest = 128

/** Elements of a block when nobody chose: a multiple of 8. */
export const blockElements = (width: number): number =>
  Math.max(fewest, Math.floor(blockBytes / width / 8) * 8)

/**
 * Decodes bitshuffled blocks under LZ4, as bitshuffle makes them by itself and areaDetector sends them: each block with its
 * length (4 bytes, most significant first) in front; what does not fill eight elements comes last as it is.
 *
 * @param width bytes of one element.
 * @returns `size` bytes, or an error where the blocks give another number.
 */
export function decodeBslz4(input: Uint8Array, size: number, width: number): Uint8Array {
  // The cheapest block costs 4 + 1 + 255ths of its bytes.
  if (size > 255 * input.length) throw damaged(`${input.length} bytes of bslz4 cannot hold ${size}`)
  const output = new Uint8Array(size)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const inBlocks = Math.floor(size / width / 8) * 8 * width
  const whole = blockElements(width) * width
  const block = new Uint8Array(Math.min(whole, inBlocks))
  let from = 0
  let to = 0
  while (to < inBlocks) {
    const bytes = Math.min(whole, inBlocks - to)
    if (from + 4 > input.length) throw damaged("bslz4: a block is missing")
    const length = view.getUint32(from)
    from += 4
    if (length > input.length - from)
      throw damaged(`bslz4: a block of ${length} bytes reaches beyond the end`)
    const shuffled = block.subarray(0, bytes)
    decodeLz4Into(input.subarray(from, from + length), shuffled)
    unshuffleBits(shuffled, output.subarray(to, to + bytes), width)
    from += length
    to += bytes
  }
  if (input.length - from !== size - to) {
    throw damaged(`bslz4: ${input.length - from} bytes behind the blocks, not ${size - to}`)
  }
  output.set(input.subarray(from), to)
  return output
}
