import {
  type Clock,
  type DataKeys,
  type EventCollectable,
  type Flyable,
  type HasHints,
  type Hints,
  joinNames,
  type PartialEvent,
  type Preparable,
  Status,
  type Stoppable,
  systemClock,
} from "@ophyd-ts/core"
import { ImageError } from "./errors.ts"
import type { Frame } from "./frame.ts"
import type { FrameStream } from "./sources/frame-stream.ts"
import type { PvaFrames } from "./sources/pva-frames.ts"

/** What `prepare` takes. */
export interface FrameCount {
  /** Frames that will be taken. `complete` waits for all of them. */
  readonly frames: number
}

export interface FrameCollectorOptions {
  /** Prefix of its keys in documents. */
  readonly name: string
  /** Numbers to keep of each frame, by name: they become the columns of its events, beside the number of the frame. */
  readonly columns?: Readonly<Record<string, (frame: Frame) => number>> | undefined
  /** Called with each frame, in order, for whatever else is to become of it. */
  readonly onFrame?: ((frame: Frame) => void) | undefined
  /** Whether a series with gaps is good enough. Default false: `complete` fails with IMAGE_LOST. */
  readonly allowSkipped?: boolean | undefined
  /** See `AllFramesOptions.queue`. */
  readonly queue?: number | undefined
  /** Seconds without a frame after which `complete` no longer waits for those that are missing. Default 10. */
  readonly patience?: number | undefined
  /** Seconds without a frame that end a series of unknown length, when `complete` asks for its end. Default 0.5. */
  readonly quiet?: number | undefined
  readonly clock?: Clock | undefined
}

/**
 * Takes every frame of a detector while something else moves: a flyer for plans. `kickoff` is done when no frame can be
 * missed any more, `complete` when all that was prepared for has come, and `collect` gives one event for each frame.
 *
 *     const collector = new FrameCollector(frames, { name: "spot", columns: { total } })
 *     yield* bps.prepare(collector, { frames: 100 }, { wait: true })
 *     yield* bps.kickoff(collector, { wait: true })
 */
