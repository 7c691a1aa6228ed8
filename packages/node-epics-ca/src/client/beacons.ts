import { type Endpoint, formatEndpoint } from "@ophyd-ts/epics-net"
import { Command } from "../wire/constants.ts"
import type { Message } from "../wire/message.ts"
import { readBeacon, writeRepeaterRegister } from "../wire/messages/beacon.ts"
import { MessageWriter } from "../wire/writer.ts"
import type { Context } from "./context.ts"
import { trace } from "./diagnostics.ts"
import type { DatagramPort } from "./transport.ts"

/** Seconds between attempts to register with the repeater, at first and at most. */
const REGISTER = [1, 60] as const
/** Servers remembered; who announces more is nobody to be believed. */
const MAX_SERVERS = 10_000

/** What is known of a server that announces itself. */
interface Announced {
  counter: number
  /** When its last beacon came, in seconds. */
  at: number
  /** Mean time between its beacons; undefined after only one. */
  period: number | undefined
}

/**
 * Listens to the beacons of servers. They are never needed: a server that appears, or comes back, only makes the search for what is
 * still missing quicker. Beacons reach the client through the repeater of this host, if one runs; none is started,
 * and its port is left alone, because a program that held it would take the beacons away from every other client here.
 */
export class BeaconWatch {
  readonly #context: Context
  readonly #servers = new Map<string, Announced>()
  #pause: number = REGISTER[0]
  #cancel: (() => void) | undefined
  #registered = false

  constructor(context: Context) {
    this.#context = context
  }

  /** Registers with the repeater, again and again until one confirms. */
  register(port: DatagramPort): void {
    if (this.#registered) return
    const { settings, clock, random } = this.#context
    const writer = new MessageWriter(32)
    writeRepeaterRegister(writer, "127.0.0.1")
    port.send(writer.take(), { host: "127.0.0.1", port: settings.repeaterPort })
    this.#cancel = clock.after(this.#pause * (0.75 + random() / 2), () => this.register(port))
    this.#pause = Math.min(REGISTER[1], this.#pause * 2)
  }

  close(): void {
    this.#cancel?.()
  }

  /** A message of a datagram; true when it was one of ours. */
  onMessage(message: Message, from: Endpoint): boolean {
    if (message.command === Command.REPEATER_CONFIRM) {
      this.#registered = true
      this.#cancel?.()
      return true
    }
    if (message.command !== Command.BEACON) return false
    const { host = from.host, port, counter } = readBeacon(message)
    if (this.#isNews(formatEndpoint({ host, port }), counter)) {
      trace("problem", () => ({
        what: "a server has appeared or come back",
        server: formatEndpoint({ host, port }),
      }))
      this.#context.search.hurry()
    }
    return true
  }

  /** True when the beacon tells of a new server, or of one that was away or was started again. */
  #isNews(server: string, counter: number): boolean {
    const now = this.#context.clock.now()
    const known = this.#servers.get(server)
    if (known === undefined) {
      if (this.#servers.size < MAX_SERVERS) this.#servers.set(server, { counter, at: now, period: undefined })
      return true
    }
    const step = (counter - known.counter) >>> 0
    // The same beacon by another way, or out of order. A longer way back is a server that was started again.
    if (step === 0 || -step >>> 0 <= 3) return false
    const elapsed = now - known.at
    const { period } = known
    known.counter = counter
    known.at = now
    if (period === undefined) {
      known.period = elapsed
      return false
    }
    known.period = period * 0.875 + elapsed * 0.125
    // A started server announces itself quickly, then ever more slowly; one that was away left a gap.
    return step > 3 || elapsed >= 3.25 * period || elapsed <= 0.8 * period
  }
}
