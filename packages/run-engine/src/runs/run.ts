import type { Named, PartialEvent, Readable, Readings, StreamAsset, WritesStreamAssets } from "@ophyd-ts/core"
import type { DocumentName, DocumentTypes, EventDescriptor, RunStart } from "../documents/types.ts"
import { BundleError, IllegalMessageSequence } from "../errors.ts"
import type { ExitStatus, MaybePromise } from "../messages.ts"
import { andThen, nameOf } from "../util.ts"
import { emitAssets } from "./assets.ts"
import { Bundle } from "./bundle.ts"
import { DeviceCache } from "./device-cache.ts"
import { Monitors } from "./monitors.ts"
import { type DocumentSource, Stream } from "./stream.ts"

export interface RunContext extends DocumentSource {
  emit<N extends DocumentName>(name: N, doc: DocumentTypes[N]): void
  /** Throws the error into the plan at its next message: for what happens between messages. */
  fail(error: unknown): void
}

/** An open run: makes its documents from what the messages bring. */
export class Run {
  readonly uid: string
  readonly context: RunContext
  readonly cache = new DeviceCache()
  readonly streams = new Map<string, Stream>()
  readonly monitors: Monitors
  /** Flyers that were kicked off and whose data nobody collected yet. */
  readonly flying = new Set<Named>()
  /** Uids of the stream_resource documents of this run. */
  readonly resources = new Set<string>()
  readonly #start: RunStart
  #bundle: Bundle | null = null

  constructor(start: RunStart, context: RunContext) {
    this.uid = start.uid
    this.context = context
    this.monitors = new Monitors(this)
    this.#start = start
  }

  /** Emits the start document. */
  begin(): void {
    this.context.emit("start", this.#start)
  }

  get bundle(): Bundle | null {
    return this.#bundle
  }

  create(name: string, together?: readonly Readable[]): void {
    if (this.#bundle !== null) {
      throw new IllegalMessageSequence(
        `create: the bundle "${this.#bundle.name}" is open; save or drop it first`,
      )
    }
    this.#bundle = new Bundle(name, together)
  }

  read(obj: Readable): MaybePromise<Readings> {
    const bundle = this.#bundle
    if (bundle === null) return obj.read()
    return andThen(bundle.read(obj), readings => {
      bundle.add(obj, readings, this.streams.get(bundle.name))
      return readings
    })
  }

  drop(): void {
    if (this.#bundle === null) throw new IllegalMessageSequence("drop: no bundle is open; create comes first")
    this.#bundle = null
  }

  /** Closes the bundle: a descriptor if the stream needs one, then the event. An empty bundle emits nothing. */
  save(): void | Promise<void> {
    const bundle = this.#bundle
    if (bundle === null) throw new IllegalMessageSequence("save: no bundle is open; create comes first")
    this.#bundle = null
    if (bundle.objs.length === 0) return
    return andThen(this.prepareStream(bundle.name, bundle.objs), stream => {
      const writers = bundle.objs.filter(writesAssets)
      const assets = writers.length === 0 ? undefined : emitAssets(this, stream, writers)
      return andThen(assets, () => this.context.emit("event", stream.event(bundle.readings)))
    }) as void | Promise<void>
  }

  /** The stream with a valid descriptor, which is emitted now if there is none yet. */
  prepareStream(name: string, objs: readonly Named[]): Stream | Promise<Stream> {
    const known = this.streams.get(name)
    if (known !== undefined) {
      if (!sameObjects(known.objs, objs)) {
        throw new BundleError(
          `stream "${name}" records ${names(known.objs)}, it cannot take ${names(objs)}; use another stream`,
        )
      }
      if (!known.needsDescriptor) return known
    }
    const stream = known ?? new Stream(name, [...objs], this.context)
    return andThen(this.cache.describe(stream.objs), described => {
      const descriptor = stream.describe(this.uid, described)
      this.streams.set(name, stream)
      this.context.emit("descriptor", descriptor)
      return stream
    })
  }

  /** A stream whose descriptor is made elsewhere (flyers). */
  addStream(stream: Stream, descriptor: EventDescriptor): void {
    this.streams.set(stream.name, stream)
    this.context.emit("descriptor", descriptor)
  }

  /** The object's configuration changed: streams that record it get a new descriptor before their next event. */
  configured(obj: Named): void {
    this.cache.forget(obj)
    for (const stream of this.streams.values()) if (stream.objs.includes(obj)) stream.invalidate()
  }

  checkpoint(): void {
    for (const stream of this.streams.values()) stream.mark()
  }

  rewind(): void {
    this.#bundle = null
    for (const stream of this.streams.values()) if (!this.monitors.owns(stream)) stream.rewind()
  }

  close(exitStatus: ExitStatus, reason: string): void {
    this.#bundle = null
    try {
      this.monitors.removeAll()
    } finally {
      this.#emitStop(exitStatus, reason)
    }
  }

  #emitStop(exitStatus: ExitStatus, reason: string): void {
    this.context.emit("stop", {
      uid: this.context.uid(),
      time: this.context.now(),
      run_start: this.uid,
      exit_status: exitStatus,
      reason,
      num_events: Object.fromEntries([...this.streams.values()].map(s => [s.name, s.count])),
    })
  }
}

export type Collected = PartialEvent | StreamAsset

const writesAssets = (obj: Named): obj is WritesStreamAssets =>
  typeof (obj as Partial<WritesStreamAssets>).collectAssetDocs === "function"

const sameObjects = (a: readonly Named[], b: readonly Named[]): boolean =>
  a === b || (a.length === b.length && a.every((obj, i) => obj === b[i] || b.includes(obj)))

const names = (objs: readonly Named[]): string => `[${objs.map(nameOf).join(", ")}]`
