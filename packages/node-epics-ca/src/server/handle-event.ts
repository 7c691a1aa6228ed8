import { Eca } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { readMask, writeCancelled } from "../wire/messages/event.ts"
import { readDataRequest } from "../wire/messages/read.ts"
import type { Circuit } from "./circuit.ts"
import { refusalOf } from "./handle-read.ts"
import { Subscription } from "./subscription.ts"

export function eventAdd(circuit: Circuit, message: Message): void {
  const { type, count, sid, id: subid } = readDataRequest(message)
  const { strict, limits } = circuit.server
  const channel = circuit.channels.get(sid)
  const mask = readMask(message) & 15
  const refused = refusalOf(circuit, channel, type, count)
  if (channel === undefined) {
    circuit.violation(message, strict ? Eca.INTERNAL : Eca.BADCHID, `no channel has the id ${sid}`)
    return
  }
  if (refused === Eca.BADTYPE) {
    if (strict) {
      circuit.destroy(new Error(`DBR type ${type}`))
      return
    }
    circuit.fail(message, Eca.BADTYPE, channel.pv.name, channel.cid)
    return
  }
  if (mask === 0) {
    circuit.violation(message, strict ? Eca.ALLOCMEM : Eca.BADMASK, channel.pv.name)
    return
  }
  if (refused === Eca.TOLARGE) {
    circuit.fail(message, Eca.TOLARGE, channel.pv.name, channel.cid)
    return
  }
  const previous = channel.subscriptions.get(subid)
  if (previous !== undefined) {
    channel.removeSubscription(previous)
    circuit.subscriptionCount--
  }
  if (circuit.subscriptionCount >= limits.subscriptions) {
    circuit.fail(message, Eca.ADDFAIL, `more than ${limits.subscriptions} subscriptions`, channel.cid)
    return
  }
  circuit.subscriptionCount++
  const presentation = { type, count, longString: channel.longString }
  const filter = channel.filters?.begin()
  const subscription = new Subscription(circuit, presentation, mask, subid, channel.readable, filter)
  channel.addSubscription(subscription)
}

export function eventCancel(circuit: Circuit, message: Message): void {
  const { type, count, sid, id: subid } = readDataRequest(message)
  const channel = circuit.channels.get(sid)
  const subscription = channel?.subscriptions.get(subid)
  if (channel === undefined || subscription === undefined) {
    circuit.violation(message, Eca.BADMONID, `channel ${sid} has no subscription ${subid}`)
    return
  }
  channel.removeSubscription(subscription)
  circuit.subscriptionCount--
  writeCancelled(circuit.output.writer, type, count, sid, subid)
  circuit.output.written()
}

export function eventsOff(circuit: Circuit): void {
  circuit.quiet = true
}

export function eventsOn(circuit: Circuit): void {
  circuit.quiet = false
  circuit.releaseUpdates()
}
