import type { FieldSet } from "../values/field-set.ts"
import type { UpdateMemory } from "./update-memory.ts"

/** One update as it waits for its reader. */
export interface PendingUpdate {
  readonly slots: readonly unknown[]
  changed: FieldSet
  /** Earlier updates that this one took in. */
  merged: number
  /** The first one after a connect: all fields. */
  readonly initial: boolean
  /** Counts the connects: an update of an earlier one is none that the present server waits to hear of. */
  readonly epoch: number
  /** Memory that is to be used again after this update. */
  readonly memory: UpdateMemory | null
}

/**
 * Updates on their way to a slow reader: at most `bound` of them. When full, the newest value replaces the last one
 * and the changed fields of both are joined, because a delta means nothing without the one before it.
 */
export class UpdateQueue {
  readonly #bound: number
  readonly #items: PendingUpdate[] = []

  constructor(bound: number) {
    this.#bound = Math.max(1, bound)
  }

  get length(): number {
    return this.#items.length
  }

  push(update: PendingUpdate): void {
    update.memory?.hold()
    const last = this.#items.at(-1)
    // A new connection may have brought a new type, so nothing is merged across it.
    if (last === undefined || this.#items.length < this.#bound || update.initial) {
      this.#items.push(update)
      if (!update.initial) return
      const dropped = this.#items.splice(0, this.#items.length - this.#bound)
      for (const each of dropped) each.memory?.release()
      return
    }
    last.memory?.release()
    this.#items[this.#items.length - 1] = {
      slots: update.slots,
      changed: last.changed.or(update.changed),
      merged: last.merged + update.merged + 1,
      initial: last.initial,
      epoch: last.epoch,
      memory: update.memory,
    }
  }

  /** The next one, whose memory the caller releases. */
  shift(): PendingUpdate | undefined {
    return this.#items.shift()
  }
}
