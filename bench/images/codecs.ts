/** Frames per second that are decoded, and drawn: 1024 × 1024 of 16 bit, a peak with noise. For jpeg 8 bit. */
import { decodeFrame, Frame, framePng, type PixelType } from "@ophyd-ts/area-detector"
import { encode as encodeJpeg } from "jpeg-js"
import Blosc from "numcodecs/blosc"
import Lz4 from "numcodecs/lz4"
import { callRate } from "../bench.ts"

const side = 1024
const never = { secondsPastEpoch: 0, nanoseconds: 0, userTag: 0 }

const pixels = Uint16Array.from({ length: side * side }, (_, i) => {
  const [x, y] = [(i % side) - 500, Math.floor(i / side) - 400]
  const noise = (Math.imul(i, 2_654_435_761) >>> 16) & 7
  return 900 * Math.exp(-(x * x + y * y) / 20_000) + noise
})

/** Blocks of bitshuffled elements, each with its length in front. */
async function bslz4(data: Uint16Array): Promise<Uint8Array> {
  const lz4 = Lz4.fromConfig({ id: "lz4" })
  const block = 4096
  const parts: Uint8Array[] = []
  for (let start = 0; start < data.length; start += block) {
    const shuffled = new Uint8Array(2 * block)
    for (let i = 0; i < block; i += 1) {
      const value = data[start + i]!
      for (let bit = 0; bit < 16; bit += 1) {
        if ((value >> bit) & 1) shuffled[(bit * block) / 8 + (i >> 3)]! |= 1 << (i & 7)
      }
    }
    const coded = (await lz4.encode(shuffled)).subarray(4)
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, coded.length)
    parts.push(length, coded)
  }
  return Uint8Array.from(Buffer.concat(parts))
}

function frame(codec: string, data: Uint8Array, dtype: PixelType): Frame {
  return new Frame({
    source: "bench",
    data,
    dtype,
    shape: [side, side],
    colorMode: "Mono",
    uniqueId: 1,
    dataTimeStamp: never,
    timeStamp: never,
    attributes: new Map(),
    dimensions: [],
    codec,
    compressedSize: data.length,
    uncompressedSize: 0,
  })
}

/** Each codec with a compressed frame. */
export async function codedFrames(): Promise<ReadonlyMap<string, Frame>> {
  const bytes = new Uint8Array(pixels.buffer)
  const rgba = new Uint8Array(4 * side * side)
  for (let i = 0; i < pixels.length; i += 1) rgba.fill(Math.min(255, pixels[i]! >> 2), 4 * i, 4 * i + 4)
  const lz4 = await Lz4.fromConfig({ id: "lz4" }).encode(bytes)
  const blosc = await Blosc.fromConfig({ id: "blosc", cname: "blosclz", clevel: 5, shuffle: 2 }).encode(bytes)
  const jpeg = encodeJpeg({ width: side, height: side, data: rgba }, 85).data
  return new Map([
    ["lz4", frame("lz4", lz4.slice(4), "uint16")],
    ["bslz4", frame("bslz4", await bslz4(pixels), "uint16")],
    ["blosc", frame("blosc", blosc, "uint16")],
    ["jpeg", frame("jpeg", Uint8Array.from(jpeg), "uint8")],
  ])
}

export const decodeRate = (coded: Frame): Promise<number> => callRate(1000, () => decodeFrame(coded))

export const pngRate = (): Promise<number> => {
  const raw = frame("", new Uint8Array(pixels.buffer), "uint16")
  const grey = new Frame({ ...raw, data: pixels })
  return callRate(1000, () => framePng(grey, { limits: { percentiles: [1, 99.5] } }))
}
