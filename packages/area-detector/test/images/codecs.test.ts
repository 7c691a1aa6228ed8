import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeFrame, type Frame, knownCodecs, type PixelType } from "../../src/images/index.ts"
import { frameOf, hex } from "./support.ts"

/** 3 × 10 uint16: rows of ones, twos, threes, and 65535 at the end. Recorded from LZ4 1.10, bitshuffle 0.5, C-Blosc 1.21, zlib 1.3. */
const vectors: Record<string, Uint8Array> = {
  lz4: hex(`
    2e (2 literals, match of 18) 0100 (literals) 0200 (2 back)
    1f 02 0200 00 (1 literal, match of 19)
    1a 03 0200 (1 literal, match of 14)
    50 00 0300 ffff (5 literals, the end)`),
  bslz4: hex(`
    00000011 (a block of 17 bytes, 24 elements) 7f ff03f000fcff00 0100 1150 0000000000
    0300 0300 0300 0300 0300 ffff (6 elements that fill no 8)`),
  blosc: hex(`
    02 01 33 02 (version 2, stored, 2 bytes each) 3c000000 (60 bytes) 3c000000 (a block) 4c000000 (with header)
    0100 0100 0100 0100 0100 0100 0100 0100 0100 0100
    0200 0200 0200 0200 0200 0200 0200 0200 0200 0200
    0300 0300 0300 0300 0300 0300 0300 0300 0300 ffff`),
  zlib: hex("789c 636460c4804c58203306fcff1f00 08e70238"),
}
const rows = Uint16Array.from({ length: 30 }, (_, i) => (i === 29 ? 65535 : 1 + Math.floor(i / 10)))

/** 16 × 8 of grey, darkest left, from libjpeg by Pillow, quality 50. */
const jpeg = hex(`
  ffd8 ffe0 0010 4a46494600010100000100010000
  ffdb 0043 00 100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763
  ffc0 000b 08 0008 0010 01 011100 (height, width, one channel)
  ffc4 001f 00 00010501010101010100000000000000 000102030405060708090a0b
  ffc4 00b5 10 0002010303020403050504040000017d 01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa
  ffda 0008 01 0100 003f00 e6f44fe1af40d13f86bf ffd9`)
const greys = [0, 13, 32, 49, 63, 80, 99, 112, 128, 141, 160, 177, 191, 208, 227, 240]

const coded = (codec: string, data: Uint8Array, more: Partial<Frame> = {}): Frame =>
  frameOf({ codec, data, dtype: "uint16", shape: [3, 10], uncompressedSize: 60, ...more } as never)

