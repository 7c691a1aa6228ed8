import {
  field,
  isStructure,
  type NdArray,
  nameOf,
  type PixelNumbering,
  PvAny,
  PvUnion,
  readNdArray,
  readTimeStamp,
} from "pvxs-node"
import { ImageError } from "./errors.ts"
import { elements, Frame } from "./frame.ts"
import { asPixels, bytesOf, type PixelType, pixelTypeOf, pixelTypes } from "./pixel-type.ts"

export interface FrameOptions {
  /** Named in errors and kept in the frame. */
  readonly source?: string
  /**
   * How the server numbers the type of the pixels behind a codec. Default: the one that agrees with the sizes, that of
   * pvData where both do (which concerns only the number 1: int8 there, uint8 with newer areaDetector plugins).
   */
  readonly numbering?: PixelNumbering | undefined
}

const fromPva: Readonly<Record<string, PixelType>> = {
  boolean: "uint8",
  byte: "int8",
  ubyte: "uint8",
  short: "int16",
  ushort: "uint16",
  int: "int32",
  uint: "uint32",
  long: "int64",
  ulong: "uint64",
  float: "float32",
  double: "float64",
}

/**
 * The image in an NTNDArray (EPICS V4 Normative Types specification, "NTNDArray"), with the memory that was received;
 * null where the PV holds none yet.
 *
 * @throws ImageError IMAGE_TYPE for what is no image, IMAGE_SIZE where pixels and dimensions differ.
 */
export function frameFromNdArray(value: unknown, options: FrameOptions = {}): Frame | null {
  const { source = "an NTNDArray", numbering } = options
  const selected = field(value, "value")
  if (selected === null) return null
  // A group of records has a variant where the specification has a union.
  if (!isStructure(value) || !(selected instanceof PvUnion || selected instanceof PvAny)) {
    throw new ImageError("IMAGE_TYPE", `${source} is no NTNDArray: it has no union "value"`)
  }
  const image = readNdArray(value, numbering)
  const isKnown = selected instanceof PvAny || selected.name.replace(/Value$/, "") in fromPva
  if (image === null || !isKnown) {
    const what = selected instanceof PvAny ? nameOf(selected.type) : selected.name
    throw new ImageError("IMAGE_TYPE", `${source}: its pixels are of an unknown type, ${what}`)
  }
  // areaDetector's PV is empty before its first image; others send an array of none.
  if (image.data.length === 0 && image.shape.length === 0) return null
  const shape = image.shape.length === 0 ? [image.data.length] : image.shape.toReversed()
  return image.codec === "" ? raw(value, image, shape, source) : coded(value, image, shape, source)
}

function raw(value: object, image: NdArray, shape: number[], source: string): Frame {
  const { data } = image
  if (elements(shape) !== data.length) {
    throw new ImageError(
      "IMAGE_SIZE",
      `${source}: frame ${image.uniqueId} has ${data.length} pixels, its dimensions ${shape.join(" × ")} say ${elements(shape)}`,
    )
  }
  const sizes = { compressedSize: data.byteLength, uncompressedSize: data.byteLength }
  return frame(value, image, { ...sizes, data, dtype: pixelTypeOf(data), shape, source })
}

/** A plugin may select the member by the type of the pixels and send its whole buffer: `compressedSize` says what counts. */
function coded(value: object, image: NdArray, shape: number[], source: string): Frame {
  const bytes = bytesOf(image.data)
  const { compressedSize } = image
  const said = compressedSize > 0 && compressedSize <= bytes.length ? compressedSize : bytes.length
  const dtype = image.pixelType === null ? null : fromPva[image.pixelType]!
  const uncompressedSize = dtype === null ? image.uncompressedSize : elements(shape) * pixelTypes[dtype].bytes
  const data = asPixels(bytes.subarray(0, said), "uint8")
  return frame(value, image, { compressedSize: said, uncompressedSize, data, dtype, shape, source })
}

type Own = "data" | "dtype" | "shape" | "source" | "compressedSize" | "uncompressedSize"

const frame = (value: object, image: NdArray, own: Pick<Frame, Own>): Frame =>
  new Frame({
    ...own,
    colorMode: image.colorMode,
    uniqueId: image.uniqueId,
    dataTimeStamp: image.timeStamp,
    timeStamp: readTimeStamp(value) ?? image.timeStamp,
    attributes: image.attributes,
    dimensions: image.dimensions,
    codec: image.codec,
  })
