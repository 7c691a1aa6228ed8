import { readFile } from "node:fs/promises"
import { decodeFrame, Frame, type PixelType, pixelTypeOf } from "@ophyd-ts/area-detector"
import { beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

interface Coded {
  codec: string
  dtype: PixelType
  shape: number[]
  /** Base 64. */
  data: string
  pixels: string
}

const never = { secondsPastEpoch: 0, nanoseconds: 0, userTag: 0 }

// The encoders are there where Tiled's server is, which needs them too.
describe.skipIf(!peers().tiled)("decoding what the genuine encoders make", () => {
  let images: Coded[]
  beforeAll(async () => {
    images = await python<Coded>(await readFile(new URL("./python/image_codecs.py", import.meta.url), "utf8"))
  })

  const decode = async ({ codec, dtype, shape, data }: Coded): Promise<Frame> => {
    const bytes = Uint8Array.from(Buffer.from(data, "base64"))
    const coded = new Frame({
      source: `${codec} of ${shape.join(" × ")} ${dtype}`,
      data: bytes,
      dtype,
      shape,
      colorMode: shape.length === 3 ? "RGB1" : "Mono",
      uniqueId: 1,
      dataTimeStamp: never,
      timeStamp: never,
      attributes: new Map(),
      dimensions: [],
      codec,
      compressedSize: bytes.length,
      uncompressedSize: 0,
    })
    return decodeFrame(coded)
  }

  it.each(["lz4", "bslz4", "blosc", "zlib"])("%s gives every pixel back, for all types", async codec => {
    const of = images.filter(image => image.codec === codec)
    expect(new Set(of.map(image => image.dtype)).size).toBe(10)
    for (const image of of) {
      const { data, shape, source } = await decode(image)
      expect(pixelTypeOf(data), source).toBe(image.dtype)
      expect(shape).toEqual(image.shape)
      const same = Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(
        Buffer.from(image.pixels, "base64"),
      )
      expect(same, source).toBe(true)
    }
  })

  it("jpeg gives what libjpeg gives, to a shade or two", async () => {
    const of = images.filter(image => image.codec === "jpeg")
    expect(of).toHaveLength(2)
    for (const image of of) {
      const { data } = await decode(image)
      const theirs = Buffer.from(image.pixels, "base64")
      expect(data.length).toBe(theirs.length)
      const furthest = Math.max(...theirs.map((value, i) => Math.abs(value - Number(data[i]))))
      expect(furthest, image.shape.join(" × ")).toBeLessThanOrEqual(image.shape.length === 3 ? 8 : 2)
    }
  })
})
