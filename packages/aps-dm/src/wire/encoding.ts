/**
 * How DM writes an argument that may hold any character into a URL: base64 of base64, the inner one in MIME lines,
 * the outer one written as Python prints bytes. Facts page "APS Data Management", section 2.4.
 */

const toBase64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** Text to `b'…'`, byte for byte as the vendor's Python client sends it. The result is safe in a path segment. */
export function dmEncode(text: string): string {
  const inner = toBase64(text).replace(/.{1,76}/g, "$&\n")
  return `b'${toBase64(inner)}'`
}

/** Not decodable as an encoded DM argument; `step` says where it failed. A service answers InvalidArgument. */
export class DmEncodingError extends Error {
  override readonly name = "DmEncodingError"
  readonly code = "DM_ENCODING"
  readonly step: "outer" | "inner" | "utf8" | "json"
  constructor(step: DmEncodingError["step"], message: string, options?: ErrorOptions) {
    super(message, options)
    this.step = step
  }
}

const alphabet = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Buffer drops bad characters silently; this refuses them. */
function fromBase64(text: string, step: "outer" | "inner"): Uint8Array {
  if (!alphabet.test(text)) throw new DmEncodingError(step, `the ${step} layer is not base64`)
  return Buffer.from(text, "base64")
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new DmEncodingError("utf8", "the decoded bytes are not UTF-8", { cause })
  }
}

/**
 * The text behind `b'…'`, or behind the same without `b'` and `'`, with or without inner line ends: every form that
 * clients are known to send. `raw` is already percent-decoded.
 * @throws DmEncodingError when a layer does not decode.
 */
export function dmDecode(raw: string): string {
  const outer = /^b'(.*)'$/s.exec(raw)?.[1] ?? raw
  const inner = utf8(fromBase64(outer, "outer")).replace(/[\r\n]/g, "")
  return utf8(fromBase64(inner, "inner"))
}

/**
 * JSON text with the spacing and the escapes of Python's `json.dumps`, so that a document is encoded as the vendor's
 * client would. Values follow `JSON.stringify`: undefined members are left out, non-finite numbers become null.
 */
export function pythonJson(value: unknown): string {
  const print = (v: unknown): string => {
    if (Array.isArray(v)) return `[${v.map(print).join(", ")}]`
    if (typeof v === "object" && v !== null) {
      return `{${Object.entries(v)
        .map(([key, member]) => `${ascii(JSON.stringify(key))}: ${print(member)}`)
        .join(", ")}}`
    }
    return ascii(JSON.stringify(v))
  }
  const text = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`not a JSON value: ${String(value)}`)
  return print(JSON.parse(text))
}

const ascii = (text: string): string =>
  text.replace(/[\u007f-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** A JSON document as an encoded argument. */
export const dmEncodeJson = (value: unknown): string => dmEncode(pythonJson(value))

/** @throws DmEncodingError when it does not decode or is not JSON. */
export function dmDecodeJson(raw: string): unknown {
  const text = dmDecode(raw)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DmEncodingError("json", "the decoded text is not JSON", { cause })
  }
}
