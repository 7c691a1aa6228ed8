import { type Clock, systemClock, type TypedArray } from "@ophyd-ts/core"
import { type ClientOf, defaultClient, parseAddress } from "@ophyd-ts/epics"
import { ImageError } from "../errors.ts"
import type { Frame } from "../frame.ts"
import { ArrayDescriber, abortable, isSettled, netError, pause } from "./ca-array.ts"
import { CaArrivals } from "./ca-arrivals.ts"
import type { FrameCallOptions, FrameSource } from "./frame-source.ts"
import { FrameStream, firstOf, type StreamOptions } from "./frame-stream.ts"

export interface CaFramesOptions {
  /** Default: the client of the process. */
  readonly client?: ClientOf["ca"] | undefined
  /** Seconds that pixels and their description may be out of step. Default 1. */
  readonly settle?: number | undefined
  readonly clock?: Clock | undefined
}

/**
 * The images of areaDetector's StdArrays plugin. There the pixels are a flat waveform, and their dimensions and number are
 * PVs of their own, so the two may be out of step: a frame is given when the product of the dimensions is the number of pixels
 * and the frame's number did not change meanwhile. Where each single frame counts, use `PvaFrames`.
 *
 * Channel Access has no unsigned integers above 8 bits: uint16 and uint32 come as the next larger type and are given back as
 * they were; 64-bit integers come, and stay, as float64.
 *
 *     const frames = new CaFrames("S1:image1:")
 */
export class CaFrames implements FrameSource {
  readonly source: string
  readonly #prefix: string
  readonly #client: () => ClientOf["ca"]
  readonly #settle: number
  readonly #clock: Clock

  /** `prefix` is that of the plugin and may begin with `ca://`. Throws ImageError IMAGE_INPUT for another protocol. */
  constructor(prefix: string, options: CaFramesOptions = {}) {
    const { protocol, name } = parseAddress(prefix, "ca")
    if (protocol !== "ca") {
      throw new ImageError(
        "IMAGE_INPUT",
        `${prefix}: StdArrays is read over ca; for pva:// there is PvaFrames`,
      )
    }
    const { client, settle = 1, clock = systemClock } = options
    this.source = `ca://${name}ArrayData`
    this.#prefix = name
    this.#client = () => client ?? defaultClient("ca")
    this.#settle = settle
    this.#clock = clock
  }

  get({ timeout = 10, signal }: FrameCallOptions = {}): Promise<Frame> {
    return abortable(this.#get(timeout), signal, this.source)
  }

  next({ timeout, signal }: FrameCallOptions = {}): Promise<Frame> {
    return firstOf(this.latest({ signal, present: false }), this.source, timeout)
  }

  latest(options: StreamOptions = {}): FrameStream {
    const { signal, present = true } = options
    const arrivals = new CaArrivals(this.#client(), `${this.#prefix}ArrayData`, this.#describer(), {
      present,
      settle: this.#settle,
      clock: this.#clock,
      signal,
    })
    return new FrameStream(arrivals, { ...options, present, decode: null })
  }

  async #get(timeout: number): Promise<Frame> {
    const client = this.#client()
    const describer = this.#describer()
    const deadline = this.#clock.now() + this.#settle
    for (;;) {
      // In this order on one circuit: whatever changes in between shows in the number before and after.
      const [before, reading, after] = await Promise.all([
        describer.describe(timeout),
        client.get(`${this.#prefix}ArrayData`, { timeout }),
        describer.describe(timeout),
      ]).catch(error => {
        throw netError(this.source, "reading a frame", error)
      })
      const data = reading.value as TypedArray
      if (data.length === 0 || after.shape.length === 0) {
        throw new ImageError("IMAGE_NONE", `${this.source} has not held a frame yet`)
      }
      const steady = before.uniqueId === after.uniqueId && before.arrayCounter === after.arrayCounter
      const last = this.#clock.now() > deadline
      if (last || (steady && isSettled(data, after))) return describer.frame(reading, after)
      await new Promise<void>(resolve => this.#clock.after(pause, resolve))
    }
  }

  #describer(): ArrayDescriber {
    return new ArrayDescriber(this.#client(), this.#prefix, this.source)
  }
}
