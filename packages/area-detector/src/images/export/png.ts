import type { TypedArray } from "@ophyd-ts/core"
import { type DecodeOptions, decodeFrame } from "../codecs/decode.ts"
import { ImageError } from "../errors.ts"
import { elements, type Frame } from "../frame.ts"
import { type ContrastLimits, contrast } from "./limits.ts"

export interface PngOptions extends DecodeOptions {
  /**
   * Default `"minmax"`, and for colour with 8 bits the whole range, because its colours are meant as they are. The same
   * limits hold for all three colours.
   */
  readonly limits?: ContrastLimits | undefined
}

/**
 * A picture for people: 8 bits of grey, or of red, green and blue, in PNG. Decodes the frame if need be. A stack of
 * images gives its first one.
 *
 * @throws ImageError IMAGE_CODEC for YUV, IMAGE_INPUT for limits that are none, and what `decodeFrame` throws.
 */
export async function framePng(frame: Frame, options: PngOptions = {}): Promise<Uint8Array> {
  const decoded = await decodeFrame(frame, options)
  const { width, height, colorAxis, colorMode, data } = decoded
  if (colorMode.startsWith("YUV")) {
    throw new ImageError("IMAGE_CODEC", `${frame.source}: no picture of ${colorMode}, only of grey and RGB`)
  }
  const channels = colorAxis === null ? 1 : 3
  const pixels = data.subarray(0, width * height * channels)
  const isReady = channels === 3 && data instanceof Uint8Array && options.limits === undefined
  const limits = isReady ? ([0, 255] as const) : contrast(pixels, options.limits ?? "minmax")
  const shades = toShades(pixels, limits)
  const { encode } = await import("fast-png")
  return encode({
    width,
    height,
    channels,
    depth: 8,
    data: channels === 1 ? shades : interleave(shades, decoded.shape, colorAxis!),
  })
}

/** Each pixel as a shade from 0 (the low limit and below, and what is no number) to 255 (the high limit and above). */
export function toShades(data: TypedArray, [low, high]: readonly [number, number]): Uint8Array {
  const shades = new Uint8Array(data.length)
  const shade = (value: number): number =>
    value <= low ? 0 : value >= high ? 255 : Math.round((255 * (value - low)) / (high - low))
  if (data instanceof Uint16Array || data instanceof Uint8Array) {
    // Far fewer values than pixels: one table of them.
    const table = Uint8Array.from({ length: data instanceof Uint8Array ? 256 : 65_536 }, (_, value) =>
      shade(value),
    )
    for (let i = 0; i < data.length; i++) shades[i] = table[data[i]!]!
    return shades
  }
  for (let i = 0; i < data.length; i++) shades[i] = shade(Number(data[i]))
  return shades
}

/** Red, green and blue of each pixel side by side, from wherever the colour axis is. */
function interleave(shades: Uint8Array, shape: readonly number[], axis: number): Uint8Array {
  if (axis === 2) return shades
  // RGB2 has a line of each colour, RGB3 an image of each.
  const run = elements(shape.slice(axis + 1))
  const pixels = new Uint8Array(shades.length)
  for (let from = 0, to = 0; from < shades.length; from += 3 * run, to += 3 * run) {
    for (let color = 0; color < 3; color++) {
      for (let i = 0; i < run; i++) pixels[to + 3 * i + color] = shades[from + color * run + i]!
    }
  }
  return pixels
}
