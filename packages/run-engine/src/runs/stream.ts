import type { DataKeys, Named, Readings } from "@ophyd-ts/core"
import type { Event, EventDescriptor } from "../documents/types.ts"
import { BundleError } from "../errors.ts"
import { nameOf } from "../util.ts"
import type { Described } from "./device-cache.ts"

/** What a stream needs from its run. */
export interface DocumentSource {
  uid(): string
  /** Seconds since 1970. */
  now(): number
}

/** One stream of a run: the objects it records, its present descriptor, its sequence numbers. */
export class Stream {
  readonly name: string
  readonly objs: readonly Named[]
  #descriptor: EventDescriptor | null = null
  /** Keys an event must have, and those among them whose data is kept elsewhere. */
  #keys: ReadonlySet<string> = new Set()
  #blankData: Record<string, unknown> = {}
  #blankTimestamps: Record<string, number> = {}
  #external: readonly string[] = []
  #stale = true
  #next = 1
  #marked = 1
  readonly #source: DocumentSource

  constructor(name: string, objs: readonly Named[], source: DocumentSource) {
    this.name = name
    this.objs = objs
    this.#source = source
  }

  get descriptor(): EventDescriptor | null {
    return this.#descriptor
  }

  /** Numbers given so far: what `num_events` counts. */
  get count(): number {
    return this.#next - 1
  }

  /** A new descriptor. Its data keys must be those of the stream's earlier ones. */
  describe(runStart: string, described: readonly Described[]): EventDescriptor {
    const dataKeys: DataKeys = {}
    const owner = new Map<string, string>()
    const descriptor: EventDescriptor = {
      configuration: {},
      data_keys: dataKeys,
      name: this.name,
      object_keys: {},
      run_start: runStart,
      time: this.#source.now(),
      uid: this.#source.uid(),
      hints: {},
    }
    this.objs.forEach((obj, i) => {
      const name = nameOf(obj)
      const { dataKeys: keys, configuration, hints } = described[i]!
      for (const key of Object.keys(keys)) {
        const other = owner.get(key)
        if (other !== undefined) throw new BundleError(duplicate(this.name, key, other, name))
        owner.set(key, name)
        dataKeys[key] = keys[key]!
      }
      descriptor.configuration[name] = configuration
      descriptor.object_keys[name] = Object.keys(keys)
      if (hints !== null) descriptor.hints[name] = hints
    })
    const before = this.#descriptor
    if (before !== null && !sameKeys(before.data_keys, dataKeys)) {
      throw new BundleError(
        `stream "${this.name}": its data keys changed from ${list(before.data_keys)} to ${list(dataKeys)}; use another stream`,
      )
    }
    this.#descriptor = descriptor
    this.#stale = false
    const inEvents = Object.entries(dataKeys).filter(([, dk]) => dk.external !== "STREAM:")
    this.#keys = new Set(inEvents.map(([key]) => key))
    this.#blankData = Object.fromEntries(inEvents.map(([key]) => [key, undefined]))
    this.#blankTimestamps = Object.fromEntries(inEvents.map(([key]) => [key, 0]))
    this.#external = inEvents.filter(([, dk]) => dk.external !== undefined).map(([key]) => key)
    return descriptor
  }

  /** True before the first event and after a `configure`: a new descriptor has to come first. */
  get needsDescriptor(): boolean {
    return this.#stale
  }

  invalidate(): void {
    this.#stale = true
  }

  /** The next event, from the objects' readings. */
  event(readings: readonly Readings[], time = this.#source.now()): Event {
    // Copies of an object that has all keys already: ten times faster than adding a thousand keys one by one.
    const data = { ...this.#blankData }
    const timestamps = { ...this.#blankTimestamps }
    const keys = this.#keys
    let n = 0
    for (const some of readings) {
      for (const key in some) {
        const reading = some[key]!
        if (!keys.has(key))
          throw new BundleError(`stream "${this.name}": read gave "${key}", which describe did not`)
        data[key] = reading.value
        timestamps[key] = reading.timestamp
        n++
      }
    }
    if (n !== keys.size) {
      const given = new Set(readings.flatMap(some => Object.keys(some)))
      const missing = [...keys].filter(key => !given.has(key))
      throw new BundleError(
        `stream "${this.name}": no reading of ${missing.join(", ")}, which describe promised`,
      )
    }
    return this.eventOf(data, timestamps, time)
  }

  /** The next event, from data that a flyer took. */
  eventOf(
    data: Record<string, unknown>,
    timestamps: Record<string, number>,
    time: number,
    filled?: Record<string, boolean | string>,
  ): Event {
    const kept: Record<string, boolean | string> = {}
    for (const key of this.#external) kept[key] = false
    return {
      uid: this.#source.uid(),
      time,
      data,
      timestamps,
      seq_num: this.#next++,
      filled: filled ?? kept,
      descriptor: this.#descriptor!.uid,
    }
  }

  /** Takes sequence numbers without an event (data that is written elsewhere). */
  advance(count: number): { start: number; stop: number } {
    const start = this.#next
    this.#next += count
    return { start, stop: this.#next }
  }

  /** A checkpoint: a rewind comes back to these sequence numbers. */
  mark(): void {
    this.#marked = this.#next
  }

  rewind(): void {
    this.#next = this.#marked
  }
}

export const duplicate = (stream: string, key: string, one: string, other: string): string =>
  `stream "${stream}": "${key}" is given by both "${one}" and "${other}"; keys must be unique within an event`

const list = (keys: DataKeys): string => `[${Object.keys(keys).join(", ")}]`

const sameKeys = (a: DataKeys, b: DataKeys): boolean => {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => key in b)
}
