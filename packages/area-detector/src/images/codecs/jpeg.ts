import { damaged } from "./damaged.ts"

export interface Picture {
  readonly width: number
  readonly height: number
  /** 1 grey or 3 colour channels. */
  readonly channels: number
}

/**
 * Decodes a JPEG picture with the `jpeg-js` library, loaded at first use.
 *
 * @returns grey values, or red, green, blue for each pixel. Throws where the picture is not the one expected.
 */
export async function decodeJpeg(input: Uint8Array, expected: Picture): Promise<Uint8Array> {
  const found = pictureOf(input)
  const { width, height, channels } = expected
  if (found.width !== width || found.height !== height) {
    throw damaged(`jpeg: the picture is ${found.width} × ${found.height}, not ${width} × ${height}`)
  }
  const { decode } = await import("jpeg-js")
  let rgb: Uint8Array
  try {
    rgb = decode(input, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      // The size is known and was agreed to; these are the library's own guesses at what is too much.
      maxResolutionInMP: Number.POSITIVE_INFINITY,
      maxMemoryUsageInMB: Number.POSITIVE_INFINITY,
    }).data
  } catch (cause) {
    throw damaged(`jpeg: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
  if (channels === 3) return rgb
  const grey = new Uint8Array(width * height)
  for (let i = 0; i < grey.length; i++) grey[i] = rgb[3 * i]!
  return grey
}

/** Size and channels from the start-of-frame segment (ITU-T T.81, B.2.2). */
export function pictureOf(input: Uint8Array): Picture {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  if (input.length < 4 || view.getUint16(0) !== 0xffd8) throw damaged("jpeg: it does not begin like one")
  for (let at = 2; at + 4 <= input.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at)
    if (marker >>> 8 !== 0xff) break
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)
    if (!isFrame) continue
    if (at + 10 > input.length) break
    return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), channels: view.getUint8(at + 9) }
  }
  throw damaged("jpeg: it says no size")
}
