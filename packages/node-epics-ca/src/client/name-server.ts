import type { Endpoint } from "@ophyd-ts/epics-net"
import type { Circuit } from "./circuit.ts"
import type { Context } from "./context.ts"

/** Shortest and longest pause in seconds before a lost name server is tried again. */
const RETRY = [0.25, 5] as const

/** A circuit to a server that is asked for names; kept open, and made again whenever it is lost. */
export class NameServer {
  readonly endpoint: Endpoint
  /** For people. */
  state = "not asked yet"
  /** Why it is not connected, once that was tried. */
  problem: string | undefined
  circuit: Circuit | undefined
  isReady = false
  readonly #context: Context
  #attempts = 0
  #cancelRetry: (() => void) | undefined
  #closed = false

  constructor(context: Context, endpoint: Endpoint) {
    this.#context = context
    this.endpoint = endpoint
  }

  start(): void {
    if (this.circuit !== undefined || this.#cancelRetry !== undefined || this.#closed) return
    this.state = "is being connected"
    this.circuit = this.#context.circuitTo(this.endpoint, 0)
    this.circuit.pinned = true
    if (this.circuit.minor !== 0) this.#context.search.circuitReady(this.circuit)
  }

  /** Its version is known; false when it is too old to be asked by TCP. */
  ready(): boolean {
    this.#attempts = 0
    this.problem = undefined
    this.isReady = this.circuit !== undefined && this.circuit.minor >= 12
    this.state = this.isReady ? "is connected" : "is too old to be asked by TCP"
    return this.isReady
  }

  lost(reason: string): void {
    this.circuit = undefined
    this.isReady = false
    this.state = `is not connected: ${reason}`
    this.problem = reason
    if (this.#closed) return
    const pause = Math.min(RETRY[1], RETRY[0] * 2 ** this.#attempts) * (0.75 + this.#context.random() / 2)
    this.#attempts += 1
    this.#cancelRetry = this.#context.clock.after(pause, () => {
      this.#cancelRetry = undefined
      this.start()
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelRetry?.()
  }
}
