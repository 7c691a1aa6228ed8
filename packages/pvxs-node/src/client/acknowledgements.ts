import type { Clock } from "@ophyd-ts/epics-net"

/**
 * Tells a pipelining server what its client has used up: at the end of a turn of the event loop, or when half of the
 * window is. To wait for that half alone would not do: QSRV1 keeps two updates whatever the window is, and sends no
 * third before.
 */
export class Acknowledgements {
  readonly #half: number
  readonly #clock: Clock
  readonly #send: (count: number) => void
  #consumed = 0
  #scheduled = false

  constructor(window: number, clock: Clock, send: (count: number) => void) {
    this.#half = Math.ceil(window / 2)
    this.#clock = clock
    this.#send = send
  }

  consume(n: number): void {
    this.#consumed += n
    if (this.#consumed >= this.#half) this.#acknowledge()
    else if (!this.#scheduled) {
      this.#scheduled = true
      this.#clock.soon(() => {
        this.#scheduled = false
        this.#acknowledge()
      })
    }
  }

  /** A new subscription: what was used up before is no concern of its server. */
  reset(): void {
    this.#consumed = 0
  }

  #acknowledge(): void {
    const count = this.#consumed
    this.#consumed = 0
    if (count > 0) this.#send(count)
  }
}
