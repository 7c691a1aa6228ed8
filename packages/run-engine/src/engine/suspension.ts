import { msg, type Plan, type PlanFactory } from "../messages.ts"

/** A time in which a plan has to wait, e.g. while there is no beam. */
export interface Suspension {
  /** Resolves when the plan may go on. */
  readonly released: PromiseLike<unknown>
  /** For people: what tripped. */
  readonly reason: string
  /** Runs when the suspension begins, e.g. to close a shutter. */
  readonly before?: PlanFactory<unknown> | undefined
  /** Runs when it ends, before the replay. */
  readonly after?: PlanFactory<unknown> | undefined
}

export function* suspensionPlan({ released, before, after }: Suspension): Plan<void> {
  if (before !== undefined) yield* before()
  yield msg("wait_for", null, [[() => released]])
  yield msg("_resume_from_suspender")
  if (after !== undefined) yield* after()
}
