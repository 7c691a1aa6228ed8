import type { Collectable, Flyable, PartialEvent, Readable, Status, StreamAsset } from "@ophyd-ts/core"
import { type Group, msg, type Plan, uniqueGroup } from "../messages.ts"
import type { SetStubOptions } from "./moves.ts"

function* all(
  command: "kickoff" | "complete",
  flyers: readonly Flyable[],
  { group, wait = false }: SetStubOptions,
): Plan<Status<unknown>[]> {
  const filed: Group = group ?? uniqueGroup(command)
  const statuses: Status<unknown>[] = []
  for (const flyer of flyers)
    statuses.push((yield msg(command, flyer, [], { group: filed })) as Status<unknown>)
  if (wait) yield msg("wait", null, [], { group: filed })
  return statuses
}

/** Starts a flyer. */
export function* kickoff(flyer: Flyable, options: SetStubOptions = {}): Plan<Status<unknown>> {
  return (yield* all("kickoff", [flyer], options))[0]!
}

export const kickoffAll = (
  flyers: readonly Flyable[],
  options: SetStubOptions = {},
): Plan<Status<unknown>[]> => all("kickoff", flyers, options)

/** Asks a flyer to come to its end. */
export function* complete(flyer: Flyable, options: SetStubOptions = {}): Plan<Status<unknown>> {
  return (yield* all("complete", [flyer], options))[0]!
}

export const completeAll = (
  flyers: readonly Flyable[],
  options: SetStubOptions = {},
): Plan<Status<unknown>[]> => all("complete", flyers, options)

export interface CollectStubOptions {
  /** One event per point (true) or pages (false, default). */
  stream?: boolean
  /** Give what was collected; default true. */
  returnPayload?: boolean
  /** The stream, for flyers that do not name it themselves. */
  name?: string | null
}

/** Emits what the flyers have taken. Several flyers share the stream `name`. */
export function* collect(
  flyers: Collectable | readonly Collectable[],
  { stream = false, returnPayload = true, name = null }: CollectStubOptions = {},
): Plan<(PartialEvent | StreamAsset)[]> {
  const [first, ...others] = Array.isArray(flyers) ? (flyers as Collectable[]) : [flyers as Collectable]
  if (first === undefined) return []
  return (yield msg("collect", first, [others], { stream, returnPayload, name })) as (
    | PartialEvent
    | StreamAsset
  )[]
}

export interface CollectWhileCompletingOptions {
  streamName: string
  /** Seconds between two collections; default 0.5. */
  flushPeriod?: number
  /** Groups whose failure ends it. */
  watch?: readonly Group[]
}

/** Completes the flyers and collects from the detectors periodically until they are done, then once more. */
export function* collectWhileCompleting(
  flyers: readonly Flyable[],
  detectors: readonly (Collectable & Readable)[] | readonly Collectable[],
  { streamName, flushPeriod = 0.5, watch = [] }: CollectWhileCompletingOptions,
): Plan<void> {
  const group = uniqueGroup("complete")
  yield* completeAll(flyers, { group })
  let done = false
  while (!done) {
    done = (yield msg("wait", null, [], {
      group,
      timeout: flushPeriod,
      errorOnTimeout: false,
      watch,
    })) as boolean
    yield* collect(detectors, { returnPayload: false, name: streamName })
  }
}
