import { Flag, headerBytes, magic, protocolVersion } from "./codes.ts"

const utf8 = new TextEncoder()

/** Room that a buffer is given beyond an array that made it grow. */
const spare = 65_536

/** Builds messages in one growing buffer. */
export class Writer {
  bytes: Uint8Array
  view: DataView
  pos = 0
  little: boolean
  /** Flag bits set in every header: direction of this side. */
  readonly #side: number

  constructor(options: { little?: boolean; fromServer?: boolean; capacity?: number } = {}) {
    this.bytes = new Uint8Array(options.capacity ?? 512)
    this.view = new DataView(this.bytes.buffer)
    this.little = options.little ?? true
    this.#side = options.fromServer === true ? Flag.fromServer : 0
  }

  /** What has been written, as a view into the buffer: valid until the next write or `clear`. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.pos)
  }

  /** A copy of what has been written. */
  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.pos)
  }

  clear(): void {
    this.pos = 0
  }

  /** Writes `n` zero bytes. */
  zeros(n: number): void {
    const at = this.room(n)
    this.bytes.fill(0, at, at + n)
  }

  /** Makes room for `n` bytes and returns where they start; `bytes` and `view` may be new ones afterwards. */
  room(n: number): number {
    const at = this.pos
    const end = at + n
    if (end > this.bytes.length) {
      // A large array is followed by small fields, for which it should not have to move.
      const larger = new Uint8Array(Math.max(end + Math.min(n, spare), 2 * this.bytes.length))
      larger.set(this.bytes.subarray(0, at))
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    this.pos = end
    return at
  }

  u8(value: number): void {
    const at = this.room(1)
    this.view.setUint8(at, value)
  }
  i8(value: number): void {
    const at = this.room(1)
    this.view.setInt8(at, value)
  }
  u16(value: number): void {
    const at = this.room(2)
    this.view.setUint16(at, value, this.little)
  }
  i16(value: number): void {
    const at = this.room(2)
    this.view.setInt16(at, value, this.little)
  }
  u32(value: number): void {
    const at = this.room(4)
    this.view.setUint32(at, value, this.little)
  }
  i32(value: number): void {
    const at = this.room(4)
    this.view.setInt32(at, value, this.little)
  }
  f32(value: number): void {
    const at = this.room(4)
    this.view.setFloat32(at, value, this.little)
  }
  f64(value: number): void {
    const at = this.room(8)
    this.view.setFloat64(at, value, this.little)
  }

  /** Signed or unsigned 64 bits; a number must be a safe integer. */
  i64(value: number | bigint): void {
    const at = this.room(8)
    if (typeof value === "bigint") {
      this.view.setBigInt64(at, value, this.little)
      return
    }
    const high = Math.floor(value / 0x1_0000_0000)
    this.view.setInt32(this.little ? at + 4 : at, high, this.little)
    this.view.setUint32(this.little ? at : at + 4, value >>> 0, this.little)
  }

  size(n: number): void {
    if (n < 254) {
      this.u8(n)
    } else {
      this.u8(0xfe)
      this.u32(n)
    }
  }

  nullSize(): void {
    this.u8(0xff)
  }

  string(text: string): void {
    const length = text.length
    if (length < 64) {
      // ASCII fits as it is; anything else falls through to the encoder.
      const at = this.room(1 + length)
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 0x7f) break
        this.bytes[at + 1 + i] = code
      }
      if (i === length) {
        this.bytes[at] = length
        return
      }
      this.pos = at
    }
    const encoded = utf8.encode(text)
    this.size(encoded.length)
    this.raw(encoded)
  }

  raw(bytes: Uint8Array): void {
    const at = this.room(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** Writes one message: header, then whatever `body` writes; the size is filled in afterwards. */
  message(command: number, body: () => void): void {
    const at = this.header(this.#side, command, 0)
    body()
    this.view.setUint32(at + 4, this.pos - at - headerBytes, this.little)
  }

  /** Writes a control message, which is a header alone. */
  control(command: number, value: number): void {
    this.header(this.#side | Flag.control, command, value)
  }

  /** Writes a header and returns where it starts. */
  header(flags: number, command: number, size: number): number {
    const at = this.room(headerBytes)
    this.view.setUint8(at, magic)
    this.view.setUint8(at + 1, protocolVersion)
    this.view.setUint8(at + 2, this.little ? flags : flags | Flag.bigEndian)
    this.view.setUint8(at + 3, command)
    this.view.setUint32(at + 4, size, this.little)
    return at
  }
}
