import { EventMask } from "../wire/constants.ts"
import type { NativeData } from "./convert.ts"
import { exceeds } from "./deadband.ts"
import type { Snapshot } from "./snapshot.ts"

/** One filter of a channel. Those that depend on what went before keep that for each subscription anew. */
interface Filter {
  /** What a read shows of a value. */
  view?(snapshot: Snapshot): Snapshot
  /** Elements that are left of so many. */
  count?(elements: number): number
  /** Begins a subscription: gives what decides, for each update and the events that caused it, whether it passes. */
  begin?(): (snapshot: Snapshot, events: number) => boolean
}

/**
 * What stands behind the name of a channel to change what is seen through it, as EPICS base's servers understand it:
 * `[2:5]` and `{"arr":{…}}` (some of the elements), `{"dbnd":{"abs":0.5}}` (no small changes), `{"dec":{"n":10}}` (every
 * tenth update), `{"ts":{}}` (the time at which it is seen). Writes are not filtered.
 */
export class ChannelFilters {
  readonly #filters: readonly Filter[]

  constructor(filters: readonly Filter[]) {
    this.#filters = filters
  }

  view(snapshot: Snapshot): Snapshot {
    return this.#filters.reduce((seen, filter) => filter.view?.(seen) ?? seen, snapshot)
  }

  count(elements: number): number {
    return this.#filters.reduce((count, filter) => filter.count?.(count) ?? count, elements)
  }

  /** For one subscription: gives what is seen of an update, or undefined when nothing is. */
  begin(): (snapshot: Snapshot, events: number) => Snapshot | undefined {
    const stages = this.#filters.map(filter => ({ filter, passes: filter.begin?.() }))
    return (snapshot, events) => {
      let seen = snapshot
      for (const { filter, passes } of stages) {
        seen = filter.view?.(seen) ?? seen
        if (passes?.(seen, events) === false) return undefined
      }
      return seen
    }
  }
}

const someOf = (start: number, step: number, end: number): Filter => {
  const range = (n: number): readonly [first: number, count: number] => {
    const from = Math.min(start < 0 ? Math.max(0, n + start) : start, n)
    const to = Math.min(end < 0 ? Math.max(0, n + end) : end, n - 1)
    return [from, to < from ? 0 : 1 + Math.floor((to - from) / step)]
  }
  return {
    count: n => (n === 1 ? 1 : range(n)[1]),
    view: snapshot => {
      if (!snapshot.definition.isArray) return snapshot
      const { data } = snapshot
      const [first, count] = range(data.length)
      const some = data.slice(first, first + count * step) as NativeData
      return { ...snapshot, data: step === 1 ? some : everyNth(some, step) }
    },
  }
}

const everyNth = (data: NativeData, step: number): NativeData =>
  (data as readonly unknown[]).filter((_, i) => i % step === 0) as unknown as NativeData

/** Values and log entries need a larger change, in per cent of the last one if `relative`; alarms pass. */
const deadband = (width: number, relative: boolean): Filter => ({
  begin: () => {
    let last = Number.NaN
    let band = width
    return ({ data }, events) => {
      const [value] = data
      if (data.length !== 1 || typeof value !== "number") return true
      const moved = exceeds(value, last, band)
      if (moved) {
        last = value
        if (relative) band = (Math.abs(value) * width) / 100
      }
      return moved || (events & ~(EventMask.VALUE | EventMask.LOG)) !== 0
    }
  },
})

const decimate = (n: number): Filter => ({
  begin: () => {
    let i = 0
    return () => {
      const passes = i === 0
      i = (i + 1) % n
      return passes
    }
  },
})

const stampNow: Filter = {
  view: snapshot => {
    const now = Date.now()
    return { ...snapshot, seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 }
  },
}

type Options = Readonly<Record<string, unknown>>

const integer = (value: unknown, otherwise: number): number => {
  if (value === undefined) return otherwise
  return typeof value === "number" && Number.isInteger(value) ? value : Number.NaN
}

const makers: Readonly<Record<string, (options: Options) => Filter | undefined>> = {
  arr: ({ s, i, e, ...rest }) => {
    const [start, step, end] = [integer(s, 0), integer(i, 1), integer(e, -1)]
    const valid = !Number.isNaN(start + step + end) && !hasMore(rest)
    return valid ? someOf(start, Math.max(1, step), end) : undefined
  },
  dbnd: ({ abs, rel, d, m, ...rest }) => {
    const relative = rel !== undefined || m === "rel"
    const width = rel ?? abs ?? d ?? 0
    const known = m === undefined || m === "rel" || m === "abs"
    return typeof width !== "number" || !known || hasMore(rest) ? undefined : deadband(width, relative)
  },
  dec: ({ n, ...rest }) => {
    const every = integer(n, Number.NaN)
    return every >= 1 && !hasMore(rest) ? decimate(every) : undefined
  },
  ts: options => (hasMore(options) ? undefined : stampNow),
}

const hasMore = (options: object): boolean => Object.keys(options).length > 0

/** Filters from what stands behind a name; undefined when that cannot be understood. */
export function parseFilters(text: string): ChannelFilters | undefined {
  const [range = ""] = /^\[[^\]]*\]/.exec(text) ?? []
  const filters: (Filter | undefined)[] = range === "" ? [] : [parseRange(range)]
  const json = text.slice(range.length)
  const found = json === "" ? {} : parseObject(json)
  if (found === undefined) return undefined
  for (const [name, options] of Object.entries(found)) {
    const make = Object.hasOwn(makers, name) ? makers[name] : undefined
    filters.push(isObject(options) ? make?.(options) : undefined)
  }
  if (filters.length === 0 || filters.includes(undefined)) return undefined
  return new ChannelFilters(filters as Filter[])
}

/** `[element]`, `[start:end]` or `[start:step:end]`, each of which may be left out. */
function parseRange(text: string): Filter | undefined {
  const parts = text.slice(1, -1).split(":")
  if (parts.length > 3 || parts.some(part => !/^(-?\d+)?$/.test(part))) return undefined
  const number = (part: string | undefined, otherwise: number) => (part ? Number(part) : otherwise)
  const [first] = parts
  if (parts.length === 1) return first ? someOf(Number(first), 1, Number(first)) : undefined
  const step = parts.length === 3 ? number(parts[1], 1) : 1
  return someOf(number(first, 0), Math.max(1, step), number(parts.at(-1), -1))
}

/** JSON; names of members may stand without quotes. */
function parseObject(text: string): Options | undefined {
  try {
    const found: unknown = JSON.parse(text.replaceAll(/([{,]\s*)([a-z]\w*)\s*:/gi, '$1"$2":'))
    return isObject(found) ? found : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Options =>
  typeof value === "object" && value !== null && !Array.isArray(value)
