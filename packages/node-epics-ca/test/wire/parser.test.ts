import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { CaProtocolError } from "../../src/errors.ts"
import { Dbr, type Message, MessageParser, MessageWriter, parseDatagram } from "../../src/wire/index.ts"
import { everySplit, hex, parse, plain, toHex, written } from "./hex.ts"

const message =
  (command: number, payload: number, seed = command) =>
  (writer: MessageWriter) => {
    // Text, whose bytes no parser touches.
    const at = writer.begin(command, payload, Dbr.STRING, payload / 8, seed, 7)
    for (let i = 0; i < payload; i += 1) writer.bytes[at + i] = (i * 31 + seed) & 255
  }

describe("the stream parser", () => {
  test("an extended header on a small message is accepted, at every split", () => {
    const bytes = hex(
      "000fffff 00060000 00000001 00000002 00000008 00000001 40040000 00000000 00170000 00000000 00000000 00000000",
    )
    const expected = parse([bytes], plain)
    expect(expected).toEqual([
      { command: 15, dataType: 6, count: 1, p1: 1, p2: 2, payload: "4004000000000000" },
      { command: 23, dataType: 0, count: 0, p1: 0, p2: 0, payload: "" },
    ])
    for (const chunks of everySplit(bytes)) expect(parse(chunks, plain)).toEqual(expected)
  })

  test("small, middle and large messages in any chunks come out the same", () => {
    const sizes = fc.array(fc.oneof(fc.nat(5), fc.nat(4000), fc.nat(20_000)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), (eights, cuts) => {
        const stream = written(writer => {
          for (const [i, eight] of eights.entries()) message(i + 1, eight * 8)(writer)
        })
        const chunks: Uint8Array[] = []
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const next = at + cuts[i % cuts.length]!
          chunks.push(stream.subarray(at, next))
          at = next
        }
        const fingerprint = (m: Message) => [
          m.command,
          m.count,
          m.p1,
          m.payload.length,
          m.payload.reduce((a, b) => (a * 33 + b) | 0, 0),
        ]
        expect(parse(chunks, fingerprint)).toEqual(
          eights.map((eight, i) => {
            const payload = written(message(i + 1, eight * 8)).subarray(
              -eight * 8 || Number.POSITIVE_INFINITY,
            )
            return [i + 1, eight, i + 1, eight * 8, payload.reduce((a, b) => (a * 33 + b) | 0, 0)]
          }),
        )
      }),
      { numRuns: 50 },
    )
  })

  test("a payload beyond the limit is reported, skipped and not allocated, and the stream goes on", () => {
    const stream = written(writer => {
      message(1, 1_000_000)(writer)
      message(2, 8)(writer)
    })
    for (const chunk of [stream.length, 65536, 1 << 18]) {
      const found: string[] = []
      const parser = new MessageParser(
        {
          onMessage: m => void found.push(`${m.command}`),
          onOversized: m => void found.push(`oversized ${m.command} ${m.size}`),
        },
        999_999,
      )
      for (let at = 0; at < stream.length; at += chunk) parser.push(stream.subarray(at, at + chunk))
      expect(found).toEqual(["oversized 1 1000000", "2"])
    }
  })

  test("four gigabytes announced cost nothing", () => {
    const before = process.memoryUsage().arrayBuffers
    const found: number[] = []
    const parser = new MessageParser(
      { onMessage: () => {}, onOversized: m => void found.push(m.size) },
      1 << 28,
    )
    parser.push(hex("000fffff 00060000 00000001 00000002 fffffff8 1fffffff"))
    parser.push(new Uint8Array(100_000))
    expect(found).toEqual([0xfffffff8])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })

  test("a misaligned payload size is a named error, whole or cut", () => {
    for (const chunks of everySplit(hex("000f0007 00060001 00000001 00000002"))) {
      expect(() => parse(chunks, plain)).toThrowError(
        expect.objectContaining({ violation: "misaligned-payload" }),
      )
    }
  })

  test("a stopped parser delivers nothing more, not even of the chunk in hand", () => {
    const stream = written(writer => {
      for (let i = 0; i < 5; i += 1) message(i, 8)(writer)
    })
    const found: number[] = []
    const parser: MessageParser = new MessageParser(
      {
        onMessage: m => {
          found.push(m.command)
          if (m.command === 2) parser.stop()
        },
        onOversized: () => {},
      },
      1000,
    )
    parser.push(stream)
    parser.push(stream)
    expect(found).toEqual([0, 1, 2])
  })

  test("a large payload has memory of its own, a small one has not", () => {
    const stream = written(writer => {
      message(1, 80_000)(writer)
      message(2, 8)(writer)
    })
    const chunks = [stream.subarray(0, 1000), stream.subarray(1000)]
    expect(parse(chunks, m => [m.command, m.owned, m.offset % 8])).toEqual([
      [1, true, 0],
      [2, false, expect.any(Number)],
    ])
  })

  test("any bytes in any chunks give messages or the named error", () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 })
    fc.assert(
      fc.property(chunks, list => {
        try {
          parse(list, plain, 4096)
        } catch (error) {
          expect(error).toBeInstanceOf(CaProtocolError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe("datagrams", () => {
  const search = hex(
    "00000000 0001000d 00000001 00000000 00060008 0005000d 00000001 00000001 743a6169 00000000",
  )

  test("hold whole messages", () => {
    const found: number[] = []
    expect(parseDatagram(search, m => void found.push(m.command))).toBe(true)
    expect(found).toEqual([0, 6])
  })

  test("that are cut give what is whole", () => {
    for (let length = 0; length < search.length; length += 1) {
      const found: number[] = []
      const whole = parseDatagram(search.subarray(0, length), m => void found.push(m.command))
      expect([whole, found.length]).toEqual([length === 0 || length === 16, length < 16 ? 0 : 1])
    }
  })

  test("of any bytes never throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytes => void parseDatagram(bytes, plain)))
  })
})

describe("the writer", () => {
  test("keeps what it has when it grows, and re-uses what it got back", () => {
    const writer = new MessageWriter(16)
    message(1, 8)(writer)
    message(2, 8)(writer)
    const taken = writer.take()
    expect(toHex(taken)).toBe(toHex(written(message(1, 8))) + toHex(written(message(2, 8))))
    writer.recycle(taken)
    writer.take()
    expect(writer.bytes.buffer).toBe(taken.buffer)
  })
})
