import type { Named, Readable, Readings, Triggerable } from "@ophyd-ts/core"
import { msg, type Plan, uniqueGroup } from "../messages.ts"

/** Reads one object; within a bundle its readings join the event. */
export function* read(obj: Readable): Plan<Readings> {
  return (yield msg("read", obj)) as Readings
}

/** Opens a bundle: what is read until `save` becomes one event of the stream. */
export function* create(name = "primary"): Plan<void> {
  yield msg("create", null, [], { name })
}

/** Closes the bundle and emits its event. */
export function* save(): Plan<void> {
  yield msg("save")
}

/** Closes the bundle and emits nothing. */
export function* drop(): Plan<void> {
  yield msg("drop")
}

const isTriggerable = (obj: Named): obj is Triggerable =>
  typeof (obj as Partial<Triggerable>).trigger === "function"

const forbidsReplay = (obj: Named): boolean => (obj as { rewindable?: unknown }).rewindable === false

/**
 * One event: triggers all that can be triggered, waits for them, reads all. The reads begin together; messages and
 * documents keep the devices' order. On an error the bundle is dropped. Gives the merged readings.
 *
 * A device whose `rewindable` is false is not measured again by a resume.
 */
export function* triggerAndRead(devices: readonly Readable[], name = "primary"): Plan<Readings> {
  const objs = [...new Set(devices)]
  if (!objs.some(forbidsReplay)) return yield* point(objs, name)
  const before = (yield msg("rewindable", null, [null])) as boolean | undefined
  yield msg("rewindable", null, [false])
  try {
    return yield* point(objs, name)
  } finally {
    yield msg("rewindable", null, [before ?? true])
  }
}

function* point(objs: readonly Readable[], name: string): Plan<Readings> {
  const group = uniqueGroup("trigger")
  let triggered = false
  for (const obj of objs) {
    if (!isTriggerable(obj)) continue
    triggered = true
    yield msg("trigger", obj, [], { group })
  }
  if (triggered) yield msg("wait", null, [], { group })
  yield msg("create", null, [], { name, together: objs })
  const all: Readings[] = []
  try {
    for (const obj of objs) {
      const readings = (yield msg("read", obj)) as Readings | undefined
      if (readings !== undefined) all.push(readings)
    }
  } catch (error) {
    yield msg("drop")
    throw error
  }
  yield msg("save")
  return all.length === 1 ? all[0]! : Object.assign({}, ...all)
}
