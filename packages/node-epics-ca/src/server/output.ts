import { EXTENDED_HEADER_SIZE, EXTENDED_MARK, HEADER_SIZE } from "../wire/constants.ts"
import { MessageWriter } from "../wire/writer.ts"
import { LARGE_PAYLOAD, type PresentedPayload } from "./snapshot.ts"
import type { CircuitTransport } from "./transport.ts"

/** Collected bytes from which on a write does not wait for the end of the turn. */
const FLUSH_BYTES = 65536

/** The sending side of a circuit: collects a turn's messages into one write and knows when the client is behind. */
export class CircuitOutput {
  readonly writer: MessageWriter = new MessageWriter()
  readonly #transport: CircuitTransport
  readonly #onBacklog: () => void
  readonly #backlogBytes: number
  #blocked = false
  /** Bytes sent since the client fell behind. */
  #backlog = 0
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  /** `onBacklog` is called when more than `backlogBytes` wait for a client that is behind. */
  constructor(transport: CircuitTransport, backlogBytes: number, onBacklog: () => void) {
    this.#transport = transport
    this.#backlogBytes = backlogBytes
    this.#onBacklog = onBacklog
  }

  /** The client does not keep up: send only what cannot wait. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** To be called after something was written to `writer`: it leaves at the end of this turn, or now if it is much. */
  written(): void {
    if (this.#closed) this.writer.clear()
    else if (this.writer.length >= FLUSH_BYTES) this.flush()
    else this.#scheduled ??= setImmediate(() => this.flush())
  }

  /** A message with a payload that lies elsewhere; large ones are sent from there without a copy. */
  data(command: number, type: number, presented: PresentedPayload, p1: number, p2: number): void {
    const { count, payload } = presented
    const { writer } = this
    if (payload.length < LARGE_PAYLOAD) {
      const at = writer.begin(command, payload.length, type, count, p1, p2)
      copy(payload, writer.bytes, at)
      this.written()
      return
    }
    writer.raw(header(command, payload.length, type, count, p1, p2))
    this.flush()
    this.#send(payload, () => undefined)
  }

  flush(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    if (this.writer.length === 0 || this.#closed) return
    const bytes = this.writer.take()
    this.#send(bytes, () => this.writer.recycle(bytes))
  }

  drained(): void {
    this.#blocked = false
    this.#backlog = 0
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    this.writer.clear()
  }

  #send(bytes: Uint8Array, release: () => void): void {
    if (this.#closed) return
    if (this.#blocked) this.#backlog += bytes.length
    if (!this.#transport.write(bytes, release)) this.#blocked = true
    // Whatever is sent to a client that is behind could not be merged: that must not go on for ever.
    if (this.#backlog > this.#backlogBytes) this.#onBacklog()
  }
}

/** A call of `set` costs more than the bytes of a scalar. */
function copy(from: Uint8Array, to: Uint8Array, at: number): void {
  if (from.length > 64) to.set(from, at)
  else for (let i = 0; i < from.length; i++) to[at + i] = from[i]!
}

function header(
  command: number,
  size: number,
  type: number,
  count: number,
  p1: number,
  p2: number,
): Uint8Array {
  const extended = size >= EXTENDED_MARK || count >= EXTENDED_MARK
  const bytes = new Uint8Array(extended ? EXTENDED_HEADER_SIZE : HEADER_SIZE)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, command)
  view.setUint16(2, extended ? EXTENDED_MARK : size)
  view.setUint16(4, type)
  view.setUint16(6, extended ? 0 : count)
  view.setUint32(8, p1)
  view.setUint32(12, p2)
  if (extended) {
    view.setUint32(16, size)
    view.setUint32(20, count)
  }
  return bytes
}
