import { PlanEnded } from "../errors.ts"
import type { Command, ExitStatus, Msg } from "../messages.ts"

/** What begins new work. A clean-up that needs one of them says so with `bpp.finalize` or `bpp.uninterrupted`. */
const newWork: ReadonlySet<Command> = new Set<Command>([
  "checkpoint",
  "open_run",
  "stage",
  "create",
  "declare_stream",
  "monitor",
  "trigger",
  "kickoff",
])

/** Messages a plan may send outside of `bpp.finalize` after it was told to end. More is a loop that will not. */
const patience = 1000

/** How often a plan is told to end before it is dropped. */
const warnings = 3

/**
 * A plan that was told to end. The end is an error thrown into the plan and not the generator's `return()`: in JavaScript a
 * `finally` block that yields turns a `return()` into an ordinary return at the next `yield*` further out, and the
 * outer plan would go on. The price is that a `catch` can meet it; `refuses` finds out when one has swallowed it.
 */
export class Closing {
  readonly error: PlanEnded
  readonly #interrupted: Msg | null
  #messages = 0
  #warned = 1

  /** `interrupted`: the message that the plan waited for when it was told. */
  constructor(exitStatus: ExitStatus, reason: string, interrupted: Msg | null) {
    this.error = new PlanEnded(exitStatus, reason)
    this.#interrupted = interrupted
  }

  /** A clean-up moves, waits, stops, unstages and closes; it measures nothing and does not take up the old work. */
  refuses(message: Msg): boolean {
    this.#messages++
    return newWork.has(message.command) || this.#messages > patience || this.#sleepsAgain(message)
  }

  /** False when the plan was told often enough. */
  again(): boolean {
    this.#messages = 0
    return ++this.#warned <= warnings
  }

  #sleepsAgain(message: Msg): boolean {
    const before = this.#interrupted
    return message.command === "sleep" && before?.command === "sleep" && message.args[0] === before.args[0]
  }
}
