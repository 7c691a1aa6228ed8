import { damaged } from "./damaged.ts"

/** A byte of a block stands for at most this many pixels' bytes, so a larger size is a lie. */
const largestRatio = 255

/**
 * Decodes one LZ4 block (LZ4 block format 1.5), without a frame or a length in front, as areaDetector sends it. It is our
 * own because the block comes from the network: the library at hand writes beyond its memory when a block is damaged, and
 * is of no use afterwards.
 *
 * @returns `size` bytes, or an error where the block gives another number.
 */
export function decodeLz4(input: Uint8Array, size: number): Uint8Array {
  if (size > largestRatio * input.length) {
    throw damaged(`${input.length} bytes of lz4 cannot hold ${size}`)
  }
  const output = new Uint8Array(size)
  decodeLz4Into(input, output)
  return output
}

/** The same into memory that must be filled exactly. */
export function decodeLz4Into(input: Uint8Array, output: Uint8Array): void {
  const end = input.length
  const size = output.length
  let from = 0
  let to = 0
  while (from < end) {
    const token = input[from++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && from < end) {
        more = input[from++]!
        literals += more
      }
    }
    if (literals > 0) {
      if (from + literals > end || to + literals > size) throw damaged("lz4: literals beyond the end")
      if (literals > 32) output.set(input.subarray(from, from + literals), to)
      else for (let i = 0; i < literals; i++) output[to + i] = input[from + i]!
      from += literals
      to += literals
    }
    // Only the last sequence has no match.
    if (from === end) break
    if (from + 2 > end) throw damaged("lz4: the block ends in the middle")
    const offset = input[from]! | (input[from + 1]! << 8)
    from += 2
    let length = token & 15
    if (length === 15) {
      let more = 255
      while (more === 255 && from < end) {
        more = input[from++]!
        length += more
      }
    }
    length += 4
    if (offset === 0 || offset > to || to + length > size) throw damaged("lz4: a match beyond the ends")
    if (length > 48) {
      copyMatch(output, to, offset, length)
      to += length
    } else {
      // A match may overlap itself: that repeats a pattern.
      for (const stop = to + length; to < stop; to++) output[to] = output[to - offset]!
    }
  }
  if (to !== size) throw damaged(`lz4: the block holds ${to} bytes, not ${size}`)
}

/** Copies a long match in few pieces: each one repeats all that is there of the pattern. */
function copyMatch(output: Uint8Array, to: number, offset: number, length: number): void {
  const start = to - offset
  for (let done = 0; done < length; ) {
    const piece = Math.min(offset + done, length - done)
    output.copyWithin(to + done, start, start + piece)
    done += piece
  }
}
