/** Pixels to draw on: they know where columns, rows and colours lie, and how large a number they hold. */
import { axesOf, type ColorMode, type DataType, type PixelArray, pixels, toBigInt } from "../frame.ts"

type NumberArray = Exclude<PixelArray, BigInt64Array | BigUint64Array>

const largest: Readonly<Record<DataType, number>> = {
  Int8: 127,
  UInt8: 255,
  Int16: 32_767,
  UInt16: 65_535,
  Int32: 2 ** 31 - 1,
  UInt32: 2 ** 32 - 1,
  Int64: Number.MAX_SAFE_INTEGER,
  UInt64: Number.MAX_SAFE_INTEGER,
  Float32: Number.POSITIVE_INFINITY,
  Float64: Number.POSITIVE_INFINITY,
}

export class Canvas {
  readonly width: number
  readonly height: number
  readonly colors: number
  /** Distances between neighbours in `data`. */
  readonly step: { readonly x: number; readonly y: number; readonly color: number }
  readonly data: NumberArray
  /** The largest number that a pixel shows: more light saturates it. */
  readonly full: number
  readonly #type: DataType

  constructor(width: number, height: number, type: DataType, mode: ColorMode) {
    const axes = axesOf(mode)
    const sizes: number[] = []
    sizes[axes.x] = width
    sizes[axes.y] = height
    if (axes.color !== undefined) sizes[axes.color] = 3
    const stepOf = (axis: number): number => sizes.slice(0, axis).reduce((product, size) => product * size, 1)
    this.width = width
    this.height = height
    this.colors = axes.color === undefined ? 1 : 3
    this.step = {
      x: stepOf(axes.x),
      y: stepOf(axes.y),
      color: axes.color === undefined ? 0 : stepOf(axes.color),
    }
    this.full = largest[type]
    this.#type = type
    const isBig = type === "Int64" || type === "UInt64"
    this.data = pixels(isBig ? "Float64" : type, width * height * this.colors) as NumberArray
  }

  /** More light on one pixel. */
  add(index: number, value: number): void {
    const sum = (this.data[index] ?? 0) + value
    this.data[index] = sum > this.full ? this.full : sum
  }

  /** The pixels in the type that was asked for. */
  finish(): PixelArray {
    if (this.#type === "Int64") return BigInt64Array.from(this.data, toBigInt)
    if (this.#type === "UInt64") return BigUint64Array.from(this.data, toBigInt)
    return this.data
  }
}
