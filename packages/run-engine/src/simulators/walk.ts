import { RunEngineError } from "../errors.ts"
import type { Msg, Plan } from "../messages.ts"

/** More messages than this are taken for an endless plan. */
const endless = 2_000_000

/**
 * The messages of a plan, without carrying any out. `answer` gives what the plan gets back; without it plausible
 * defaults: objects are at 0, reads give nothing, runs have the uid `simulated`.
 */
export function* walk<T>(
  plan: Plan<T>,
  answer: (message: Msg) => unknown = plausible,
): Generator<Msg, T, undefined> {
  let step = plan.next()
  for (let n = 0; !step.done; n++) {
    if (n === endless)
      throw new RunEngineError("PLAN_ARGUMENT", `the plan did not end after ${endless} messages`)
    yield step.value
    step = plan.next(answer(step.value))
  }
  return step.value
}

/** What a plan can go on with that was sent nothing real. */
export function plausible(message: Msg): unknown {
  switch (message.command) {
    case "open_run":
    case "close_run":
      return "simulated"
    case "wait":
    case "rewindable":
      return true
    case "stage":
    case "unstage":
    case "collect":
      return []
    case "subscribe":
      return 0
    default:
      return undefined
  }
}
