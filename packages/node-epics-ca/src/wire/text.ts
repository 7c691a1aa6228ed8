const encoder = new TextEncoder()
const utf8 = { fatal: true, ignoreBOM: true }

/**
 * Text of a fixed field: up to the first NUL or to `limit` bytes. UTF-8, else Latin-1 (units such as ° or µ often
 * are). A UTF-8 character that the end of a full field cut in two is dropped. Never throws.
 */
export function decodeText(bytes: Uint8Array, offset: number, limit: number): string {
  const last = Math.min(offset + limit, bytes.length)
  let end = offset
  let ascii = true
  while (end < last) {
    const byte = bytes[end]!
    if (byte === 0) break
    if (byte > 0x7f) ascii = false
    end += 1
  }
  if (end === offset) return ""
  if (ascii) return latin1(bytes, offset, end)
  try {
    return new TextDecoder("utf-8", utf8).decode(bytes.subarray(offset, end), { stream: end === last })
  } catch {
    return latin1(bytes, offset, end)
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ""
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(i + 4096, end)) as unknown as number[])
  }
  return text
}

/**
 * Writes text as UTF-8 into a field of `limit` bytes, always NUL-terminated and zero-filled. Text that does not fit
 * is cut between characters. Returns the bytes used by the text, terminator excluded.
 */
export function encodeText(bytes: Uint8Array, offset: number, limit: number, text: string): number {
  // Names and labels are short and ASCII as a rule; then this is several times quicker than the encoder.
  const { length } = text
  if (length < limit && length < 100) {
    let i = 0
    for (; i < length; i += 1) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) break
      bytes[offset + i] = unit
    }
    if (i === length) {
      bytes.fill(0, offset + length, offset + limit)
      return length
    }
  }
  const room = bytes.subarray(offset, offset + limit - 1)
  const { written } = encoder.encodeInto(text, room)
  bytes.fill(0, offset + written, offset + limit)
  return written
}

/** Bytes that `text` takes as UTF-8, terminator excluded. */
export function textBytes(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4
      i += 1
    } else bytes += 3
  }
  return bytes
}
