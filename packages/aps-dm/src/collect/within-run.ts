import { bpp, type Group, type Msg, msg, type Plan, PlanEnded, type RunKey } from "@ophyd-ts/run-engine"
import { InvalidRequest } from "../errors.ts"

/** The messages that mean something to a collection around a plan. */
export interface RunHooks {
  /** The start document's metadata, from what the plan says. */
  metadata(md: Record<string, unknown>): Record<string, unknown>
  /** Just before a checkpoint, and after flyers were collected: a good moment to add events. */
  between?(run: RunKey): Plan<void>
  /** In place of the run's end. `thrown` is what was thrown into the plan last, null when nothing was. */
  close?(message: Msg<"close_run">, thrown: unknown): Plan<unknown>
  /** A failure of this group ends every wait of the plan at once. */
  readonly watch?: Group
}

/**
 * Runs a plan that opens one run, with something happening at the run's beginning, between its points and before its
 * end.
 * @throws InvalidRequest into a plan that opens a second run, or none.
 */
export function* withinRun<T>(plan: Plan<T>, hooks: RunHooks): Plan<T> {
  let runs = 0
  let thrown: unknown = null
  const noted = noting(plan, error => {
    // Nothing that comes after a stop or an abort is more than that.
    if (!(thrown instanceof PlanEnded)) thrown = error
  })
  const value = yield* bpp.planMutator(noted, message => {
    switch (message.command) {
      case "open_run":
        runs += 1
        return { head: open(message, runs, hooks) }
      case "close_run":
        return { head: hooks.close?.(message, thrown) }
      case "checkpoint":
        return { head: after(runs > 0 ? hooks.between?.(message.run) : undefined, message) }
      case "collect":
        return { tail: hooks.between?.(message.run) }
      case "wait": {
        if (hooks.watch === undefined) return null
        const { watch = [] } = message.kwargs
        const wait = { ...message.kwargs, watch: [...watch, hooks.watch] }
        return { head: one(msg("wait", null, [], wait, message.run)) }
      }
      default:
        return null
    }
  })
  if (runs === 0) throw new InvalidRequest("the plan to acquire with has to open a run")
  return value
}

function* open(message: Msg<"open_run">, runs: number, hooks: RunHooks): Plan<unknown> {
  if (runs > 1) throw new InvalidRequest("the plan to acquire with may open one run only")
  return yield msg("open_run", null, [], hooks.metadata(message.kwargs), message.run)
}

function* after(plan: Plan<void> | undefined, message: Msg): Plan<unknown> {
  if (plan !== undefined) yield* plan
  return yield message
}

export function* one(message: Msg): Plan<unknown> {
  return yield message
}

/** The plan, with a look at what is thrown into it. */
function* noting<T>(plan: Plan<T>, note: (error: unknown) => void): Plan<T> {
  let now = plan.next()
  while (!now.done) {
    let answer: unknown
    try {
      answer = yield now.value
    } catch (error) {
      note(error)
      now = plan.throw(error)
      continue
    }
    now = plan.next(answer)
  }
  return now.value
}
