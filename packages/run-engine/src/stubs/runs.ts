import type { Named, Readable, Subscribable } from "@ophyd-ts/core"
import { type ExitStatus, type Metadata, msg, type Plan } from "../messages.ts"

/** Emits the start document; gives the run's uid. */
export function* openRun(metadata: Metadata = {}): Plan<string> {
  return (yield msg("open_run", null, [], metadata)) as string
}

/** Emits the stop document; gives the run's uid. */
export function* closeRun(exitStatus: ExitStatus | null = null, reason: string | null = null): Plan<string> {
  return (yield msg("close_run", null, [], { exitStatus, reason })) as string
}

/** Emits a stream's descriptor ahead of its data; `collect` for streams that flyers fill. */
export function* declareStream(objs: readonly Named[], name: string, { collect = false } = {}): Plan<void> {
  yield msg("declare_stream", null, [objs], { name, collect })
}

/** Records every change of the object in a stream of its own, `<name>_monitor` by default. */
export function* monitor(obj: Subscribable & Readable, name: string | null = null): Plan<void> {
  yield msg("monitor", obj, [], { name })
}

export function* unmonitor(obj: Subscribable & Readable): Plan<void> {
  yield msg("unmonitor", obj)
}
