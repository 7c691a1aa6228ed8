const empty = new Uint8Array(0)

/**
 * One received message: the header's fields and where its payload lies. The parser re-uses a single instance and, unless
 * `owned` is set, the memory behind it too: both are valid only until the handler returns.
 */
export class Message {
  command = 0
  dataType = 0
  count = 0
  p1 = 0
  p2 = 0
  /** Payload bytes, padding included. */
  size = 0
  /** Position of the payload in `bytes` and `view`. */
  offset = 0
  /** True when the payload has memory of its own that a decoder may keep and change. */
  owned = false
  /** True when the elements of an owned payload already have this machine's byte order. */
  swapped = false
  /** The whole memory in which the payload lies, and a view of the same. */
  bytes: Uint8Array = empty
  view: DataView = new DataView(empty.buffer)
  /** Whether the header had the extended form. */
  extended = false

  /** Points at memory, which costs nothing when it is the same as before. */
  attach(bytes: Uint8Array): void {
    if (this.view.buffer === bytes.buffer) return
    this.bytes = new Uint8Array(bytes.buffer)
    this.view = new DataView(bytes.buffer)
  }

  /** The same message in memory of its own, which outlives the handler; an owned payload is handed over, not copied. */
  copy(): Message {
    const copy = new Message()
    copy.command = this.command
    copy.dataType = this.dataType
    copy.count = this.count
    copy.p1 = this.p1
    copy.p2 = this.p2
    copy.size = this.size
    copy.extended = this.extended
    copy.swapped = this.swapped
    copy.offset = this.owned ? this.offset : 0
    copy.owned = true
    copy.attach(this.owned ? this.bytes : this.payload.slice())
    return copy
  }

  /** The payload's bytes, as a view. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.size)
  }
}
