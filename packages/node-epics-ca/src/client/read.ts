import { decodeDbr } from "../wire/dbr-decode.ts"
import { DbrFamily, dbrType } from "../wire/dbr-types.ts"
import { DbrReading } from "../wire/dbr-value.ts"
import { ecaSuccess } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { writeRead } from "../wire/messages/read.ts"
import { decodeText } from "../wire/text.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { refused } from "./failures.ts"
import { Call } from "./operation.ts"

/** How a value is asked for. */
export interface Presentation {
  /** Native type to ask for; undefined is the channel's own. */
  base: number | undefined
  family: number
  /** Elements at most; 0 is as many as there are. */
  count: number
  /** Show a CHAR array as text. */
  text: boolean
}

/** The DBR type that a presentation means on a connected channel. */
export const requestType = (channel: Channel, { base, family }: Presentation): number =>
  dbrType(base ?? channel.nativeType, family)

/** The count to send: a peer too old for "as many as there are" is asked for the maximum. */
export const requestCount = (channel: Channel, circuit: Circuit, { count }: Presentation): number =>
  count === 0 && circuit.minor < 13 ? channel.maxCount : count

/** Decodes the payload of a reply or update for a channel. */
export function present(message: Message, channel: Channel, text: boolean): DbrReading {
  if (!text) return decodeDbr(message, channel.maxCount === 1)
  const reading = decodeDbr(message, false)
  if (!(reading.value instanceof Uint8Array)) return decodeDbr(message, channel.maxCount === 1)
  const { type, value, status, severity, seconds, nanoseconds, metadata } = reading
  return new DbrReading(
    type,
    decodeText(value, 0, value.length),
    status,
    severity,
    seconds,
    nanoseconds,
    metadata,
  )
}

/** READ_NOTIFY and its reply. */
export class ReadOperation extends Call<DbrReading> {
  readonly action = "reading from"
  readonly write = false
  readonly #how: Presentation

  constructor(channel: Channel, how: Presentation, limit: number, signal: AbortSignal | undefined) {
    super(channel, limit, signal)
    this.#how = how
  }

  override issue(circuit: Circuit): void {
    const { channel } = this
    circuit.track(this)
    const type = requestType(channel, this.#how)
    writeRead(circuit.out(), type, requestCount(channel, circuit, this.#how), channel.sid, this.id)
  }

  override onReply(message: Message): void {
    const status = message.p1
    if (!ecaSuccess(status)) {
      this.forget()
      this.reject(refused(this.channel, this.action, status))
      return
    }
    const reading = present(message, this.channel, this.#how.text)
    this.forget()
    this.resolve(reading)
  }
}

export const TIME: Presentation = { base: undefined, family: DbrFamily.TIME, count: 0, text: false }
