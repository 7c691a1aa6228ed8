import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { PvaProtocolError } from "../../src/errors.ts"
import { codecOf } from "../../src/values/codec.ts"
import { t } from "../../src/values/field-type.ts"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { Writer } from "../../src/wire/writer.ts"
import { hex, toHex } from "../support/hex.ts"

/** Pushes chunks, each overwritten right after, and returns what came out. */
function frames(chunks: readonly Uint8Array[], limits = defaultLimits): string[] {
  const seen: string[] = []
  const framer = new Framer(limits, true, {
    onMessage: (command, reader) => {
      const payload = toHex(reader.bytes.subarray(reader.pos, reader.end))
      seen.push(`${command} ${reader.little ? "LE" : "BE"} ${payload}`)
    },
    onControl: (command, value, little) => seen.push(`control ${command} ${little ? "LE" : "BE"} ${value}`),
  })
  for (const chunk of chunks) {
    const copy = chunk.slice()
    framer.push(copy)
    copy.fill(0xee)
  }
  return seen
}

const conversation = hex(`
  ca 02 41 02 00000000
  ca 02 40 01 14000000  00000100 ff7f 02 09 "anonymous" 02 "ca"
  ca 02 c0 09 00000001  ff
  ca 02 40 02 00000000
  ca 02 50 0a 02000000  0102
  ca 02 c1 03 00000007
  ca 02 70 0a 01000000  03
  ca 02 70 0a 00000000
  ca 02 60 0a 02000000  0405
  ca 02 40 07 09000000  78563412 01030507 ff`)
const expected = [
  "control 2 LE 0",
  "1 LE 00000100ff7f0209616e6f6e796d6f7573026361",
  "9 BE ff",
  "2 LE ",
  "control 3 BE 7",
  "10 LE 0102030405",
  "7 LE 7856341201030507ff",
]

describe("cutting a stream into messages", () => {
  it("finds the same messages in one chunk, byte by byte, and at every split point", () => {
    expect(frames([conversation])).toEqual(expected)
    expect(frames(Array.from(conversation, b => Uint8Array.of(b)))).toEqual(expected)
    for (let cut = 0; cut <= conversation.length; cut++) {
      expect(frames([conversation.subarray(0, cut), conversation.subarray(cut)])).toEqual(expected)
    }
  })

  it("finds them however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(conversation.length), { maxLength: 12 }), cuts => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), conversation.length]
        expect(frames(at.slice(1).map((end, i) => conversation.subarray(at[i], end)))).toEqual(expected)
      }),
    )
  })

  it.each([
    ["a wrong first byte", "cb 02 40 02 00000000", /starts with 0xcb/],
    ["version 0", "ca 00 40 02 00000000", /version 0/],
    ["its own direction", "ca 02 00 02 00000000", /comes from a client/],
    ["a message over the limit", "ca 02 40 02 00000020", /536870912 bytes passes the limit/],
    ["a middle segment first", "ca 02 70 0a 00000000", /without a first one/],
    ["a second first segment", "ca 02 50 0a 00000000 ca 02 50 0a 00000000", /starts inside another/],
    ["another command between segments", "ca 02 50 0a 00000000 ca 02 40 02 00000000", /between segments/],
    ["a segment of another command", "ca 02 50 0a 00000000 ca 02 60 0b 00000000", /continues command 10/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => frames([hex(bytes)])).toThrow(message)
    expect(() => frames(Array.from(hex(bytes), b => Uint8Array.of(b)))).toThrow(message)
  })

  it("limits the sum of the segments", () => {
    const piece = (flag: string): string => `ca 02 ${flag} 0a 04000000 00000000`
    const limits = { ...defaultLimits, maxMessageBytes: 10 }
    expect(frames([hex(piece("50") + piece("60"))], limits)).toHaveLength(1)
    expect(() => frames([hex(piece("50") + piece("70") + piece("60"))], limits)).toThrow(/12 bytes passes/)
  })

  it("lets a socket fill the message that is being assembled", () => {
    const seen: string[] = []
    const framer = new Framer(defaultLimits, true, {
      onMessage: (_, reader) => seen.push(toHex(reader.bytes.subarray(reader.pos, reader.end))),
      onControl: () => {},
    })
    framer.push(hex("ca 02 40 0a 04000000 01"))
    const room = framer.pendingRoom()
    expect(room).toHaveLength(3)
    room?.set([2, 3, 4])
    framer.filled(3)
    expect(seen).toEqual(["01020304"])
    expect(framer.pendingRoom()).toBeNull()
  })

  it("ends in messages or a named error on any bytes", () => {
    const anyBytes = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(hex("ca 02 40 0a 02000000 0000"))),
    )
    fc.assert(
      fc.property(anyBytes, chunks => {
        try {
          frames(chunks)
        } catch (error) {
          expect(error).toBeInstanceOf(PvaProtocolError)
        }
      }),
    )
  })
})

describe("large arrays", () => {
  const type = t.doubles
  const pixels = Float64Array.from({ length: 10_000 }, (_, i) => i / 3)
  /** A message of command 13 that holds `lead` odd bytes and then the array. */
  const message = (lead: number, little: boolean): Uint8Array => {
    const writer = new Writer({ fromServer: true, little })
    writer.message(13, () => {
      writer.zeros(lead)
      codecOf(type).encode(writer, pixels)
    })
    return writer.toBytes()
  }
  const receive = (stream: Uint8Array, lead: number, chunk: number): Float64Array[] => {
    const arrays: Float64Array[] = []
    const framer = new Framer(defaultLimits, true, {
      onMessage: (_, reader) => {
        reader.take(lead)
        arrays.push(codecOf(type).decode(reader) as Float64Array)
      },
      onControl: () => {},
    })
    for (let at = 0; at < stream.length; at += chunk) framer.push(stream.slice(at, at + chunk))
    return arrays
  }

  it("come out right and independent of each other however they lie in the message, in both byte orders", () => {
    for (const little of [true, false]) {
      for (let lead = 0; lead < 9; lead++) {
        const one = message(lead, little)
        const arrays = receive(Uint8Array.from([...one, ...one, ...one]), lead, 65_536)
        expect(arrays).toHaveLength(3)
        for (const array of arrays) expect(array.every((value, i) => value === pixels[i])).toBe(true)
        expect(new Set(arrays.map(a => a.buffer)).size).toBe(3)
      }
    }
  })

  it("are not copied once the connection knows where they lie", () => {
    const one = message(5, true)
    const arrays = receive(Uint8Array.from([...one, ...one, ...one]), 5, 1000)
    expect(arrays[0]?.buffer.byteLength).toBe(pixels.byteLength)
    expect(arrays[2]?.buffer.byteLength).toBeGreaterThan(pixels.byteLength)
  })

  it("survive segments of any size", () => {
    const payload = message(5, true).subarray(8)
    for (const size of [1000, 8191, 70_000]) {
      const writer = new Writer({ fromServer: true })
      for (let round = 0; round < 2; round++) {
        for (let at = 0; at < payload.length; at += size) {
          const piece = payload.subarray(at, at + size)
          const flag = at === 0 ? 0x10 : at + size >= payload.length ? 0x20 : 0x30
          writer.header(0x40 | flag, 13, piece.length)
          writer.raw(piece)
        }
      }
      const arrays = receive(writer.toBytes(), 5, 65_536)
      expect(arrays).toHaveLength(2)
      for (const array of arrays) expect(array).toEqual(pixels)
    }
  })
})
