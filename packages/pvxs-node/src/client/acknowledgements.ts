import type { Clock } from "@ophyd-ts/epics-net"

/** Seconds that a server may take to go on after it was told to. */
const wakeAfter = 0.1

/**
 * Tells a pipelining server what its client has used up: at the end of a turn of the event loop, or when half of the
 * window is. To wait for that half alone would not do: QSRV1 keeps two updates whatever the window is, and sends no
 * third before.
 *
 * A server of pvxs that has used up its window does not go on when it is told that there is room, but only with the
 * next post: the end of a burst would stay there. So after a burst it is told to start once more, which others do not mind.
 */
export class Acknowledgements {
  readonly #window: number
  readonly #half: number
  readonly #clock: Clock
  readonly #send: (count: number) => void
  readonly #wake: () => void
  #consumed = 0
  /** Updates since the last pause. */
  #burst = 0
  #last = 0
  #cancelWake: (() => void) | undefined
  #scheduled = false

  constructor(window: number, clock: Clock, send: (count: number) => void, wake: () => void) {
    this.#window = window
    this.#half = Math.ceil(window / 2)
    this.#clock = clock
    this.#send = send
    this.#wake = wake
  }

  /** An update came. */
  received(): void {
    const now = this.#clock.now()
    this.#burst = now - this.#last > wakeAfter ? 1 : this.#burst + 1
    this.#last = now
    this.stop()
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
    this.#burst = 0
    this.stop()
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.#cancelWake?.()
    this.#cancelWake = undefined
  }

  #acknowledge(): void {
    const count = this.#consumed
    this.#consumed = 0
    if (count === 0) return
    this.#send(count)
    // A window that came at once may be all that the server was allowed to send, not all that it has.
    if (this.#burst < this.#window) return
    this.#cancelWake ??= this.#clock.after(wakeAfter, () => {
      this.#burst = 0
      this.#wake()
    })
  }
}