export class FrameCollector
  implements Flyable, EventCollectable, Preparable<FrameCount>, Stoppable, HasHints
{
  readonly name: string
  readonly parent = null
  readonly #frames: PvaFrames
  readonly #options: FrameCollectorOptions
  readonly #columns: readonly [key: string, of: (frame: Frame) => number][]
  readonly #clock: Clock
  /** Frames that the next flight was prepared for. */
  #prepared: number | null = null
  /** The same of the present one, until its end was asked for. */
  #expected: number | null = null
  #stream: FrameStream | null = null
  #taking = false
  #failure: unknown = null
  #events: PartialEvent[] = []
  /** Whoever waits for the next frame. */
  #wake: (() => void)[] = []

  constructor(frames: PvaFrames, options: FrameCollectorOptions) {
    this.name = options.name
    this.#frames = frames
    this.#options = options
    this.#columns = Object.entries(options.columns ?? {}).map(([name, of]) => [this.#key(name), of])
    this.#clock = options.clock ?? systemClock
  }

  /** Frames that came since `kickoff`. */
  get received(): number {
    return this.#stream?.received ?? 0
  }

  /** Frames that were taken since `kickoff` and never came. */
  get skipped(): number {
    return this.#stream?.skipped ?? 0
  }

  get hints(): Hints {
    return { fields: this.#columns.map(([key]) => key) }
  }

  /** Says how many frames will be taken. Holds for one flight. */
  prepare({ frames }: FrameCount): Status<void> {
    const what = { name: this.name, action: "prepare", target: frames }
    if (!(Number.isInteger(frames) && frames > 0)) {
      const why = `${this.name}: a number of frames is an integer above 0, not ${frames}`
      return Status.failed(what, new ImageError("IMAGE_INPUT", why))
    }
    this.#prepared = frames
    return Status.finished(what)
  }

  /** Subscribes. The frame that is there does not count: it was taken before. */
  kickoff(): Status<void> {
    const { queue, patience = 10 } = this.#options
    return Status.run({ name: this.name, action: "kick off", timeout: patience }, async work => {
      this.stop()
      this.#events = []
      this.#failure = null
      const stream = this.#frames.all({ queue })
      this.#stream = stream
      this.#taking = true
      work.onCancel(() => this.stop())
      await stream.ready()
      // A flight that is aborted leaves the next one nothing to wait for.
      this.#expected = this.#prepared
      this.#prepared = null
      void this.#take(stream)
    })
  }

  /** Waits for the frames that were prepared for, or else until no more come. */
  complete(): Status<void> {
    return Status.run({ name: this.name, action: "complete" }, async work => {
      const stream = this.#stream
      if (stream === null) throw new ImageError("IMAGE_INPUT", `${this.name} was not kicked off`)
      const expected = this.#expected
      this.#expected = null
      const { patience = 10, quiet = 0.5 } = this.#options
      work.onCancel(() => this.stop())
      const came = (): number => stream.received + stream.skipped
      while (this.#taking && (expected === null || came() < expected)) {
        if (expected !== null) work.progress({ initial: 0, current: stream.received, target: expected })
        if (!(await this.#another(expected === null ? quiet : patience))) break
      }
      if (this.#failure !== null) throw this.#failure
      if (!this.#taking && expected !== null && came() < expected) {
        throw new ImageError("IMAGE_ABORTED", `${this.name}: stopped after ${came()} of ${expected} frames`)
      }
      this.stop()
      this.#check(stream, expected)
    })
  }

  describeCollect(): DataKeys {
    const { source } = this.#frames
    const number = { source, dtype: "number", shape: [], dtype_numpy: "<f8" } as const
    return {
      [this.#key("unique_id")]: { source, dtype: "integer", shape: [], dtype_numpy: "<i8" },
      ...Object.fromEntries(this.#columns.map(([key]) => [key, { ...number, shape: [] }])),
    }
  }

  /** An event for each frame since the last time. */
  collect(): PartialEvent[] {
    return this.#events.splice(0)
  }

  /** Ends the subscription; what came stays to be collected. */
  stop(): void {
    this.#taking = false
    this.#stream?.close()
    this.#tell()
  }

  async #take(stream: FrameStream): Promise<void> {
    try {
      for await (const frame of stream) {
        this.#events.push(this.#eventOf(frame))
        this.#options.onFrame?.(frame)
        this.#tell()
      }
    } catch (error) {
      if (this.#stream !== stream) return
      this.#failure = error
      this.stop()
    }
  }

  #eventOf(frame: Frame): PartialEvent {
    const time = frame.time > 0 ? frame.time : this.#clock.time()
    const data: Record<string, unknown> = { [this.#key("unique_id")]: frame.uniqueId }
    for (const [key, of] of this.#columns) data[key] = of(frame)
    return { time, data, timestamps: Object.fromEntries(Object.keys(data).map(key => [key, time])) }
  }

  #check({ received, skipped }: FrameStream, expected: number | null): void {
    const { allowSkipped = false, patience = 10 } = this.#options
    if (expected !== null && received + skipped < expected) {
      const why = `${received} of ${expected} frames came, and no other within ${patience} s`
      throw new ImageError("IMAGE_TIMEOUT", `${this.name}: ${why}`)
    }
    if (skipped > 0 && !allowSkipped) {
      const why = `${skipped} of ${received + skipped} frames were lost on the way`
      throw new ImageError("IMAGE_LOST", `${this.name}: ${why}`)
    }
  }

  /** False when so many seconds pass without a frame, or an end. */
  #another(seconds: number): Promise<boolean> {
    return new Promise(resolve => {
      const cancel = this.#clock.after(seconds, () => resolve(false))
      this.#wake.push(() => {
        cancel()
        resolve(true)
      })
    })
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  #key(name: string): string {
    return joinNames(this.name, name)
  }
}
