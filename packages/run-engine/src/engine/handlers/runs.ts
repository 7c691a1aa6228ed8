/** Messages that make documents. */
import type { Collectable, Settable } from "@ophyd-ts/core"
import { IllegalMessageSequence } from "../../errors.ts"
import type { Command, RunKey } from "../../messages.ts"
import { collect, declareCollected } from "../../runs/flyers.ts"
import { Run, type RunContext } from "../../runs/run.ts"
import { andThen } from "../../util.ts"
import type { Execution } from "../execution.ts"
import { type Handlers, need } from "./handler.ts"
import { begin } from "./moves.ts"

/** The run a message belongs to; there has to be one. */
export function openRun(x: Execution, command: Command, key: RunKey): Run {
  const run = x.runs.get(key)
  if (run !== undefined) return run
  const which = key === null ? "" : ` with key "${key}"`
  throw new IllegalMessageSequence(`${command}: no run${which} is open; open_run comes first`)
}

function contextOf(x: Execution): RunContext {
  const { engine } = x
  return {
    emit: (name, doc) => engine.dispatcher.emit(name, doc),
    now: () => engine.clock.time(),
    uid: engine.uid,
    fail: error => x.inject(error),
  }
}

type RunCommand =
  | "open_run"
  | "close_run"
  | "create"
  | "read"
  | "save"
  | "drop"
  | "declare_stream"
  | "monitor"
  | "unmonitor"
  | "configure"
  | "kickoff"
  | "complete"
  | "collect"

export const runs: Handlers<RunCommand> = {
  open_run: (x, { kwargs, run: key }) => {
    if (x.runs.has(key)) {
      throw new IllegalMessageSequence(
        key === null ? "open_run: a run is open already" : `open_run: the run "${key}" is open already`,
      )
    }
    return andThen(x.engine.runMetadata(kwargs, x.callMetadata), md => {
      const start = { uid: x.engine.uid(), time: x.engine.clock.time(), ...md }
      // Listed before its start document goes out: should a recorder refuse it, the run is closed all the same.
      x.runUids.push(start.uid)
      const run = new Run(start, contextOf(x))
      x.runs.set(key, run)
      x.restartStretch()
      run.begin()
      return run.uid
    })
  },
  close_run: (x, { kwargs: { exitStatus, reason }, run: key }) => {
    const run = openRun(x, "close_run", key)
    run.close(exitStatus ?? x.ending.exitStatus, reason ?? x.ending.reason)
    x.runs.delete(key)
    x.restartStretch()
    return run.uid
  },
  create: (x, { kwargs: { name, together }, run }) => openRun(x, "create", run).create(name, together),
  read: (x, { obj, run }) => {
    need("read", obj, "read")
    const open = x.runs.get(run)
    return open === undefined ? obj.read() : open.read(obj)
  },
  save: (x, { run }) => openRun(x, "save", run).save(),
  drop: (x, { run }) => openRun(x, "drop", run).drop(),
  declare_stream: (x, { args: [objs], kwargs: { name, collect: collected }, run: key }) => {
    const run = openRun(x, "declare_stream", key)
    const flyers = objs as readonly Collectable[]
    const stream = collected ? declareCollected(run, flyers, name) : run.prepareStream(name, objs)
    return andThen(stream, () => {}) as void | Promise<void>
  },
  monitor: (x, { obj, kwargs: { name }, run: key }) => {
    const run = openRun(x, "monitor", key)
    need("monitor", obj, "subscribeReadings", "describe")
    return andThen(run.monitors.add(obj, name ?? undefined), () => x.restartStretch()) as void | Promise<void>
  },
  unmonitor: (x, { obj, run }) => {
    openRun(x, "unmonitor", run).monitors.remove(obj)
    x.restartStretch()
  },
  configure: (x, { obj, args: [values] }) => {
    for (const run of x.runs.values()) {
      if (run.bundle !== null) {
        throw new IllegalMessageSequence(
          `configure: the bundle "${run.bundle.name}" is open; save or drop it first`,
        )
      }
    }
    need("configure", obj, "configure")
    return andThen((obj as Settable).configure(values), change => {
      for (const run of x.runs.values()) run.configured(obj)
      return change
    })
  },
  kickoff: (x, { obj, kwargs: { group }, run: key }) => {
    const run = openRun(x, "kickoff", key)
    need("kickoff", obj, "kickoff")
    const status = obj.kickoff()
    run.flying.add(obj)
    return begin(x, "kickoff", obj, group, status)
  },
  complete: (x, { obj, kwargs: { group } }) => {
    need("complete", obj, "complete")
    return begin(x, "complete", obj, group, obj.complete())
  },
  collect: (x, { obj, args: [others], kwargs, run: key }) => {
    const run = openRun(x, "collect", key)
    need("collect", obj, "describeCollect")
    return collect(run, [obj, ...others], kwargs)
  },
}
