import type { Msg } from "../messages.ts"
import { isReplayed } from "./rewinder.ts"
import { Waiting } from "./waiting.ts"

/** What a wait gives that was given up for a pause or an end. */
export const givenUp = Symbol("given up")

/** The one message whose outcome is waited for, and how to stop waiting for it. */
export class InFlight {
  #giveUp: ((force: boolean) => void) | null = null

  /** Stops waiting. Without `force`, messages that a replay would not do again come to their end. */
  giveUp(force: boolean): void {
    this.#giveUp?.(force)
  }

  /** The outcome, or `givenUp`. `asked` says whether a request came while the handler ran: null, or with which force. */
  wait(outcome: PromiseLike<unknown> | Waiting, { command }: Msg, asked: boolean | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let cancel = () => {}
      const giveUp = (force: boolean) => {
        if (!force && !isReplayed(command)) return
        cancel()
        settle(resolve)(givenUp)
      }
      const settle = (fn: (x: unknown) => void) => (x: unknown) => {
        // What was given up may settle long after; the next message's wait is none of its business.
        if (this.#giveUp === giveUp) this.#giveUp = null
        fn(x)
      }
      this.#giveUp = giveUp
      if (outcome instanceof Waiting) cancel = outcome.start(settle(resolve), settle(reject))
      else outcome.then(settle(resolve), settle(reject))
      if (asked !== null && this.#giveUp === giveUp) giveUp(asked)
    })
  }
}
