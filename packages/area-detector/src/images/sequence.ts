import { seconds } from "pvxs-node"
import type { Frame } from "./frame.ts"

/** Frames by which one may be late: plugins with several threads give out of order what is in their queues. */
const overtaken = 100

/**
 * Keeps count of a detector's frames by their numbers. A gap is frames that never came. A number that falls back is a
 * counter that started anew (which is no gap), or, with an older time stamp, a frame that the next one overtook.
 */
export class FrameSequence {
  #received = 0
  #skipped = 0
  #restarts = 0
  #last: Frame | null = null

  /** Frames that came. */
  get received(): number {
    return this.#received
  }

  /** Frames that, by the numbers of those that came, exist and never came. */
  get skipped(): number {
    return this.#skipped
  }

  /** Times that the numbers started anew. */
  get restarts(): number {
    return this.#restarts
  }

  /** The frame that was there before; the next one is compared with it. */
  begin(frame: Frame): void {
    this.#last = frame
  }

  /** Takes note of a frame. False for the one before once more, as a server sends it after a reconnect. */
  next(frame: Frame, afterConnect = false): boolean {
    const last = this.#last
    if (last === null) {
      this.#received += 1
      this.#last = frame
      return true
    }
    // The numbers wrap, so the successor is told by the difference, in 32 bits, and not by size.
    const step = (frame.uniqueId - last.uniqueId) | 0
    if (afterConnect && step === 0 && sameTimes(frame, last)) return false
    this.#received += 1
    if (step < 0 && step > -overtaken && frame.time < last.time) {
      // It was taken for missing when its successor came.
      this.#skipped = Math.max(0, this.#skipped - 1)
      return true
    }
    this.#last = frame
    if (step > 1) this.#skipped += step - 1
    if (step < 0) this.#restarts += 1
    return true
  }
}

const sameTimes = (a: Frame, b: Frame): boolean =>
  a.time === b.time && seconds(a.timeStamp) === seconds(b.timeStamp)
