import type { Named, Pausable, Stoppable } from "@ophyd-ts/core"
import { CleanupError, errorOf, NoReplayAllowed } from "../errors.ts"
import { nameOf } from "../util.ts"
import type { Execution } from "./execution.ts"

/** Stops these objects, all at once, within the clean-up's limit. Failures become problems of the result. */
export async function stopPending(x: Execution, objs: readonly Named[]): Promise<void> {
  await Promise.all(
    objs.map(async obj => {
      if (typeof (obj as Partial<Stoppable>).stop !== "function") return
      await attempt(x, `stop ${nameOf(obj)}`, () => (obj as Stoppable).stop({ success: false }))
    }),
  )
}

const canPause = (obj: Named): obj is Pausable =>
  typeof (obj as Partial<Pausable>).pause === "function" &&
  typeof (obj as Partial<Pausable>).resume === "function"

/** Tells every object of the plan that can pause. One of them may forbid the replay. */
async function pauseObjects(x: Execution): Promise<"replay" | "no replay"> {
  let answer: "replay" | "no replay" = "replay"
  for (const obj of x.seen) {
    if (!canPause(obj)) continue
    await attempt(x, `pause ${nameOf(obj)}`, async () => {
      try {
        await obj.pause()
      } catch (error) {
        if (!(error instanceof NoReplayAllowed)) throw error
        answer = "no replay"
      }
    })
  }
  return answer
}

async function resumeObjects(x: Execution): Promise<void> {
  for (const obj of x.seen) if (canPause(obj)) await attempt(x, `resume ${nameOf(obj)}`, () => obj.resume())
}

/** Everything into a resting state, for a pause or a suspension: monitors silent, motors stopped, objects told. */
export async function rest(x: Execution): Promise<void> {
  for (const run of x.runs.values()) await attempt(x, "silence monitors", () => run.monitors.suspend())
  const moving = x.groups.pendingObjects("set", "prepare")
  x.groups.forgetStretch()
  await stopPending(x, moving)
  if ((await pauseObjects(x)) === "no replay") x.restartStretch()
}

/** The end of a rest: objects go on, monitors too. */
export async function goOn(x: Execution): Promise<void> {
  await resumeObjects(x)
  for (const run of x.runs.values()) await attempt(x, "restore monitors", () => run.monitors.restore())
}

/** Does it within the clean-up's limit; a failure is reported and not thrown. */
export async function attempt(x: Execution, what: string, fn: () => unknown): Promise<void> {
  const limit = x.engine.cleanupTimeout
  let forget = () => {}
  try {
    const expired = new Promise<never>((_, reject) => {
      forget = x.engine.clock.after(limit, () =>
        reject(new CleanupError(`${what}: not done after ${limit} s`)),
      )
    })
    await Promise.race([Promise.resolve(fn()), expired])
  } catch (error) {
    const cause = errorOf(error)
    x.problem(
      cause instanceof CleanupError ? cause : new CleanupError(`${what} failed: ${cause.message}`, { cause }),
    )
  } finally {
    forget()
  }
}
