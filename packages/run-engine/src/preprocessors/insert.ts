/** Preprocessors that insert messages where a run opens and closes, or where a device is first used. */
import type { Collectable, Flyable, Movable, Named, Readable, Subscribable } from "@ophyd-ts/core"
import {
  type Command,
  type Metadata,
  type Msg,
  msg,
  type Plan,
  type RunKey,
  uniqueGroup,
  withRun,
} from "../messages.ts"
import { positionOf } from "../stubs/position.ts"
import { triggerAndRead } from "../stubs/reading.ts"
import { declareStream } from "../stubs/runs.ts"
import { unstageAll } from "../stubs/staging.ts"
import { msgMutator, planMutator } from "./mutate.ts"
import { finalize, rootOf } from "./wrap.ts"

interface AroundRun {
  /** After each `open_run`. */
  opened: () => Plan<unknown>
  /** Before each `close_run`. */
  closing: () => Plan<unknown>
}

/** Inserts after `open_run` and before `close_run`, in the same run. */
function aroundRuns<T>(plan: Plan<T>, { opened, closing }: AroundRun): Plan<T> {
  const inRun = (inserted: Plan<unknown>, run: RunKey) => (run === null ? inserted : setRunKey(run, inserted))
  return planMutator(plan, message => {
    if (message.command === "open_run") return { tail: inRun(opened(), message.run) }
    if (message.command === "close_run") return { head: then(inRun(closing(), message.run), message) }
    return null
  })
}

function* then(first: Plan<unknown>, message: Msg): Plan<unknown> {
  yield* first
  return yield message
}

/** Reads the devices at the start and at the end of each run, into the stream `name`. */
export function baseline<T>(devices: readonly Readable[], plan: Plan<T>, name = "baseline"): Plan<T> {
  if (devices.length === 0) return plan
  return aroundRuns(plan, {
    opened: function* () {
      yield* declareStream(devices, name)
      yield* triggerAndRead(devices, name)
    },
    closing: () => triggerAndRead(devices, name),
  })
}

/** Monitors the signals from the opening to the closing of each run. */
export function monitorDuring<T>(signals: readonly (Subscribable & Readable)[], plan: Plan<T>): Plan<T> {
  if (signals.length === 0) return plan
  return aroundRuns(plan, {
    opened: function* () {
      for (const signal of signals) yield msg("monitor", signal, [], { name: `${signal.name}_monitor` })
    },
    closing: function* () {
      for (const signal of signals) yield msg("unmonitor", signal)
    },
  })
}

/** Kicks the flyers off when a run opens; completes and collects them before it closes. */
export function flyDuring<T>(flyers: readonly (Flyable & Collectable)[], plan: Plan<T>): Plan<T> {
  if (flyers.length === 0) return plan
  return aroundRuns(plan, {
    opened: function* () {
      const group = uniqueGroup("kickoff")
      for (const flyer of flyers) yield msg("kickoff", flyer, [], { group })
      yield msg("wait", null, [], { group })
    },
    closing: function* () {
      const group = uniqueGroup("complete")
      for (const flyer of flyers) yield msg("complete", flyer, [], { group })
      yield msg("wait", null, [], { group })
      for (const flyer of flyers) {
        yield msg("collect", flyer, [[]], { stream: false, returnPayload: false, name: null })
      }
    },
  })
}

export interface SupplementalDataOptions {
  baseline?: readonly Readable[]
  monitors?: readonly (Subscribable & Readable)[]
  flyers?: readonly (Flyable & Collectable)[]
}

/** Baseline, monitors and flyers for every run, as a preprocessor of the engine: its lists may change between plans. */
export class SupplementalData {
  readonly baseline: Readable[]
  readonly monitors: (Subscribable & Readable)[]
  readonly flyers: (Flyable & Collectable)[]

