import { type Named, type Stageable, Status } from "@ophyd-ts/core"
import type { Group } from "../../messages.ts"
import { isStatus, isThenable, nameOf } from "../../util.ts"
import type { Execution } from "../execution.ts"
import type { Handlers } from "./handler.ts"

const isStageable = (obj: Named): obj is Stageable =>
  typeof (obj as Partial<Stageable>).stage === "function" &&
  typeof (obj as Partial<Stageable>).unstage === "function"

/** Objects without `stage` are skipped; neither message is done again on a rewind, so both begin a new stretch. */
export const staging: Handlers<"stage" | "unstage"> = {
  stage: (x, { obj, kwargs: { group } }) =>
    isStageable(obj) ? begun(x, "stage", obj, group, x.staged.stage(obj)) : [],
  unstage: (x, { obj, kwargs: { group } }) =>
    isStageable(obj) ? begun(x, "unstage", obj, group, x.staged.unstage(obj)) : [],
}

/** What takes time is filed under its group, so that others may begin meanwhile; without a group it is waited for. */
function begun(
  x: Execution,
  verb: "stage" | "unstage",
  obj: Named,
  group: Group | undefined,
  result: unknown,
): unknown {
  const promised = isThenable(result) && !isStatus(result)
  if (promised && group === undefined) {
    return result.then(devices => {
      x.restartStretch()
      return devices
    })
  }
  const action = promised ? Status.run({ name: nameOf(obj), action: verb }, () => result) : result
  if (isStatus(action)) x.groups.track(action, obj, verb, group, false, promised)
  x.restartStretch()
  return action
}
