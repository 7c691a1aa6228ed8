import { PvAny } from "../values/any.ts"
import type { FieldSet } from "../values/field-set.ts"
import { PvUnion } from "../values/union.ts"

/**
 * The memory of a message in which an array of an update lies. It goes back to the connection, for messages to come,
 * when nobody looks at an update that has that array any more.
 */
export class UpdateMemory {
  /** Where the array stands in the value. */
  readonly bit: number
  readonly #buffer: ArrayBufferLike
  readonly #giveBack: (buffer: ArrayBufferLike) => void
  #holders = 0

  private constructor(bit: number, buffer: ArrayBufferLike, giveBack: (buffer: ArrayBufferLike) => void) {
    this.bit = bit
    this.#buffer = buffer
    this.#giveBack = giveBack
  }

  /**
   * What an update keeps: the memory of its own message, or that of the update before, whose array it has still.
   * Null when there is none, or an array deep inside has it: that is left to the collector.
   */
  static after(
    before: UpdateMemory | null,
    update: {
      readonly slots: readonly unknown[]
      readonly changed: FieldSet
      readonly kept: ArrayBufferLike | null
    },
    giveBack: (buffer: ArrayBufferLike) => void,
  ): UpdateMemory | null {
    const { slots, changed, kept } = update
    const inherited = before === null || changed.hasBit(before.bit) ? null : before
    if (kept === null) return inherited
    // Two arrays at once: the older one is not given back any more.
    inherited?.hold()
    const bit = changed.findBit(each => arrayIn(slots[each])?.buffer === kept)
    return bit < 0 ? null : new UpdateMemory(bit, kept, giveBack)
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders === 0) this.#giveBack(this.#buffer)
  }
}

const arrayIn = (slot: unknown): ArrayBufferView | undefined => {
  const content = slot instanceof PvUnion || slot instanceof PvAny ? slot.value : slot
  return ArrayBuffer.isView(content) ? content : undefined
}
