/** Copies and byte-swaps elements between the wire's big-endian order and this machine's. */

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

type Swap = (this: Uint8Array) => unknown
interface NodeBuffer {
  prototype: { swap16: Swap; swap32: Swap; swap64: Swap }
}
// Node's Buffer swaps in native code; elsewhere the loops below do.
const native = (globalThis as { Buffer?: NodeBuffer }).Buffer?.prototype

/** Swaps each element of `size` bytes in place, when this machine is little-endian. `bytes` must hold whole elements. */
export function swapInPlace(bytes: Uint8Array, size: number): void {
  if (!littleEndian || size === 1 || bytes.length === 0) return
  if (native !== undefined) {
    const swap = size === 8 ? native.swap64 : size === 4 ? native.swap32 : native.swap16
    swap.call(bytes)
    return
  }
  for (let start = 0; start < bytes.length; start += size) {
    for (let low = start, high = start + size - 1; low < high; low += 1, high -= 1) {
      const byte = bytes[low]!
      bytes[low] = bytes[high]!
      bytes[high] = byte
    }
  }
}
