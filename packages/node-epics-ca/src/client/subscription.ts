import type { CaError } from "../errors.ts"
import type { DbrReading } from "../wire/dbr-value.ts"
import { ecaSuccess } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { writeSubscribe, writeUnsubscribe } from "../wire/messages/event.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { refused } from "./failures.ts"
import { type Presentation, present, ReadOperation, requestCount, requestType } from "./read.ts"

/** Whoever wants the updates of a subscription. No method may throw. */
export interface SubscriptionConsumer {
  deliver(reading: DbrReading): void
  fail(error: CaError): void
  /** The channel was closed for good. */
  end(): void
}

/**
 * One EVENT_ADD, shared by all monitors that ask for the same. It belongs to the channel: after a reconnect it is sent
 * again, with the type computed anew.
 */
export class Subscription {
  readonly channel: Channel
  readonly how: Presentation
  readonly mask: number
  /** The newest update on this connection. */
  latest: DbrReading | undefined
  /** Replaced, never changed, so that a round of deliveries is not disturbed. */
  #consumers: readonly SubscriptionConsumer[] = []
  #circuit: Circuit | undefined
  #id = -1
  #type = 0
  #count = 0

  constructor(channel: Channel, how: Presentation, mask: number) {
    this.channel = channel
    this.how = how
    this.mask = mask
  }

  equals(how: Presentation, mask: number): boolean {
    const mine = this.how
    return (
      this.mask === mask &&
      mine.base === how.base &&
      mine.family === how.family &&
      mine.count === how.count &&
      mine.text === how.text
    )
  }

  add(consumer: SubscriptionConsumer): void {
    // Unlike a spread, it leaves no room for more: most have one.
    this.#consumers = this.#consumers.concat(consumer)
  }

  remove(consumer: SubscriptionConsumer): void {
    this.#consumers = this.#consumers.filter(each => each !== consumer)
    if (this.#consumers.length === 0) this.channel.unsubscribe(this)
  }

  /** The channel is connected: subscribe. */
  start(circuit: Circuit): void {
    const { channel } = this
    this.#circuit = circuit
    this.#id = circuit.subscriptions.add(this)
    this.#type = requestType(channel, this.how)
    this.#count = requestCount(channel, circuit, this.how)
    writeSubscribe(circuit.out(), this.#type, this.#count, channel.sid, this.#id, this.mask)
  }

  /** Nobody wants it any more. Updates still under way meet an unknown id and are ignored. */
  cancel(): void {
    const circuit = this.#circuit
    if (circuit === undefined) return
    circuit.subscriptions.delete(this.#id)
    writeUnsubscribe(circuit.out(), this.#type, this.#count, this.channel.sid, this.#id)
    this.#circuit = undefined
  }

  /** The channel is gone from the circuit. */
  lost(): void {
    this.#circuit?.subscriptions.delete(this.#id)
    this.#circuit = undefined
    this.latest = undefined
  }

  /** The channel was closed for good. */
  closed(): void {
    this.lost()
    for (const consumer of this.#consumers) consumer.end()
  }

  /** The server came back from silence: replaces what was missed. */
  refresh(): void {
    const { channel } = this
    const read = new ReadOperation(channel, this.how, channel.context.settings.timeout, undefined)
    // A failed refresh is no failure of the subscription: the next update comes by itself.
    read.promise.then(
      reading => this.#distribute(reading),
      () => {},
    )
    channel.submit(read, channel.context.settings.timeout)
  }

  onUpdate(message: Message): void {
    const status = message.p1
    if (ecaSuccess(status)) this.#distribute(present(message, this.channel, this.how.text))
    else this.fail(refused(this.channel, "subscribing to", status))
  }

  fail(error: CaError): void {
    for (const consumer of this.#consumers) consumer.fail(error)
  }

  #distribute(reading: DbrReading): void {
    this.latest = reading
    const consumers = this.#consumers
    for (let i = 0; i < consumers.length; i += 1) consumers[i]!.deliver(reading)
  }
}
