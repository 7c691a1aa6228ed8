import type { Configurable, Locatable, MaybePromise, Named } from "@ophyd-ts/core"
import type { Group, Msg, Plan } from "../messages.ts"
import { nameOf } from "../util.ts"
import { plausible, walk } from "./walk.ts"

/** What an object takes, as far as it is known. */
export interface Timing {
  /** Where it is now. */
  position?: number | undefined
  /** Units per second. */
  velocity?: number | undefined
  /** Seconds to reach the velocity; as many to stop. */
  acceleration?: number | undefined
  /** Seconds of one measurement. */
  exposure?: number | undefined
}

export interface EstimateOptions {
  /** Timings that win over what the objects' configurations say. */
  timing?: (obj: Named) => MaybePromise<Timing | null | undefined>
}

export interface Estimate {
  /** The whole plan. */
  seconds: number
  /** Points measured. */
  events: number
  /** Objects that are moved or triggered and whose time is not known; they count as 0. */
  unknown: string[]
}

/**
 * How long a plan will take: moves from velocities, measurements from exposure times, sleeps; what is waited for
 * together happens together. Reads the configurations and positions of the objects; nothing is moved.
 */
export async function estimateDuration(
  plan: Plan<unknown>,
  options: EstimateOptions = {},
): Promise<Estimate> {
  const timings = new Map<Named, Timing>()
  const positions = new Map<Named, number>()
  const unknown = new Set<string>()
  const ends = new Map<Group | undefined, number>()
  let [now, events] = [0, 0]

  const timingOf = async (obj: Named): Promise<Timing> => {
    let timing = timings.get(obj)
    if (timing === undefined) {
      timing = { ...(await ownTiming(obj)), ...(await options.timing?.(obj)) }
      timings.set(obj, timing)
      if (timing.position !== undefined) positions.set(obj, timing.position)
    }
    return timing
  }
  const begin = (obj: Named, group: Group | undefined, seconds: number | undefined) => {
    if (seconds === undefined) unknown.add(nameOf(obj))
    ends.set(group, Math.max(ends.get(group) ?? 0, now + (seconds ?? 0)))
  }
  const answer = (message: Msg): unknown => {
    if (message.command !== "locate") return plausible(message)
    const at = [message.obj, ...message.args].map(obj => {
      const position = positions.get(obj) ?? 0
      return { setpoint: position, readback: position }
    })
    return at.length === 1 && message.kwargs.squeeze !== false ? at[0] : at
  }

  for (const message of walk(plan, answer)) {
    if (message.command === "locate") await Promise.all([message.obj, ...message.args].map(timingOf))
    else if (message.command === "set") {
      const timing = await timingOf(message.obj)
      const [target, from] = [message.args[0], positions.get(message.obj)]
      begin(message.obj, message.kwargs.group, moveTime(timing, from, target))
      if (typeof target === "number") positions.set(message.obj, target)
    } else if (message.command === "trigger") {
      const { exposure, velocity } = await timingOf(message.obj)
      // Triggering a motor does nothing.
      begin(message.obj, message.kwargs.group, exposure ?? (velocity === undefined ? undefined : 0))
    } else if (message.command === "wait") now = Math.max(now, ends.get(message.kwargs.group) ?? 0)
    else if (message.command === "sleep") now += message.args[0]
    else if (message.command === "save") events++
  }
  return { seconds: now, events, unknown: [...unknown] }
}

function moveTime(
  { velocity, acceleration = 0 }: Timing,
  from: number | undefined,
  to: unknown,
): number | undefined {
  if (velocity === undefined || !(velocity > 0) || from === undefined || typeof to !== "number")
    return undefined
  const distance = Math.abs(to - from)
  if (distance === 0) return 0
  // Speeding up and slowing down take the time, and half the distance that full speed would cover in it.
  const ramps = velocity * acceleration
  return distance >= ramps
    ? distance / velocity + acceleration
    : 2 * Math.sqrt((distance * acceleration) / velocity)
}

const exposureNames = ["exposure", "acquire_time", "preset_time", "count_time"]

/** From the object's configuration, by the usual names, and its position. */
async function ownTiming(obj: Named): Promise<Timing> {
  const { readConfiguration } = obj as Partial<Configurable>
  const readings = typeof readConfiguration === "function" ? await readConfiguration.call(obj) : {}
  const value = (part: string): number | undefined => {
    const found = readings[`${nameOf(obj)}_${part}`]?.value
    return typeof found === "number" ? found : undefined
  }
  const { locate } = obj as Partial<Locatable>
  const position = typeof locate === "function" ? (await locate.call(obj)).setpoint : undefined
  return {
    velocity: value("velocity"),
    acceleration: value("acceleration"),
    exposure: exposureNames.map(value).find(v => v !== undefined),
    ...(typeof position === "number" && { position }),
  }
}
