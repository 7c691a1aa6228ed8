import { AreaDetectorError } from "../errors.ts"

interface Range {
  start: number
  stop: number
}

/**
 * Which frames of a file belong to which event. Index i of the stream is the frames from i·m to (i+1)·m, for m frames per
 * event. Frames of an acquisition that was broken off stay in the file and are passed over.
 */
export class StreamIndex {
  #perEvent = 1
  /** Frames that are in no event and were not yet looked at. */
  #next = 0
  #ready: Range[] = []
  #events = 0
  #taken = 0

  /** Complete events so far. */
  get events(): number {
    return this.#events
  }

  /** A new file. Events count on from those of the files before. */
  restart(): void {
    this.#next = 0
    this.#ready = []
    this.#events = this.#taken
  }

  /** @throws AreaDetectorError WRONG_FRAME_COUNT when the frames in the file are no whole number of such events. */
  framesPerEvent(who: string, frames: number): void {
    if (frames === this.#perEvent && this.#next % frames === 0) return
    if (this.#next > 0) {
      throw new AreaDetectorError(
        "WRONG_FRAME_COUNT",
        `${who}: ${this.#next} frames are in the file already, which cannot go on with ${frames} frames for each event; stage anew for a new file`,
      )
    }
    this.#perEvent = frames
  }

  /** So many frames are in the file. */
  captured(frames: number): void {
    const m = this.#perEvent
    const start = this.#next / m
    const stop = Math.floor(frames / m)
    if (stop <= start) return
    const last = this.#ready.at(-1)
    if (last?.stop === start) last.stop = stop
    else this.#ready.push({ start, stop })
    this.#events += stop - start
    this.#next = stop * m
  }

  /** Frames up to here belong to nothing. */
  skipTo(who: string, frames: number): void {
    if (frames <= this.#next) return
    this.#next = frames
    this.framesPerEvent(who, this.#perEvent)
  }

  /** Frames that nobody has asked for belong to no event: its point is taken again. */
  passOver(): void {
    this.#ready = []
    this.#events = this.#taken
  }

  /** Whether `take` would give any. */
  has(upTo: number): boolean {
    return this.#taken < upTo && this.#ready.length > 0
  }

  /** Indices up to so many events that were not taken yet. */
  take(upTo: number): Range[] {
    const ranges: Range[] = []
    while (this.#taken < upTo) {
      const first = this.#ready[0]
      if (first === undefined) break
      const n = Math.min(first.stop - first.start, upTo - this.#taken)
      ranges.push({ start: first.start, stop: first.start + n })
      this.#taken += n
      first.start += n
      if (first.start === first.stop) this.#ready.shift()
    }
    return ranges
  }
}
