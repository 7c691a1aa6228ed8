/** Messages that begin actions and wait for them. */
import type { Locatable, Location, Named, Status, Stoppable } from "@ophyd-ts/core"
import type { Group } from "../../messages.ts"
import { allOf, andThen } from "../../util.ts"
import type { Execution } from "../execution.ts"
import type { Verb } from "../groups.ts"
import { type Handlers, need } from "./handler.ts"

/** Files the action under its group. */
export function begin(
  x: Execution,
  verb: Verb,
  obj: Named,
  group: Group | undefined,
  status: Status<unknown>,
): Status<unknown> {
  x.groups.track(status, obj, verb, group, x.replayable)
  return status
}

export const moves: Handlers<"set" | "trigger" | "prepare" | "locate" | "stop" | "wait"> = {
  set: (x, { obj, args: [value], kwargs: { group } }) => {
    need("set", obj, "set")
    return begin(x, "set", obj, group, obj.set(value))
  },
  trigger: (x, { obj, kwargs: { group } }) => {
    need("trigger", obj, "trigger")
    return begin(x, "trigger", obj, group, obj.trigger())
  },
  prepare: (x, { obj, args: [value], kwargs: { group } }) => {
    need("prepare", obj, "prepare")
    return begin(x, "prepare", obj, group, obj.prepare(value))
  },
  locate: (_x, { obj: first, args: others, kwargs: { squeeze = true } }) => {
    const objs = [first, ...others]
    for (const obj of objs) need("locate", obj, "locate")
    const all = allOf(objs.map(obj => (obj as Locatable).locate()))
    const result = andThen(all, locations =>
      squeeze && locations.length === 1 ? locations[0]! : locations,
    ) as Location<unknown>[] | Promise<Location<unknown>[]>
    return result
  },
  stop: (_x, { obj }) => {
    need("stop", obj, "stop")
    return (obj as Stoppable).stop()
  },
  wait: (x, { kwargs }) => x.groups.wait(kwargs),
}
