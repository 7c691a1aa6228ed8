import { readFile } from "node:fs/promises"
import { decodeFrame, Frame, framePng, type PixelType, pixelTypeOf } from "@ophyd-ts/area-detector"
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

  it("Pillow reads the pictures of ours, grey and in colour", async () => {
    const script = `
import base64, io, json, sys
from PIL import Image
for text in sys.argv[1:]:
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    print(json.dumps([picture.mode, picture.size, list(picture.tobytes())]))
`
    const frame = (shape: number[], colorMode: "Mono" | "RGB3", data: Uint16Array): Frame =>
      new Frame({
        source: "test",
        data,
        dtype: "uint16",
        shape,
        colorMode,
        uniqueId: 1,
        dataTimeStamp: never,
        timeStamp: never,
        attributes: new Map(),
        dimensions: [],
        codec: "",
        compressedSize: data.byteLength,
        uncompressedSize: data.byteLength,
      })
    const grey = frame([2, 3], "Mono", Uint16Array.of(0, 100, 200, 300, 400, 510))
    const color = frame([3, 1, 2], "RGB3", Uint16Array.of(0, 1, 2, 3, 4, 5))
    const pictures = await Promise.all([framePng(grey), framePng(color, { limits: [0, 5] })])
    const seen = await python(script, { args: pictures.map(png => Buffer.from(png).toString("base64")) })
    expect(seen).toEqual([
      ["L", [3, 2], [0, 50, 100, 150, 200, 255]],
      ["RGB", [2, 1], [0, 102, 204, 51, 153, 255]],
    ])
  })
})
