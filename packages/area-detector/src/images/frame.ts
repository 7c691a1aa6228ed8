import type { Datatype, TypedArray } from "@ophyd-ts/core"
import { type ColorMode, type Dimension, seconds, type TimeStamp } from "pvxs-node"
import { ImageError } from "./errors.ts"
import { type PixelType, pixelTypes } from "./pixel-type.ts"

/**
 * One image of a detector, as it was taken. A frame never changes, and its memory is nobody else's: whoever got it from a
 * source may keep it, hand it on or transfer its buffer. Share it with others by agreement not to write into `data`.
 */
export class Frame {
  /** Where it came from, such as `pva://S1:Pva1:Image`. */
  readonly source: string
  /** The pixels in row-major order; with a codec, the compressed bytes. 64-bit integers are BigInt arrays. */
  readonly data: TypedArray
  /** Type of the pixels, also behind a codec; null where a codec's parameters do not tell. */
  readonly dtype: PixelType | null
  /** Lengths of the axes, slowest first: (Y, X); in colour (Y, X, 3), (Y, 3, X) or (3, Y, X) for RGB1, RGB2, RGB3. */
  readonly shape: readonly number[]
  readonly colorMode: ColorMode
  /** Number of the frame at the detector; starts anew when the IOC or its counter does. */
  readonly uniqueId: number
  /** When the image was taken. */
  readonly dataTimeStamp: TimeStamp
  /** When it was published; over Channel Access the time stamp of the array. */
  readonly timeStamp: TimeStamp
  /** What the detector wrote down beside the image, by name; see `attribute`. */
  readonly attributes: ReadonlyMap<string, unknown>
  /** The axes as the server describes them (offset, binning, direction), fastest first; empty over Channel Access. */
  readonly dimensions: readonly Dimension[]
  /** "" for none; `decodeFrame` knows lz4, bslz4, blosc, jpeg and zlib. */
  readonly codec: string
  /** Bytes of `data`. */
  readonly compressedSize: number
  /** Bytes of the pixels. */
  readonly uncompressedSize: number

  constructor(parts: FrameParts) {
    this.source = parts.source
    this.data = parts.data
    this.dtype = parts.dtype
    this.shape = Object.freeze([...parts.shape])
    this.colorMode = parts.colorMode
    this.uniqueId = parts.uniqueId
    this.dataTimeStamp = parts.dataTimeStamp
    this.timeStamp = parts.timeStamp
    this.attributes = parts.attributes
    this.dimensions = parts.dimensions
    this.codec = parts.codec
    this.compressedSize = parts.compressedSize
    this.uncompressedSize = parts.uncompressedSize
    Object.freeze(this)
  }

  /** When the image was taken: seconds since 1970, exact to about a microsecond. */
  get time(): number {
    return seconds(this.dataTimeStamp)
  }

  get compressed(): boolean {
    return this.codec !== ""
  }

  /** Elements of the pixels. */
  get size(): number {
    return elements(this.shape)
  }

  /** Position of the colours in `shape`; null for an image without. */
  get colorAxis(): number | null {
    return colorAxis(this.colorMode, this.shape)
  }

  /** Columns. */
  get width(): number {
    return this.#spatial().at(-1) ?? 1
  }

  /** Rows; 1 for a single line. */
  get height(): number {
    return this.#spatial().at(-2) ?? 1
  }

  /** Array-protocol type string of the pixels, such as `<u2`; null like `dtype`. */
  get dtypeNumpy(): string | null {
    return this.dtype === null ? null : pixelTypes[this.dtype].numpy
  }

  /** An attribute; undefined when there is none. With a datatype: of that type, or an error that names both. */
  attribute(name: string): unknown
  attribute<T>(name: string, datatype: Datatype<T>): T
  attribute<T>(name: string, datatype?: Datatype<T>): unknown {
    const value = this.attributes.get(name)
    if (datatype === undefined) return value
    const who = `attribute ${name} of frame ${this.uniqueId} of ${this.source}`
    if (!this.attributes.has(name)) throw new ImageError("IMAGE_INPUT", `${who}: there is none of this name`)
    return datatype.check(value, who, {})
  }

  /** For messages: `1024 × 1024 uint16 Mono, id 17`. */
  describe(): string {
    const coded = this.compressed ? ` ${this.codec}` : ""
    return `${this.shape.join(" × ")} ${this.dtype ?? "unknown"}${coded} ${this.colorMode}, id ${this.uniqueId}`
  }

  #spatial(): readonly number[] {
    const axis = this.colorAxis
    return axis === null ? this.shape : this.shape.toSpliced(axis, 1)
  }
}

/** What a frame is made of. */
export type FrameParts = Pick<
  Frame,
  | "source"
  | "data"
  | "dtype"
  | "shape"
  | "colorMode"
  | "uniqueId"
  | "dataTimeStamp"
  | "timeStamp"
  | "attributes"
  | "dimensions"
  | "codec"
  | "compressedSize"
  | "uncompressedSize"
>

/** Product of the lengths. */
export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

/** Distance of the colour axis from the fastest one. */
const colorPosition: Partial<Record<ColorMode, number>> = { RGB1: 0, RGB2: 1, RGB3: 2, YUV444: 0 }

function colorAxis(mode: ColorMode, shape: readonly number[]): number | null {
  const position = colorPosition[mode]
  if (position === undefined || shape.length !== 3) return null
  const axis = shape.length - 1 - position
  return shape[axis] === 3 ? axis : null
}
