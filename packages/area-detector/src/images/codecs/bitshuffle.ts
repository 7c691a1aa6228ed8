/**
 * Undoes bitshuffle's transposition of one block: there, all lowest bits of its elements come first, then all second
 * bits, and so on. The number of elements, `input.length / width`, is a multiple of 8.
 */
export function unshuffleBits(input: Uint8Array, output: Uint8Array, width: number): void {
  const columns = input.length / width / 8
  for (let byte = 0; byte < width; byte++) {
    const row = byte * 8 * columns
    for (let column = 0, to = byte; column < columns; column++) {
      // Eight bytes, one of each bit's row, are an 8 × 8 matrix of bits, to be turned in two halves.
      const at = row + column
      let low = input[at]!
      low |= input[at + columns]! << 8
      low |= input[at + 2 * columns]! << 16
      low |= input[at + 3 * columns]! << 24
      let high = input[at + 4 * columns]!
      high |= input[at + 5 * columns]! << 8
      high |= input[at + 6 * columns]! << 16
      high |= input[at + 7 * columns]! << 24

      let swap = (low ^ (low >>> 7)) & 0x00aa00aa
      low ^= swap ^ (swap << 7)
      swap = (low ^ (low >>> 14)) & 0x0000cccc
      low ^= swap ^ (swap << 14)
      swap = (high ^ (high >>> 7)) & 0x00aa00aa
      high ^= swap ^ (swap << 7)
      swap = (high ^ (high >>> 14)) & 0x0000cccc
      high ^= swap ^ (swap << 14)
      swap = (low ^ (high << 4)) & 0xf0f0f0f0
      low ^= swap
      high ^= swap >>> 4

      output[to] = low
      output[to + width] = low >>> 8
      output[to + 2 * width] = low >>> 16
      output[to + 3 * width] = low >>> 24
      output[to + 4 * width] = high
      output[to + 5 * width] = high >>> 8
      output[to + 6 * width] = high >>> 16
      output[to + 7 * width] = high >>> 24
      to += 8 * width
    }
  }
}