  constructor(options: SupplementalDataOptions = {}) {
    this.baseline = [...(options.baseline ?? [])]
    this.monitors = [...(options.monitors ?? [])]
    this.flyers = [...(options.flyers ?? [])]
  }

  readonly preprocessor = <T>(plan: Plan<T>): Plan<T> =>
    baseline(this.baseline, monitorDuring(this.monitors, flyDuring(this.flyers, plan)))
}

/** Remembers where each device is before it is first set. */
function stashing<T>(
  plan: Plan<T>,
  devices: readonly Named[] | null,
  positions: Map<Named, number>,
): Plan<T> {
  function* stash(message: Msg<"set">): Plan<unknown> {
    positions.set(message.obj, yield* positionOf(message.obj))
    return yield message
  }
  return planMutator(plan, message => {
    if (message.command !== "set" || positions.has(message.obj)) return null
    return devices === null || devices.includes(message.obj) ? { head: stash(message) } : null
  })
}

/** Makes the plan's positions relative to where the devices (null: all) are when each is first set. */
export function relativeSet<T>(devices: readonly Named[] | null, plan: Plan<T>): Plan<T> {
  const positions = new Map<Named, number>()
  return msgMutator(stashing(plan, devices, positions), message => {
    const start = message.command === "set" ? positions.get(message.obj) : undefined
    if (message.command !== "set" || start === undefined) return message
    const { obj, args, kwargs, run } = message
    return msg("set", obj, [start + (args[0] as number)], kwargs, run)
  })
}

/** Brings the devices (null: all that were set) back to where they were, whatever happens to the plan. */
export function resetPositions<T>(devices: readonly Named[] | null, plan: Plan<T>): Plan<T> {
  const positions = new Map<Named, number>()
  return finalize(stashing(plan, devices, positions), function* () {
    const group = uniqueGroup("reset")
    for (const [obj, position] of positions) yield msg("set", obj as Movable, [position], { group })
    yield msg("wait", null, [], { group })
  })
}

/** Stages a device when the plan first uses it; unstages all at the end. */
export function lazilyStage<T>(plan: Plan<T>): Plan<T> {
  const using: ReadonlySet<Command> = new Set<Command>(["read", "set", "trigger", "kickoff"])
  const staged: Named[] = []
  function* first(root: Named, message: Msg): Plan<unknown> {
    yield msg("stage", root)
    staged.push(root)
    return yield message
  }
  const lazily = planMutator(plan, message => {
    if (!using.has(message.command) || message.obj === null) return null
    const root = rootOf(message.obj)
    return staged.includes(root) ? null : { head: first(root, message) }
  })
  return finalize(lazily, () => unstageAll(staged))
}

/** Puts the plan's messages into the run with this key, unless they name another. */
export const setRunKey = <T>(run: string, plan: Plan<T>): Plan<T> =>
  msgMutator(plan, message => (message.run === null ? withRun(message, run) : message))

/** Adds to the metadata of each run; what is injected wins. */
export const injectMd = <T>(metadata: Metadata, plan: Plan<T>): Plan<T> =>
  msgMutator(plan, message =>
    message.command === "open_run"
      ? msg("open_run", null, [], { ...message.kwargs, ...metadata }, message.run)
      : message,
  )

/** Drops opening, closing, staging and unstaging, so that a whole plan can be embedded in another's run. */
export function stub<T>(plan: Plan<T>): Plan<T> {
  const dropped: ReadonlySet<Command> = new Set<Command>(["open_run", "close_run", "stage", "unstage"])
  return msgMutator(plan, message => (dropped.has(message.command) ? null : message))
}

/** A function that makes plans, wrapped: `decorated(plan => stage([detector], plan), function* (n: number) { … })`. */
export const decorated =
  <A extends readonly unknown[], T, U>(wrap: (plan: Plan<T>) => Plan<U>, make: (...args: A) => Plan<T>) =>
  (...args: A): Plan<U> =>
    wrap(make(...args))
