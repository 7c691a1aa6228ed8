import type { Checkable } from "@ophyd-ts/core"
import { errorOf, RunEngineError } from "../errors.ts"
import type { Plan } from "../messages.ts"
import { nameOf } from "../util.ts"
import { walk } from "./walk.ts"

export interface LimitCheck {
  /** How many positions were checked. */
  checked: number
  /** Objects that are moved and cannot check a value. */
  unchecked: string[]
}

/**
 * Asks every object of the plan whether it would take the values it is to be set to. Nothing is moved.
 *
 * @throws RunEngineError with code `LIMITS` that lists every refused value; `cause` is the first refusal
 */
export async function checkLimits(plan: Plan<unknown>): Promise<LimitCheck> {
  const unchecked = new Set<string>()
  const refused: Error[] = []
  let checked = 0
  for (const message of walk(plan)) {
    if (message.command !== "set") continue
    const { obj, args } = message
    if (typeof (obj as unknown as Partial<Checkable>).checkValue !== "function") {
      unchecked.add(nameOf(obj))
      continue
    }
    checked++
    try {
      await (obj as unknown as Checkable).checkValue(args[0])
    } catch (error) {
      refused.push(errorOf(error))
    }
  }
  if (refused.length > 0) {
    const list = [...new Set(refused.map(e => e.message))].join("; ")
    throw new RunEngineError("LIMITS", `${refused.length} of ${checked} positions are refused: ${list}`, {
      cause: refused[0],
    })
  }
  return { checked, unchecked: [...unchecked] }
}
