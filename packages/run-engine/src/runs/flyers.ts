import type {
  Collectable,
  DataKeys,
  EventCollectable,
  HasHints,
  Named,
  PartialEvent,
  WritesStreamAssets,
} from "@ophyd-ts/core"
import type { Event, EventPage } from "../documents/types.ts"
import { BundleError, MissingProtocol } from "../errors.ts"
import { nameOf } from "../util.ts"
import { emitAssets } from "./assets.ts"
import { configurationOf, type Described, withObjectName } from "./device-cache.ts"
import type { Collected, Run } from "./run.ts"
import { Stream } from "./stream.ts"

export interface CollectOptions {
  /** True: one event document per point; false: pages. */
  stream: boolean
  returnPayload: boolean
  /** The stream declared for these flyers; null takes the names from `describeCollect`. */
  name: string | null
}

/** Emits what the flyers have taken since the last time. Gives it too if asked. */
export async function collect(
  run: Run,
  flyers: readonly Collectable[],
  options: CollectOptions,
): Promise<Collected[]> {
  const collected: Collected[] = []
  const writers = flyers.filter(
    (f): f is Collectable & WritesStreamAssets =>
      typeof (f as unknown as Partial<WritesStreamAssets>).collectAssetDocs === "function",
  )
  if (writers.length > 0) {
    const stream = await streamForWriters(run, flyers, options.name)
    const { assets, covered } = await emitAssets(run, stream, writers)
    stream.advance(covered)
    collected.push(...assets)
  }
  for (const flyer of flyers) {
    if (!hasEvents(flyer)) {
      if (!writers.includes(flyer as never)) throw new MissingProtocol("collect", flyer, "collect")
      continue
    }
    collected.push(...(await collectEvents(run, flyer, options)))
  }
  for (const flyer of flyers) run.flying.delete(flyer)
  return options.returnPayload ? collected : []
}

const hasEvents = (flyer: Named): flyer is EventCollectable =>
  typeof (flyer as Partial<EventCollectable>).collect === "function"

async function streamForWriters(
  run: Run,
  flyers: readonly Collectable[],
  name: string | null,
): Promise<Stream> {
  if (name === null) throw new BundleError("collect: flyers that write stream assets need a stream name")
  return run.streams.get(name) ?? (await declareCollected(run, flyers, name))
}

/** The descriptor of a stream that flyers fill, ahead of its data. */
export async function declareCollected(
  run: Run,
  flyers: readonly Collectable[],
  name: string,
): Promise<Stream> {
  const stream = new Stream(name, [...flyers], run.context)
  const described = await Promise.all(
    flyers.map(async flyer => {
      const keys = await flyer.describeCollect()
      return describedBy(flyer, isFlat(keys) ? keys : (keys[name] ?? {}))
    }),
  )
  run.addStream(stream, stream.describe(run.uid, described))
  return stream
}

async function describedBy(obj: Named, keys: DataKeys): Promise<Described> {
  return {
    dataKeys: withObjectName(keys, nameOf(obj)),
    configuration: await configurationOf(obj),
    hints: (obj as Partial<HasHints>).hints ?? null,
  }
}

/** `describeCollect` gives data keys, or data keys per stream. */
const isFlat = (keys: DataKeys | Record<string, DataKeys>): keys is DataKeys =>
  Object.values(keys).every(value => typeof (value as { dtype?: unknown }).dtype === "string")

async function collectEvents(
  run: Run,
  flyer: EventCollectable,
  options: CollectOptions,
): Promise<PartialEvent[]> {
  const streams = await eventStreams(run, flyer, options.name)
  const points: PartialEvent[] = []
  const pages = new Map<Stream, Event[]>()
  for await (const point of flyer.collect()) {
    const stream = streams.find(s => hasExactly(point, s))
    if (stream === undefined) {
      throw new BundleError(
        `collect: "${nameOf(flyer)}" gave a point with keys [${Object.keys(point.data).join(", ")}], which no stream has`,
      )
    }
    const event = stream.eventOf(point.data, point.timestamps, point.time, point.filled)
    if (options.stream) run.context.emit("event", event)
    else if (pages.has(stream)) pages.get(stream)!.push(event)
    else pages.set(stream, [event])
    if (options.returnPayload) points.push(point)
  }
  for (const events of pages.values()) run.context.emit("event_page", page(events))
  return points
}

async function eventStreams(run: Run, flyer: EventCollectable, name: string | null): Promise<Stream[]> {
  const keys = await flyer.describeCollect()
  const byStream = isFlat(keys) ? { [name ?? "primary"]: keys } : keys
  return Promise.all(
    Object.entries(byStream).map(async ([streamName, dataKeys]) => {
      const known = run.streams.get(streamName)
      if (known !== undefined) return known
      const stream = new Stream(streamName, [flyer], run.context)
      run.addStream(stream, stream.describe(run.uid, [await describedBy(flyer, dataKeys)]))
      return stream
    }),
  )
}

function hasExactly(point: PartialEvent, stream: Stream): boolean {
  const keys = Object.keys(point.data)
  const expected = stream.descriptor!.data_keys
  return keys.length === Object.keys(expected).length && keys.every(key => key in expected)
}

/** Events of one stream as one document. */
export function page(events: readonly Event[]): EventPage {
  const first = events[0]!
  const columns = <T>(pick: (e: Event) => Record<string, T>): Record<string, T[]> =>
    Object.fromEntries(Object.keys(pick(first)).map(key => [key, events.map(e => pick(e)[key]!)]))
  return {
    uid: events.map(e => e.uid),
    time: events.map(e => e.time),
    data: columns(e => e.data),
    timestamps: columns(e => e.timestamps),
    seq_num: events.map(e => e.seq_num),
    filled: columns(e => e.filled),
    descriptor: first.descriptor,
  }
}
