import { PlanEnded } from "../errors.ts"
import type { Plan } from "../messages.ts"

/** How deep a plan is in stretches that a stop or an abort must not cut short. */
export interface Region {
  depth: number
  /** In development mode: hears of each plan that is made while the plan runs. */
  created?: (name: string, plan: Generator<unknown, unknown, unknown>) => void
  /** Hears of a clean-up that failed after its plan had failed. */
  problem?: (thrown: unknown) => void
}

let current: Region = { depth: 0 }

/** Runs one step of a plan; what it enters and leaves meanwhile counts in `region`. */
export function within<T>(region: Region, step: () => T): T {
  const before = current
  current = region
  try {
    return step()
  } finally {
    current = before
  }
}

export function noteCreated(name: string, plan: Generator<unknown, unknown, unknown>): void {
  current.created?.(name, plan)
}

/**
 * A stretch of a plan that a stop or an abort lets come to its end before it ends the plan: for clean-up. Without it, an
 * end that comes in the middle of a `finally` block skips the rest of that block. Only `halt` cuts it short.
 */
export function* uninterrupted<T>(plan: Plan<T>): Plan<T> {
  const region = current
  region.depth++
  try {
    return yield* plan
  } finally {
    region.depth--
  }
}

/**
 * A part of clean-up that need not come to its end, such as a wait that may take long: a stop or an abort ends the plan
 * there, as it does elsewhere. What catches that sees a PlanEnded, and finishes the clean-up around it.
 */
export function* interruptible<T>(plan: Plan<T>): Plan<T> {
  const region = current
  const { depth } = region
  region.depth = 0
  try {
    return yield* plan
  } finally {
    region.depth = depth
  }
}

/**
 * Runs `final` after the plan, whatever happens to it. What failed stays the reason: a clean-up that fails after it
 * becomes a problem of the result. After an end from outside, which is no failure, it is the first one.
 */
export function* cleanedUp<T>(plan: Plan<T>, final: () => Plan<unknown>): Plan<T> {
  let failed = false
  try {
    return yield* plan
  } catch (error) {
    failed = !(error instanceof PlanEnded)
    throw error
  } finally {
    yield* uninterrupted(failed ? reported(final()) : final())
  }
}

function* reported(plan: Plan<unknown>): Plan<void> {
  const region = current
  try {
    yield* plan
  } catch (thrown) {
    region.problem?.(thrown)
  }
}
