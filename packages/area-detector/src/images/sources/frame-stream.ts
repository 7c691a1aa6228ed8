import { type DecodeOptions, decodeFrame } from "../codecs/decode.ts"
import { ImageError } from "../errors.ts"
import type { Frame } from "../frame.ts"
import { FrameSequence } from "../sequence.ts"

export interface StreamOptions {
  /** Aborting ends the stream: who waits gets IMAGE_ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** Whether the frame that is there at the beginning comes first. Default true for `latest`, false for `all`. */
  readonly present?: boolean | undefined
  /**
   * Told of frames that cannot be used (unknown type or codec, contradicting sizes, damaged); the stream goes on with the
   * next good one. Without it such a frame ends the stream with its error.
   */
  readonly onBadFrame?: ((error: ImageError) => void) | undefined
}

/** Something that came, and may be a frame. */
export interface Arrival {
  /** The first after a connect. */
  readonly initial: boolean
  /** Its frame, null where it holds none. Throws ImageError for a bad one. */
  read(): Frame | null
}

/** What a stream is fed with. */
export interface Arrivals {
  /** Null at the end. Rejects with ImageError. */
  next(): Promise<Arrival | null>
  /** Resolves when frames from now on are sure to come. */
  ready(): Promise<void>
  close(): void
}

export interface StreamParts extends StreamOptions {
  readonly decode: DecodeOptions | null
  readonly present: boolean
}

/**
 * Frames for `for await`, by one reader. Leaving the loop ends it, as do `close` and the signal. It outlives the loss of
 * its server: it goes on when the server is back, and `skipped` tells what was missed.
 */
export class FrameStream implements AsyncIterableIterator<Frame, undefined>, AsyncDisposable {
  readonly #arrivals: Arrivals
  readonly #parts: StreamParts
  readonly #sequence = new FrameSequence()
  #bad = 0
  #begun = false
  #closed = false
  #turn: Promise<unknown> = Promise.resolve()

  /** @internal Made by a source. */
  constructor(arrivals: Arrivals, parts: StreamParts) {
    this.#arrivals = arrivals
    this.#parts = parts
  }

  /** Frames that came. */
  get received(): number {
    return this.#sequence.received
  }

  /** Frames of the detector that never came, by their numbers; a counter that starts anew is no gap. */
  get skipped(): number {
    return this.#sequence.skipped
  }

  /** Times that the detector's counter started anew. */
  get restarts(): number {
    return this.#sequence.restarts
  }

  /** Frames that came and could not be used. */
  get bad(): number {
    return this.#bad
  }

  /** Resolves when the server has the subscription: frames that are taken from now on will come. */
  ready(): Promise<void> {
    return this.#arrivals.ready()
  }

  next(): Promise<IteratorResult<Frame, undefined>> {
    // Decoding takes its time: the next frame waits for the one before, so that their order stays.
    const result = this.#turn.then(() => this.#pull())
    this.#turn = result.catch(() => {})
    return result
  }

  async return(): Promise<IteratorResult<Frame, undefined>> {
    this.close()
    return { done: true, value: undefined }
  }

  /** Ends the stream. Nothing throws. */
  close(): void {
    this.#closed = true
    this.#arrivals.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  async #pull(): Promise<IteratorResult<Frame, undefined>> {
    while (!this.#closed) {
      const arrival = await this.#arrivals.next()
      if (arrival === null) break
      try {
        const frame = this.#accept(arrival)
        if (frame === null) continue
        const { decode } = this.#parts
        return { done: false, value: decode === null ? frame : await decodeFrame(frame, decode) }
      } catch (error) {
        const { onBadFrame } = this.#parts
        this.#bad += 1
        if (onBadFrame === undefined || !(error instanceof ImageError)) {
          this.close()
          throw error
        }
        onBadFrame(error)
      }
    }
    return { done: true, value: undefined }
  }

  #accept(arrival: Arrival): Frame | null {
    const first = !this.#begun
    this.#begun = true
    const frame = arrival.read()
    if (frame === null) return null
    if (first && !this.#parts.present) {
      this.#sequence.begin(frame)
      return null
    }
    return this.#sequence.next(frame, arrival.initial) ? frame : null
  }
}

/** The first frame of a stream, within a time; the stream ends with it. */
export async function firstOf(stream: FrameStream, source: string, timeout = 10): Promise<Frame> {
  let late = false
  const timer = setTimeout(() => {
    late = true
    stream.close()
  }, timeout * 1000)
  try {
    const { value } = await stream.next()
    if (value !== undefined) return value
    if (late) throw new ImageError("IMAGE_TIMEOUT", `${source}: no frame came within ${timeout} s`)
    throw new ImageError("IMAGE_NET", `${source}: the stream ended before a frame came`)
  } finally {
    clearTimeout(timer)
    stream.close()
  }
}
