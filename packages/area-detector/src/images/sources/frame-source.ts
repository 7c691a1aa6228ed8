import type { DecodeOptions } from "../codecs/decode.ts"
import type { Frame } from "../frame.ts"
import type { FrameStream, StreamOptions } from "./frame-stream.ts"

export interface FrameCallOptions {
  /** Seconds until it rejects with IMAGE_TIMEOUT. Default 10. */
  readonly timeout?: number | undefined
  /** Aborting rejects with IMAGE_ABORTED. */
  readonly signal?: AbortSignal | undefined
}

export interface FrameSourceOptions {
  /** Decode compressed frames (see `decodeFrame`) before they are handed out. Default false: as they came. */
  readonly decode?: boolean | DecodeOptions | undefined
}

/** Where the images of a detector come from. Nothing happens on the network before the first call. */
export interface FrameSource {
  /** For messages and documents, such as `pva://S1:Pva1:Image`. */
  readonly source: string

  /**
   * The frame that is there now. In a plan, after the detector's trigger is done: `yield* bps.call(() => frames.get())`.
   * Rejects with ImageError: IMAGE_NONE before the first frame, IMAGE_TIMEOUT, IMAGE_ABORTED, IMAGE_NET, or what is
   * wrong with the frame.
   */
  get(options?: FrameCallOptions): Promise<Frame>

  /** The first frame that comes from now on. Rejects like `get`. */
  next(options?: FrameCallOptions): Promise<Frame>

  /** The newest frame, again and again: a slow reader gets fewer frames, never old ones. */
  latest(options?: StreamOptions): FrameStream
}
