import { RunEngineError } from "../errors.ts"
import type { Msg } from "../messages.ts"
import { nameOf } from "../util.ts"
import { noteCreated } from "./region.ts"

type Started = Generator<unknown, unknown, unknown>

/** More than so many are one mistake in a loop. */
const enough = 100

/** A plan was made and never run: most often a `yield*` is missing. */
export class ForgottenPlan extends RunEngineError {
  constructor(message: string) {
    super("FORGOTTEN_PLAN", message)
  }
}

/** The stubs a plan has called and not begun yet. In development mode only: production makes none of this. */
export class ForgottenPlans {
  readonly #waiting = new Map<Started, string>()

  created(name: string, plan: Started, after: Msg | null): void {
    if (this.#waiting.size >= enough) return
    const obj = after?.obj === null || after === null ? "" : ` ${nameOf(after.obj)}`
    const where =
      after === null ? "at the beginning of the plan" : `after the message "${after.command}${obj}"`
    this.#waiting.set(plan, `${name}() was called ${where} and never run: is a yield* missing?`)
    // `yield*` asks for this property once, when it begins.
    plan.next = value => {
      this.#waiting.delete(plan)
      return Object.getPrototypeOf(plan).next.call(plan, value)
    }
  }

  get errors(): ForgottenPlan[] {
    return [...this.#waiting.values()].map(message => new ForgottenPlan(message))
  }
}

const isPlan = (x: unknown): x is Started =>
  typeof x === "object" &&
  x !== null &&
  typeof (x as { next?: unknown }).next === "function" &&
  Symbol.iterator in x

/** The same functions; those that make plans tell an engine in development mode what they made. */
export function watched<N extends object>(prefix: string, functions: N): N {
  const made: Record<string, unknown> = {}
  for (const [name, fn] of Object.entries(functions))
    made[name] = isClass(fn) ? fn : telling(`${prefix}.${name}`, fn)
  return made as N
}

const isClass = (fn: unknown): boolean =>
  typeof fn === "function" && /^class\b/.test(Function.prototype.toString.call(fn))

function telling(name: string, fn: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    const made = fn(...args)
    if (isPlan(made)) noteCreated(name, made)
    return made
  }
}
