import { RunEngineError } from "../errors.ts"
import { isThenable } from "../util.ts"

export const isMessage = (yielded: unknown): boolean =>
  typeof (yielded as { command?: unknown } | null | undefined)?.command === "string"

/** What a plan yields that is no message; who comes from Python writes `yield` where `yield*` has to stand. */
export const notAMessage = (yielded: unknown): RunEngineError =>
  new RunEngineError("INVALID_COMMAND", `the plan yielded ${describe(yielded)}`)

function describe(yielded: unknown): string {
  const due = "where a message is due"
  if (typeof (yielded as { next?: unknown } | null | undefined)?.next === "function")
    return `a plan ${due}: write yield* in place of yield`
  if (isThenable(yielded)) return `a promise or a status ${due}: wait for it with yield* bps.call(() => …)`
  const what =
    typeof yielded === "function" || (typeof yielded === "object" && yielded !== null)
      ? typeof yielded
      : String(yielded)
  return `${what} ${due}: the stubs of bps make messages, and are run with yield*`
}
