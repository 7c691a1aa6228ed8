import { swapInPlace } from "./byte-order.ts"
import { Command } from "./constants.ts"
import { baseOf, Dbr, elementSize, isDbrType, valueOffset } from "./dbr-types.ts"
import type { Message } from "./message.ts"

const unsafe = (globalThis as { Buffer?: { allocUnsafeSlow(size: number): Uint8Array } }).Buffer
  ?.allocUnsafeSlow

/** Memory that is written in full before anybody sees it, so it need not be cleared. */
function allocate(size: number): Uint8Array {
  const bytes = unsafe?.(size)
  return bytes === undefined ? new Uint8Array(size) : new Uint8Array(bytes.buffer, bytes.byteOffset, size)
}

const dataCommands: readonly number[] = [
  Command.READ_NOTIFY,
  Command.EVENT_ADD,
  Command.WRITE,
  Command.WRITE_NOTIFY,
]

/**
 * The payload of a large message in the making, in memory of its own. Elements of numeric types get this machine's byte order as
 * they come in: the bytes are still in the processor's cache, and the time is spent while the rest is under way.
 */
export class LargePayload {
  readonly bytes: Uint8Array
  /** Whether elements are swapped as they come in. */
  readonly swapping: boolean
  #filled = 0
  readonly #size: number
  /** Up to here elements have the machine's order; their number never exceeds the count. */
  #swapped: number
  readonly #end: number

  /** The message's header says how much will come and of which type. */
  constructor(header: Message) {
    const { command, dataType, count, size } = header
    this.bytes = allocate(size)
    const numeric = isDbrType(dataType) && baseOf(dataType) !== Dbr.STRING && dataCommands.includes(command)
    this.#size = numeric ? elementSize(dataType) : 1
    this.#swapped = numeric ? valueOffset(dataType) : 0
    this.#end = this.#swapped + count * this.#size
    this.swapping = numeric && this.#size > 1 && count > 1 && this.#end <= size
  }

  /** Where the next bytes belong. */
  get rest(): Uint8Array {
    return this.bytes.subarray(this.#filled)
  }
  get complete(): boolean {
    return this.#filled === this.bytes.length
  }

  /** Takes bytes, as many as belong here; returns how many. They may have been written to {@link rest} already. */
  take(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.bytes.length - this.#filled, chunk.length - at)
    if (chunk.buffer !== this.bytes.buffer) this.bytes.set(chunk.subarray(at, at + taken), this.#filled)
    this.#filled += taken
    if (this.swapping) this.#swap()
    return taken
  }

  #swap(): void {
    const whole = Math.min(this.#end, this.#filled) - this.#swapped
    const to = this.#swapped + whole - (whole % this.#size)
    if (whole < this.#size) return
    swapInPlace(this.bytes.subarray(this.#swapped, to), this.#size)
    this.#swapped = to
  }
}
