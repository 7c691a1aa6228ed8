import { ImageError } from "../errors.ts"
import { elements, Frame } from "../frame.ts"
import { asPixels, type PixelType, pixelTypes } from "../pixel-type.ts"
import { decodeBlosc } from "./blosc.ts"
import { decodeBslz4 } from "./bslz4.ts"
import { decodeJpeg } from "./jpeg.ts"
import { decodeLz4 } from "./lz4.ts"
import { decodeZlib } from "./zlib.ts"

export interface DecodeOptions {
  /** Bytes that the pixels of one frame may take. Default 512 MiB. */
  readonly maxBytes?: number | undefined
}

const defaultMaxBytes = 2 ** 29

/** What a codec works on: all sizes agree with each other and with the limit. */
interface Coded {
  readonly data: Uint8Array
  /** Bytes of the pixels. */
  readonly size: number
  /** Bytes of one pixel. */
  readonly width: number
}

const codecs: Readonly<Record<string, (coded: Coded) => Uint8Array | Promise<Uint8Array>>> = {
  lz4: ({ data, size }) => decodeLz4(data, size),
  bslz4: ({ data, size, width }) => decodeBslz4(data, size, width),
  blosc: ({ data, size }) => decodeBlosc(data, size),
  zlib: ({ data, size }) => decodeZlib(data, size),
}

/** The codecs that `decodeFrame` knows. */
export const knownCodecs: readonly string[] = [...Object.keys(codecs), "jpeg"]

/**
 * The frame with its pixels; the same one where they are not compressed. A colour picture of jpeg comes as RGB1,
 * whatever it was before.
 *
 * @throws ImageError IMAGE_CODEC for an unknown codec, IMAGE_TYPE where the type of the pixels is not told, IMAGE_SIZE and
 * IMAGE_LIMIT for sizes that can not be, before memory is taken; IMAGE_CORRUPT for bytes that do not decode.
 */
export async function decodeFrame(frame: Frame, options: DecodeOptions = {}): Promise<Frame> {
  if (!frame.compressed) return frame
  const who = `frame ${frame.uniqueId} of ${frame.source}`
  const { codec } = frame
  if (!knownCodecs.includes(codec)) {
    throw new ImageError("IMAGE_CODEC", `${who}: no codec "${codec}", only ${knownCodecs.join(", ")}`)
  }
  const dtype = codec === "jpeg" ? "uint8" : frame.dtype
  if (dtype === null) {
    throw new ImageError(
      "IMAGE_TYPE",
      `${who}: the parameters of ${codec} do not tell the type of the pixels`,
    )
  }
  const size = checkedSize(frame, dtype, who, options.maxBytes ?? defaultMaxBytes)
  try {
    if (codec === "jpeg") return await decodePicture(frame)
    const width = pixelTypes[dtype].bytes
    return withPixels(frame, await codecs[codec]!({ data: frame.data as Uint8Array, size, width }), dtype)
  } catch (cause) {
    if (cause instanceof ImageError) throw new ImageError(cause.code, `${who}: ${cause.message}`, { cause })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ImageError("IMAGE_CORRUPT", `${who}: ${codec}: ${why}`, { cause })
  }
}

function checkedSize(frame: Frame, dtype: PixelType, who: string, maxBytes: number): number {
  const { shape } = frame
  const size = elements(shape) * pixelTypes[dtype].bytes
  if (!shape.every(n => Number.isInteger(n) && n > 0) || !Number.isSafeInteger(size)) {
    throw new ImageError("IMAGE_SIZE", `${who}: an image of ${shape.join(" × ")}`)
  }
  if (size > maxBytes) {
    throw new ImageError(
      "IMAGE_LIMIT",
      `${who}: ${shape.join(" × ")} ${dtype} are more than ${maxBytes} bytes`,
    )
  }
  return size
}

async function decodePicture(frame: Frame): Promise<Frame> {
  const { width, height } = frame
  const colored = frame.colorAxis !== null
  const pixels = await decodeJpeg(frame.data as Uint8Array, { width, height, channels: colored ? 3 : 1 })
  const decoded = withPixels(frame, pixels, "uint8")
  return colored ? new Frame({ ...decoded, shape: [height, width, 3], colorMode: "RGB1" }) : decoded
}

const withPixels = (frame: Frame, bytes: Uint8Array, dtype: PixelType): Frame =>
  new Frame({
    ...frame,
    data: asPixels(bytes, dtype),
    dtype,
    codec: "",
    compressedSize: bytes.length,
    uncompressedSize: bytes.length,
  })
