import type { Named, Stageable } from "@ophyd-ts/core"
import { andThen, isStatus } from "../../util.ts"
import type { Execution } from "../execution.ts"
import type { Handlers } from "./handler.ts"
import { begin } from "./moves.ts"

const isStageable = (obj: Named): obj is Stageable =>
  typeof (obj as Partial<Stageable>).stage === "function" &&
  typeof (obj as Partial<Stageable>).unstage === "function"

/** Objects without `stage` are skipped; neither message is done again on a rewind, so both begin a new stretch. */
export const staging: Handlers<"stage" | "unstage"> = {
  stage: (x, { obj, kwargs: { group } }) => {
    if (!isStageable(obj)) return []
    // Before it is done: what fails half-way is unstaged too.
    x.staged.add(obj)
    return settled(x, "stage", obj, group, obj.stage())
  },
  unstage: (x, { obj, kwargs: { group } }) => {
    if (!isStageable(obj)) return []
    const result = obj.unstage()
    x.staged.delete(obj)
    return settled(x, "unstage", obj, group, result)
  },
}

function settled(
  x: Execution,
  verb: "stage" | "unstage",
  obj: Named,
  group: string | symbol | undefined,
  result: unknown,
): unknown {
  if (isStatus(result)) {
    begin(x, verb, obj, group, result)
    x.restartStretch()
    return result
  }
  return andThen(result, devices => {
    x.restartStretch()
    return devices
  })
}
