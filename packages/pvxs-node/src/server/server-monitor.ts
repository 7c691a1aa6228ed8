import type { FieldSet } from "../values/field-set.ts"
import { Command, Sub } from "../wire/codes.ts"
import type { Reader } from "../wire/reader.ts"
import { ServerOperation } from "./operation.ts"
import type { ServerChannel } from "./server-channel.ts"
import type { Subscriber } from "./shared-pv.ts"

interface Queued {
  slots: readonly unknown[]
  changed: FieldSet
  /** Fields that changed more than once while the client was too slow. */
  overrun: FieldSet | null
  /** Of arrays. */
  bytes: number
}

/** Depth of the queue of a client that asks for none. */
const defaultDepth = 4
const maxDepth = 10_000

/** The depth that a client asks for, within reason. */
export const queueDepth = (text: string | undefined): number => {
  const n = Number(text)
  return Number.isInteger(n) && n >= 1 ? Math.min(n, maxDepth) : defaultDepth
}

/**
 * A client's subscription. Updates wait in a bounded queue while the client has not yet acknowledged, or its socket
 * is full; when the queue is full, by updates or by bytes of arrays, the newest value replaces the last entry and the changed fields are joined.
 */
export class ServerMonitor extends ServerOperation implements Subscriber {
  readonly command = Command.monitor
  readonly #fields: FieldSet
  readonly #depth: number
  readonly #queue: Queued[] = []
  /** Of arrays in the queue. */
  #bytes = 0
  /** Updates that may be sent; infinite without pipeline. */
  #window: number
  #started = false
  /** The client has had a value. */
  #begun = false

  constructor(channel: ServerChannel, ioid: number, fields: FieldSet, depth: number, window: number | null) {
    super(channel, ioid)
    this.#fields = fields
    this.#depth = depth
    this.#window = window ?? Number.POSITIVE_INFINITY
  }

  exec(sub: number, reader: Reader): void {
    if ((sub & Sub.pipeline) !== 0) this.#window += reader.u32()
    if ((sub & Sub.stop) !== 0) {
      if ((sub & Sub.startBit) !== 0) this.#start()
      else this.#stop()
    }
    this.#pumpInTurn()
  }

  onPost(slots: readonly unknown[], changed: FieldSet): void {
    const wanted = changed.and(this.#fields)
    if (wanted.size === 0) return
    this.#enqueue(slots, wanted)
    this.#pumpInTurn()
  }

  /** Sends what may be sent. */
  pump(): void {
    const { session } = this.channel
    while (this.#started && this.#window > 0 && this.#queue.length > 0) {
      if (session.isCongested) {
        session.whenDrained(this)
        return
      }
      this.#window--
      const { slots, changed, overrun, bytes } = this.#queue.shift()!
      this.#bytes -= bytes
      session.send(w =>
        w.message(Command.monitor, () => {
          w.u32(this.ioid)
          w.u8(0)
          changed.encode(w, slots)
          if (overrun === null) w.size(0)
          else overrun.mask.write(w)
        }),
      )
    }
  }

  /** Behind those that wait for room already: an acknowledgement, or a new value, is no reason to be served first. */
  #pumpInTurn(): void {
    const { session } = this.channel
    if (session.hasWaiting) session.whenDrained(this)
    else this.pump()
  }

  override destroy(): void {
    this.#stop()
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    const { pv } = this.channel
    this.#clear()
    this.#enqueue(pv.slots, this.#begun ? this.#fields : this.#fields.toBegin(pv.slots))
    this.#begun = true
    pv.subscribe(this)
  }

  #stop(): void {
    if (!this.#started) return
    this.#started = false
    this.#clear()
    this.channel.pv.unsubscribe(this)
  }

  #clear(): void {
    this.#queue.length = 0
    this.#bytes = 0
  }

  #enqueue(slots: readonly unknown[], changed: FieldSet): void {
    const last = this.#queue.at(-1)
    const bytes = changed.arrayBytes(slots)
    if (last === undefined || this.#hasRoom(bytes)) {
      this.#bytes += bytes
      this.#queue.push({ slots, changed, overrun: null, bytes })
      return
    }
    const twice = last.changed.and(changed)
    last.overrun = last.overrun === null ? twice : last.overrun.or(twice)
    last.changed = last.changed.or(changed)
    last.slots = slots
    this.#bytes -= last.bytes
    last.bytes = last.changed.arrayBytes(slots)
    this.#bytes += last.bytes
  }

  #hasRoom(bytes: number): boolean {
    if (this.#queue.length >= this.#depth) return false
    return bytes === 0 || this.#bytes + bytes <= this.channel.session.queueLimit
  }
}
