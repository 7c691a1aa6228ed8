import type { Collectable, Flyable, Named } from "@ophyd-ts/core"
import { errorOf } from "../errors.ts"
import type { ExitStatus } from "../messages.ts"
import { collect } from "../runs/flyers.ts"
import type { Run } from "../runs/run.ts"
import { nameOf } from "../util.ts"
import type { Execution } from "./execution.ts"
import { attempt, stopPending } from "./rest.ts"

/**
 * Leaves nothing behind, in this order: stop what still moves, remove monitors, collect what flyers still hold, unstage
 * what is staged, close open runs, drop the plan's subscriptions. Each step has the clean-up's limit; what fails is
 * reported in `problems` and does not keep the next step from happening.
 */
export async function cleanUp(x: Execution, exitStatus: ExitStatus, reason: string): Promise<void> {
  const moving = x.groups.pendingObjects("set", "prepare")
  x.groups.forgetAll()
  await stopPending(x, moving)
  for (const run of x.runs.values()) deliver(x, () => run.monitors.removeAll())
  for (const run of x.runs.values()) await collectFlyers(x, run)
  for (const obj of x.staged.objs.reverse()) {
    await attempt(x, `unstage ${nameOf(obj)}`, () => x.staged.unstage(obj))
  }
  for (const [key, run] of x.runs) {
    x.runs.delete(key)
    // A run that the plan left open without failing still ends well.
    deliver(x, () => run.close(exitStatus, reason))
  }
  await attempt(x, "deliver documents", () => x.engine.dispatcher.settle())
  for (const token of x.subscriptions) x.engine.dispatcher.remove(token)
}

async function collectFlyers(x: Execution, run: Run): Promise<void> {
  for (const flyer of run.flying) {
    if (!canCollect(flyer)) continue
    const name = [...run.streams.values()].find(s => s.objs.includes(flyer))?.name ?? null
    await attempt(x, `collect ${nameOf(flyer)}`, () =>
      collect(run, [flyer], { stream: false, returnPayload: false, name }),
    )
  }
}

const canCollect = (obj: Named): obj is Flyable & Collectable =>
  typeof (obj as Partial<Collectable>).describeCollect === "function"

function deliver(x: Execution, fn: () => void): void {
  try {
    fn()
  } catch (error) {
    x.problem(errorOf(error))
  }
}
