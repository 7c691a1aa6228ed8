/** One image on its way through the plugins, as ADCore's NDArray carries it. */
import { type ArrayContent, arrayOf } from "../records/field.ts"

export type PixelArray = ArrayContent | BigInt64Array | BigUint64Array

/** Pixel types in the order of the DataType records. */
export const dataTypes = [
  "Int8",
  "UInt8",
  "Int16",
  "UInt16",
  "Int32",
  "UInt32",
  "Int64",
  "UInt64",
  "Float32",
  "Float64",
] as const
export type DataType = (typeof dataTypes)[number]

/** Pixels of up to 32 bits are the elements of waveforms, by other names. */
const arrays = {
  Int8: arrayOf.CHAR,
  UInt8: arrayOf.UCHAR,
  Int16: arrayOf.SHORT,
  UInt16: arrayOf.USHORT,
  Int32: arrayOf.LONG,
  UInt32: arrayOf.ULONG,
  Int64: BigInt64Array,
  UInt64: BigUint64Array,
  Float32: arrayOf.FLOAT,
  Float64: arrayOf.DOUBLE,
} as const

export const pixels = (type: DataType, length: number): PixelArray => new arrays[type](length)

/** A pixel of 64 bits; what is no number is 0. */
export const toBigInt = (value: number): bigint => (Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n)

/** Arrangement of colours in the order of the ColorMode records. */
export const colorModes = ["Mono", "Bayer", "RGB1", "RGB2", "RGB3", "YUV444", "YUV422", "YUV421"] as const
export type ColorMode = (typeof colorModes)[number]

/** One dimension of an image; offset, binning and reversal say how it came from the sensor. */
export interface Dimension {
  readonly size: number
  readonly offset: number
  readonly binning: number
  readonly reverse: boolean
  /** Size of the sensor. */
  readonly fullSize: number
}

/** Something that is known about an image besides its pixels. */
export interface FrameAttribute {
  readonly name: string
  readonly description: string
  readonly source: "Driver" | "Param" | "EPICS PV"
  /** Where it comes from: a parameter or a PV. */
  readonly from: string
  readonly type: "int" | "double" | "string"
  readonly value: number | string
}

/** Counts the images of a driver that plugins have not handled yet. */
export interface FrameOrigin {
  queued(): void
  handled(): void
}

/** Its pixels are shared by everybody who has the frame: nobody changes them. */
export interface Frame {
  readonly data: PixelArray
  readonly dataType: DataType
  readonly colorMode: ColorMode
  /** The one that varies fastest first. */
  readonly dimensions: readonly Dimension[]
  readonly uniqueId: number
  /** Beginning of the exposure, in seconds since 1990-01-01 UTC. */
  readonly timeStamp: number
  /** The same, exactly. */
  readonly seconds: number
  readonly nanoseconds: number
  readonly attributes: readonly FrameAttribute[]
  readonly origin: FrameOrigin
}

/** Seconds from 1970 to 1990, where EPICS begins to count. */
export const epicsEpoch = 631_152_000

/** Positions of columns, rows and colours among the dimensions; a monochrome image has no colours. */
export function axesOf(mode: ColorMode): { readonly x: number; readonly y: number; readonly color?: number } {
  if (mode === "RGB1") return { color: 0, x: 1, y: 2 }
  if (mode === "RGB2") return { x: 0, color: 1, y: 2 }
  return mode === "RGB3" ? { x: 0, y: 1, color: 2 } : { x: 0, y: 1 }
}

/** Columns, rows and colours of an image; 1 colour, read as size 0, for a monochrome one. */
export function sizesOf({ colorMode, dimensions }: Frame): { x: number; y: number; z: number } {
  const axes = axesOf(colorMode)
  const size = (axis: number | undefined): number => (axis === undefined ? 0 : (dimensions[axis]?.size ?? 0))
  return { x: size(axes.x), y: dimensions.length > 1 ? size(axes.y) : 0, z: size(axes.color) }
}
