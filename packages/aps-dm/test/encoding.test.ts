import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DmEncodingError, dmDecode, dmDecodeJson, dmEncode, dmEncodeJson, pythonJson } from "../src/index.ts"

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64")
const long = "/data/2026-1/".repeat(20)

describe("an argument that may hold any character", () => {
  it.each([
    ["tomo-2026-1", "b'ZEc5dGJ5MHlNREkyTFRFPQo='"],
    ["example-01", "b'WlhoaGJYQnNaUzB3TVE9PQo='"],
    ["/data/run 1", "b'TDJSaGRHRXZjblZ1SURFPQo='"],
    ["{}", "b'ZTMwPQo='"],
    ['"DEFAULT"', "b'SWtSRlJrRlZURlFpCg=='"],
    ['"ALL"', "b'SWtGTVRDST0K'"],
    ['{"run_uid": "12345"}', "b'ZXlKeWRXNWZkV2xrSWpvZ0lqRXlNelExSW4wPQo='"],
    ["", "b''"],
  ])("%j is written as the vendor's client writes it", (text, encoded) => {
    expect(dmEncode(text)).toBe(encoded)
    expect(dmDecode(encoded)).toBe(text)
  })

  it.each([
    ["without inner line ends", (text: string) => `b'${base64(base64(text))}'`],
    ["without inner line ends and without b''", (text: string) => base64(base64(text))],
    ["with line ends of Windows", (text: string) => base64(base64(text).replace(/.{1,76}/g, "$&\r\n"))],
  ])("is understood %s", (_, encode) => {
    for (const text of ["", "a", "example-01", long, "Größe µm"]) expect(dmDecode(encode(text))).toBe(text)
  })

  it("survives the round trip, and its coded form needs no percent coding in a path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), text => {
        const coded = dmEncode(text)
        expect(dmDecode(coded)).toBe(text)
        expect(coded).toMatch(/^b'[A-Za-z0-9]*={0,2}'$/)
      }),
    )
  })

  it("breaks the inner text into lines of 76 characters, as MIME does", () => {
    const inner = Buffer.from(dmEncode(long).slice(2, -1), "base64").toString()
    expect(inner.split("\n").map(line => line.length)).toEqual([76, 76, 76, 76, 44, 0])
  })

  it.each([
    ["no base64 at all", "b'???'", "outer"],
    ["a cut outer layer", "b'ZTMwPQo'", "outer"],
    ["characters that lenient decoders drop", "b'ZTMw PQo='", "outer"],
    ["a single layer of base64", `b'${base64("a b c d e f")}'`, "inner"],
    ["bytes that are no text", base64(Buffer.from([0xff, 0xfe]).toString("base64")), "utf8"],
  ])("%s is refused", (_, raw, step) => {
    expect(() => dmDecode(raw)).toThrow(expect.objectContaining({ name: "DmEncodingError", step }))
  })

  it("gives only its own error for any input", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), raw => {
        try {
          dmDecode(raw)
        } catch (error) {
          expect(error).toBeInstanceOf(DmEncodingError)
        }
      }),
    )
  })
})

describe("a JSON document as an argument", () => {
  it("has the spacing and the escapes of Python", () => {
    expect(pythonJson({ a: 1, b: [true, null, "ä\n😀"], c: { d: {} }, e: undefined, f: [] })).toBe(
      '{"a": 1, "b": [true, null, "\\u00e4\\n\\ud83d\\ude00"], "c": {"d": {}}, "f": []}',
    )
  })
  it("is the same document after the round trip", () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(dmDecodeJson(dmEncodeJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
  it("is refused when it is not JSON", () => {
    expect(() => dmDecodeJson(dmEncode("{a: 1}"))).toThrow(expect.objectContaining({ step: "json" }))
    expect(() => dmEncodeJson(undefined)).toThrow(TypeError)
  })
})
