import { WheelTimer } from "@ophyd-ts/epics-net"
import { CaError } from "../errors.ts"
import type { Circuit } from "./circuit.ts"
import type { Context } from "./context.ts"

type Stage = "connecting" | "listening" | "asked" | "unresponsive"

/**
 * Watches a circuit for signs of life. After `connectionTimeout` of silence it asks with an ECHO; when nothing comes
 * within `echoTimeout` the circuit is unresponsive, but kept; after `unresponsiveTimeout` more it is closed, so that a
 * connection that a firewall or a sleeping machine dropped in silence does not stay for ever.
 */
export class Watchdog extends WheelTimer {
  readonly #circuit: Circuit
  readonly #context: Context
  #stage: Stage = "connecting"
  #heardAt = 0
  #dueAt = 0

  constructor(circuit: Circuit, context: Context) {
    super()
    this.#circuit = circuit
    this.#context = context
  }

  /** The TCP connection is in the making. */
  connecting(): void {
    this.#wait("connecting", this.#context.settings.connectionTimeout)
  }

  /** The TCP connection is up. */
  start(): void {
    this.#heardAt = this.#context.clock.now()
    this.#wait("listening", this.#context.settings.connectionTimeout)
  }

  /** Something was received. */
  heard(): void {
    this.#heardAt = this.#context.clock.now()
    if (this.#stage === "listening") return
    const silent = this.#stage === "unresponsive"
    this.#wait("listening", this.#context.settings.connectionTimeout)
    if (silent) this.#circuit.responsive()
  }

  stop(): void {
    this.#context.wheel.stop(this)
  }

  override onTimeout(): void {
    const { settings, clock } = this.#context
    const now = clock.now()
    switch (this.#stage) {
      case "connecting":
        this.#close("did not accept the TCP connection", settings.connectionTimeout)
        break
      case "listening": {
        const left = this.#heardAt + settings.connectionTimeout - now
        if (left > 0.05) this.#wait("listening", left)
        else this.#ask()
        break
      }
      case "asked":
        // This process itself was stopped, e.g. the machine slept: what arrived meanwhile is not read yet.
        if (now - this.#dueAt > 1) {
          this.#ask()
        } else {
          this.#wait("unresponsive", settings.unresponsiveTimeout)
          this.#circuit.unresponsive()
        }
        break
      case "unresponsive":
        this.#close("has been silent", now - this.#heardAt)
    }
  }

  #ask(): void {
    this.#circuit.echo()
    this.#wait("asked", this.#context.settings.echoTimeout)
  }

  #wait(stage: Stage, seconds: number): void {
    this.#stage = stage
    this.#dueAt = this.#context.clock.now() + seconds
    this.#context.wheel.start(this, seconds)
  }

  #close(what: string, seconds: number): void {
    const text = `${this.#circuit.server} ${what} for ${seconds.toFixed(1)} s`
    this.#circuit.close(new CaError("DISCONNECTED", text))
  }
}
