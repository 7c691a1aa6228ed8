import { defaultClient, parseAddress } from "@ophyd-ts/epics"
import {
  field,
  type Monitor,
  type MonitorOptions,
  type MonitorUpdate,
  type PixelNumbering,
  type PvaClient,
  PvaError,
  type PvStructureValue,
} from "pvxs-node"
import type { PvaPlugin } from "../../plugins/simple.ts"
import { type DecodeOptions, decodeFrame } from "../codecs/decode.ts"
import { ImageError } from "../errors.ts"
import type { Frame } from "../frame.ts"
import { frameFromNdArray } from "../from-nd-array.ts"
import type { FrameCallOptions, FrameSource, FrameSourceOptions } from "./frame-source.ts"
import { type Arrival, type Arrivals, FrameStream, firstOf, type StreamOptions } from "./frame-stream.ts"

export interface PvaFramesOptions extends FrameSourceOptions {
  /** Default: the client of the process. */
  readonly client?: PvaClient | undefined
  /** See `FrameOptions.numbering`. */
  readonly numbering?: PixelNumbering | undefined
}

export interface AllFramesOptions extends StreamOptions {
  /**
   * Frames that the server may be ahead of the reader, and that take memory on both sides. When they are full the
   * server merges, and the frames it had to drop are counted as skipped. Default 16.
   */
  readonly queue?: number | undefined
}

/**
 * The images that areaDetector's Pva plugin, or any other server of NTNDArray, publishes. Shape, type, number and times
 * travel with the pixels.
 *
 *     const frames = new PvaFrames("S1:Pva1:Image", { decode: true })
 *     for await (const frame of frames.latest()) show(frame)
 */
export class PvaFrames implements FrameSource {
  readonly source: string
  readonly #name: string
  readonly #client: () => PvaClient
  readonly #numbering: PixelNumbering | undefined
  readonly #decode: DecodeOptions | null

  /** `pv` may begin with `pva://`. Throws ImageError IMAGE_INPUT for another protocol. */
  constructor(pv: string, options: PvaFramesOptions = {}) {
    const { protocol, name } = parseAddress(pv, "pva")
    if (protocol !== "pva") {
      throw new ImageError("IMAGE_INPUT", `${pv}: an NTNDArray comes over pva; for ca:// there is CaFrames`)
    }
    const { client, decode = false } = options
    this.source = `pva://${name}`
    this.#name = name
    this.#client = () => client ?? defaultClient("pva")
    this.#numbering = options.numbering
    this.#decode = decode === true ? {} : decode === false ? null : decode
  }

  /** The images of a detector's Pva plugin, by the name that the plugin tells; `detector.plugins.pva` is one. */
  static async of(plugin: PvaPlugin, options: PvaFramesOptions = {}): Promise<PvaFrames> {
    return new PvaFrames(await plugin.pvName.get(), { client: plugin.clientFor("pva"), ...options })
  }

  async get(options: FrameCallOptions = {}): Promise<Frame> {
    const { timeout = 10, signal } = options
    const value = await this.#client()
      .get(this.#name, { timeout, ...(signal === undefined ? {} : { signal }) })
      .catch(error => {
        throw netError(this.source, "reading a frame", error)
      })
    const frame = this.#frame(value)
    if (frame === null) throw new ImageError("IMAGE_NONE", `${this.source} has not held a frame yet`)
    return this.#decode === null ? frame : decodeFrame(frame, this.#decode)
  }

  next({ timeout, signal }: FrameCallOptions = {}): Promise<Frame> {
    return firstOf(this.latest({ signal, present: false }), this.source, timeout)
  }

  latest(options: StreamOptions = {}): FrameStream {
    return this.#stream({}, { ...options, present: options.present ?? true })
  }

  /**
   * Every frame, in order. The server is told of each one that was taken, and never sends more than `queue` ahead, so a
   * slow reader loses nothing until the server itself must drop; that shows in `skipped`.
   */
  all(options: AllFramesOptions = {}): FrameStream {
    const { queue = 16 } = options
    if (!(Number.isInteger(queue) && queue > 0)) {
      throw new ImageError("IMAGE_INPUT", `${this.source}: a queue is an integer above 0, not ${queue}`)
    }
    const how = { pipeline: true, queueSize: queue }
    return this.#stream(how, { ...options, present: options.present ?? false })
  }

  #stream(how: MonitorOptions, options: StreamOptions & { present: boolean }): FrameStream {
    const { signal } = options
    const monitor = this.#client().monitor(this.#name, {
      ...how,
      ...(signal === undefined ? {} : { signal }),
    })
    const arrivals = new MonitorArrivals(monitor, this.source, value => this.#frame(value))
    return new FrameStream(arrivals, { ...options, decode: this.#decode })
  }

  #frame(value: unknown): Frame | null {
    return frameFromNdArray(value, { source: this.source, numbering: this.#numbering })
  }
}

/** The updates of a monitor that bring an image. */
class MonitorArrivals implements Arrivals {
  readonly #monitor: Monitor
  readonly #updates: AsyncIterator<MonitorUpdate<PvStructureValue>, undefined>
  readonly #source: string
  readonly #frame: (value: unknown) => Frame | null
  #selected: unknown

  constructor(monitor: Monitor, source: string, frame: (value: unknown) => Frame | null) {
    this.#monitor = monitor
    // From here on updates wait for this reader.
    this.#updates = monitor[Symbol.asyncIterator]()
    this.#source = source
    this.#frame = frame
  }

  async next(): Promise<Arrival | null> {
    for (;;) {
      const { value: update, done } = await this.#updates.next().catch(error => {
        throw netError(this.#source, "waiting for a frame", error)
      })
      if (done === true || update === undefined) return null
      const selected = field(update.value, "value")
      // An alarm, say, may change without the image.
      if (selected === this.#selected && !update.initial) continue
      this.#selected = selected
      return { initial: update.initial, read: () => this.#frame(update.value) }
    }
  }

  ready(): Promise<void> {
    if (this.#monitor.latest !== null) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const off = this.#monitor.on("update", () => {
        off()
        resolve()
      })
      this.#monitor.on("ended", reason => {
        off()
        reject(netError(this.#source, "subscribing", reason ?? new Error("it was closed")))
      })
    })
  }

  close(): void {
    this.#monitor.close()
  }
}

function netError(source: string, action: string, cause: unknown): ImageError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof PvaError ? cause.code : undefined
  const ours =
    code === "PVA_TIMEOUT" ? "IMAGE_TIMEOUT" : code === "PVA_ABORTED" ? "IMAGE_ABORTED" : "IMAGE_NET"
  return new ImageError(ours, `${source}: ${action}: ${why}`, { cause })
}
