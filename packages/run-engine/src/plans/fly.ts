import type { Collectable, Flyable } from "@ophyd-ts/core"
import { type Metadata, msg, type Plan } from "../messages.ts"
import { collect, complete, kickoff } from "../stubs/flying.ts"

/** Lets flyers take data by themselves: kickoff, complete, collect, one after the other. Gives the run's uid. */
export function* fly(flyers: readonly (Flyable & Collectable)[], md: Metadata = {}): Plan<string> {
  const uid = (yield msg("open_run", null, [], md)) as string
  for (const flyer of flyers) yield* kickoff(flyer, { wait: true })
  for (const flyer of flyers) yield* complete(flyer, { wait: true })
  for (const flyer of flyers) yield* collect(flyer)
  yield msg("close_run", null, [], { exitStatus: null, reason: null })
  return uid
}