describe("decodeFrame", () => {
  it.each(Object.entries(vectors))("gives the pixels of %s", async (codec, data) => {
    const frame = await decodeFrame(coded(codec, data))
    expect(frame).toMatchObject({ codec: "", compressed: false, dtype: "uint16", shape: [3, 10] })
    expect(frame).toMatchObject({ compressedSize: 60, uncompressedSize: 60, uniqueId: 1 })
    expect(frame.data).toEqual(rows)
  })

  it("gives the pixels of a blosc chunk that is shuffled and compressed", async () => {
    // 512 uint16: 32 of each number from 0 to 15. Recorded from C-Blosc 1.21 with lz4.
    const data = hex(`
      02 01 21 02 (version 2, lz4 in one part, shuffled, 2 bytes each) 00040000 00040000 7e000000 14000000 (the block)
      56000000 (lz4 of all low bytes)
      1f 00 01 00 0c 1f 01 01 00 0c 1f 02 01 00 0c 1f 03 01 00 0c 1f 04 01 00 0c 1f 05 01 00 0c 1f 06 01 00 0c 1f 07 01 00 0c
      1f 08 01 00 0c 1f 09 01 00 0c 1f 0a 01 00 0c 1f 0b 01 00 0c 1f 0c 01 00 0c 1f 0d 01 00 0c 1f 0e 01 00 0c 1f 0f 01 00 07
      50 0f0f0f0f0f
      0c000000 (and of all high ones) 1f 00 01 00 ff e8 50 0000000000`)
    const frame = await decodeFrame(coded("blosc", data, { shape: [16, 32] }))
    expect(frame.data).toEqual(Uint16Array.from({ length: 512 }, (_, i) => i >> 5))
  })

  it("gives the pixels of a jpeg, whatever the codec's parameters say of their type", async () => {
    const frame = await decodeFrame(coded("jpeg", jpeg, { dtype: null, shape: [8, 16] }))
    expect(frame).toMatchObject({ codec: "", dtype: "uint8", shape: [8, 16], colorMode: "Mono" })
    for (const [i, grey] of frame.data.entries()) expect(Number(grey)).toBeCloseTo(greys[i % 16]!, -0.7)
  })

  it("gives a colour jpeg as RGB1, whatever the order was before", async () => {
    const frame = await decodeFrame(coded("jpeg", jpeg, { shape: [8, 3, 16], colorMode: "RGB2" }))
    expect(frame).toMatchObject({ shape: [8, 16, 3], colorMode: "RGB1", dtype: "uint8" })
    expect([...frame.data.subarray(3, 6)]).toEqual([greys[1], greys[1], greys[1]])
  })

  it("gives a frame that is not compressed as it is", async () => {
    const frame = frameOf({ data: rows })
    expect(await decodeFrame(frame)).toBe(frame)
  })

  it.each([
    ["an unknown codec", coded("ccsds", vectors["lz4"]!), "IMAGE_CODEC", /no codec "ccsds", only lz4, /],
    [
      "pixels of an unknown type",
      coded("lz4", vectors["lz4"]!, { dtype: null }),
      "IMAGE_TYPE",
      /do not tell/,
    ],
    [
      "more than the limit",
      coded("lz4", vectors["lz4"]!, { shape: [40_000, 40_000] }),
      "IMAGE_LIMIT",
      /more/,
    ],
    [
      "sizes past all numbers",
      coded("zlib", vectors["zlib"]!, { shape: [2 ** 31, 2 ** 31] }),
      "IMAGE_SIZE",
      /×/,
    ],
    ["a negative size", coded("lz4", vectors["lz4"]!, { shape: [-3, -10] }), "IMAGE_SIZE", /-3 × -10/],
    ["no pixels", coded("lz4", vectors["lz4"]!, { shape: [0, 10] }), "IMAGE_SIZE", /0 × 10/],
    [
      "a jpeg of another size",
      coded("jpeg", jpeg, { shape: [9, 16] }),
      "IMAGE_CORRUPT",
      /16 × 8, not 16 × 9/,
    ],
  ] as const)("refuses %s, naming frame and reason", async (_, frame, code, why) => {
    const error = await decodeFrame(frame).then(
      () => null,
      e => e,
    )
    expect(error).toMatchObject({ name: "ImageError", code, message: expect.stringMatching(why) })
    expect(error.message).toContain("frame 1 of pva://test")
  })

  it.each(["lz4", "bslz4", "blosc", "zlib"])("of %s takes no memory for sizes that are lies", async codec => {
    // 400 MB, below the limit: the codec itself has to see that so few bytes cannot hold them.
    const lie = coded(codec, vectors[codec]!, { shape: [20_000, 10_000] })
    const before = process.memoryUsage().arrayBuffers
    await expect(decodeFrame(lie)).rejects.toMatchObject({ code: "IMAGE_CORRUPT" })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })

  const all: [string, Uint8Array, readonly number[]][] = [
    ...Object.entries(vectors).map(([codec, data]): [string, Uint8Array, number[]] => [codec, data, [3, 10]]),
    ["jpeg", jpeg, [8, 16]],
  ]
  it.each(all)("finds every cut of %s", async (codec, data, shape) => {
    for (let length = 0; length < data.length; length++) {
      const cut = decodeFrame(coded(codec, data.slice(0, length), { shape }))
      // All pixels of a jpeg may be there before its end mark.
      const outcome = await cut.then(
        frame => (codec === "jpeg" ? "IMAGE_CORRUPT" : frame.describe()),
        error => error.code,
      )
      expect(outcome, `${length} of ${data.length} bytes`).toBe("IMAGE_CORRUPT")
    }
  })

  it("survives any damage: pixels of the right number, or IMAGE_CORRUPT", { timeout: 60_000 }, async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...all), damage, async ([codec, data, shape], changes) => {
        const bytes = data.slice()
        for (const [where, value] of changes) bytes[where % bytes.length] = value
        const size = shape.reduce((a, b) => a * b)
        await decodeFrame(coded(codec, bytes, { shape })).then(
          frame => expect(frame.data.length).toBe(size),
          error => expect(error.code).toBe("IMAGE_CORRUPT"),
        )
      }),
      { numRuns: 500 },
    )
    // And goes on working.
    for (const [codec, data] of Object.entries(vectors))
      expect((await decodeFrame(coded(codec, data))).data).toEqual(rows)
  })

  it("decodes literals of any length, as a block without matches has them", async () => {
    const block = (bytes: Uint8Array): Uint8Array => {
      const { length } = bytes
      if (length < 15) return Uint8Array.of(length << 4, ...bytes)
      const more = length - 15
      return Uint8Array.of(0xf0, ...new Uint8Array(Math.floor(more / 255)).fill(255), more % 255, ...bytes)
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 800 }), async bytes => {
        const frame = coded("lz4", block(bytes), { dtype: "uint8", shape: [bytes.length] })
        expect((await decodeFrame(frame)).data).toEqual(bytes)
      }),
    )
  })

  it("decodes matches of any offset and length, overlapping ones included", async () => {
    const match = fc.record({
      start: fc.uint8Array({ minLength: 1, maxLength: 14 }),
      back: fc.nat(),
      length: fc.integer({ min: 4, max: 700 }),
    })
    await fc.assert(
      fc.asyncProperty(match, async ({ start, back, length }) => {
        const offset = 1 + (back % start.length)
        const more = length - 4
        const token = (start.length << 4) | Math.min(15, more)
        const lengths =
          more < 15 ? [] : [...Array(Math.floor((more - 15) / 255)).fill(255), (more - 15) % 255]
        const block = Uint8Array.of(token, ...start, offset, 0, ...lengths)
        const expected = [...start]
        for (let i = 0; i < length; i++) expected.push(expected[expected.length - offset]!)
        const frame = coded("lz4", block, { dtype: "uint8", shape: [expected.length] })
        expect([...(await decodeFrame(frame)).data]).toEqual(expected)
      }),
    )
  })

  it("undoes bitshuffle as its definition does it, for elements of every width", async () => {
    const types: PixelType[] = ["uint8", "int16", "float32", "float64"]
    for (const dtype of types) {
      const width = { uint8: 1, int16: 2, float32: 4, float64: 8 }[dtype as "uint8"]
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 6 }),
          fc.infiniteStream(fc.nat(255)),
          async (eights, random) => {
            const count = 8 * eights
            const bytes = Uint8Array.from({ length: count * width }, () => random.next().value as number)
            const shuffled = new Uint8Array(bytes.length)
            for (let element = 0; element < count; element++) {
              for (let bit = 0; bit < 8 * width; bit++) {
                const set = (bytes[element * width + (bit >> 3)]! >> (bit & 7)) & 1
                shuffled[(bit * count) / 8 + (element >> 3)]! |= set << (element & 7)
              }
            }
            const { length } = shuffled
            const header =
              length < 15
                ? [length << 4]
                : [0xf0, ...Array(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255]
            const lz4 = Uint8Array.of(...header, ...shuffled)
            const block = Uint8Array.of(0, 0, lz4.length >> 8, lz4.length & 255, ...lz4)
            const { data } = await decodeFrame(coded("bslz4", block, { dtype, shape: [count] }))
            expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(bytes)
          },
        ),
        { numRuns: 30 },
      )
    }
  })

  it("names all that it knows", () => {
    expect(knownCodecs).toEqual(["lz4", "bslz4", "blosc", "zlib", "jpeg"])
  })
})
