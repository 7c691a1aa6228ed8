import type { TypedArray } from "@ophyd-ts/core"

interface Kind {
  readonly bytes: 1 | 2 | 4 | 8
  readonly array: new (buffer: ArrayBuffer, at?: number, length?: number) => TypedArray
  /** Array-protocol type string, as documents have it. */
  readonly numpy: string
}

/** The element types of images, with their typed arrays. */
export const pixelTypes = {
  int8: { bytes: 1, array: Int8Array, numpy: "|i1" },
  uint8: { bytes: 1, array: Uint8Array, numpy: "|u1" },
  int16: { bytes: 2, array: Int16Array, numpy: "<i2" },
  uint16: { bytes: 2, array: Uint16Array, numpy: "<u2" },
  int32: { bytes: 4, array: Int32Array, numpy: "<i4" },
  uint32: { bytes: 4, array: Uint32Array, numpy: "<u4" },
  int64: { bytes: 8, array: BigInt64Array, numpy: "<i8" },
  uint64: { bytes: 8, array: BigUint64Array, numpy: "<u8" },
  float32: { bytes: 4, array: Float32Array, numpy: "<f4" },
  float64: { bytes: 8, array: Float64Array, numpy: "<f8" },
} as const satisfies Record<string, Kind>

/** Element type of an image, by numpy's name. */
export type PixelType = keyof typeof pixelTypes

/** The same in areaDetector's order: `DataType_RBV` is a place in it. */
export const pixelTypeNames = Object.keys(pixelTypes) as PixelType[]

/** The element type that a typed array holds. */
export const pixelTypeOf = (data: TypedArray): PixelType =>
  pixelTypeNames.find(name => data instanceof pixelTypes[name].array)!

/** Memory as elements of a type: the same memory where the alignment allows it, otherwise a copy. */
export function asPixels(bytes: Uint8Array, dtype: PixelType): TypedArray {
  const { bytes: width, array } = pixelTypes[dtype]
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.byteLength / width))
}

/** The bytes behind a typed array; the same memory. */
export const bytesOf = (data: TypedArray): Uint8Array =>
  new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
