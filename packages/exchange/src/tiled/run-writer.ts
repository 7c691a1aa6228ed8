import type {
  DocumentArgs,
  Event,
  EventDescriptor,
  EventPage,
  RunStart,
  RunStop,
  StreamDatum,
  StreamResource,
} from "@ophyd-ts/run-engine"
import { ExchangeError } from "../errors.ts"
import type { Catalog, Path, Spec } from "./catalog.ts"
import { FileSeries } from "./files.ts"
import { normalDescriptor, rowOf } from "./keys.ts"
import { plain } from "./plain.ts"
import { StreamWriter } from "./stream-writer.ts"

export interface RunWriterOptions {
  /** Container in which the run's own is made. */
  parent: Path
  maxInTable: number
  /** Rows of a stream, or entries of a file series, that are written at the latest. */
  batchSize: number
  /** Takes away what an earlier, unfinished attempt has left of the same run. */
  replace: boolean
}

interface Files {
  series: FileSeries
  path: Path
  /** Rows that the server knows; null before it knows the files at all. */
  written: number | null
}

/**
 * Writes one run in the layout of bluesky's TiledWriter (bluesky-tiled-plugins 2): a container `BlueskyRun` 3.0 with the
 * start and stop documents as metadata; in it a container `BlueskyEventStream` 3.0 per stream with the descriptor; in it the
 * table `internal` and arrays.
 */
export class RunWriter {
  readonly #catalog: Catalog
  readonly #options: RunWriterOptions
  readonly #streams = new Map<string, StreamWriter>()
  readonly #descriptors = new Map<string, EventDescriptor>()
  readonly #updates = new Map<string, unknown[]>()
  readonly #resources = new Map<string, StreamResource>()
  /** By stream and data key. */
  readonly #files = new Map<string, Files>()
  /** By resource. */
  readonly #filesOf = new Map<string, Files>()
  readonly #notes = new Set<string>()
  #path: Path = []
  #accessTags: string[] | null = null

  constructor(catalog: Catalog, options: RunWriterOptions) {
    this.#catalog = catalog
    this.#options = options
  }

  async write(...[name, doc]: DocumentArgs): Promise<void> {
    switch (name) {
      case "start":
        return this.#start(doc)
      case "descriptor":
        return this.#descriptor(doc)
      case "event":
        return this.#event(doc)
      case "event_page":
        return this.#page(doc)
      case "stream_resource":
        this.#resources.set(doc.uid, doc)
        return
      case "stream_datum":
        return this.#datum(doc)
      case "stop":
        return this.#stop(doc)
    }
  }

  /** Writes what was kept back to make larger pieces. */
  async flush(): Promise<void> {
    for (const stream of this.#streams.values()) await stream.flush()
    for (const files of this.#files.values()) await this.#flushFiles(files)
  }

  async #start(doc: RunStart): Promise<void> {
    const { tiled_access_tags, tiled_specs, ...start } = doc
    this.#accessTags = Array.isArray(tiled_access_tags) ? tiled_access_tags.map(String) : null
    this.#path = [...this.#options.parent, doc.uid]
    if (this.#options.replace) await this.#catalog.remove(this.#path)
    const specs = [...specsOf(tiled_specs), { name: "BlueskyRun", version: "3.0" }]
    await this.#catalog.container(this.#path, {
      metadata: { start: plain(start) },
      specs,
      accessTags: this.#accessTags,
    })
  }

  async #descriptor(original: EventDescriptor): Promise<void> {
    const { doc, notes } = normalDescriptor(original)
    for (const note of notes) this.#notes.add(note)
    this.#descriptors.set(doc.uid, doc)
    const { name, object_keys: _keys, run_start: _run, ...metadata } = doc
    const known = this.#streams.get(name)
    if (known !== undefined) {
      // The data keys are as before; what changed is the configuration.
      const { uid, time, configuration } = doc
      const updates = [...(this.#updates.get(name) ?? []), { uid, time, configuration }]
      this.#updates.set(name, updates)
      await this.#catalog.setMetadata(known.path, { _config_updates: plain(updates) })
      return
    }
    const path = [...this.#path, name]
    const specs = [
      { name: "BlueskyEventStream", version: "3.0" },
      { name: "composite", version: null },
    ]
    await this.#catalog.container(path, { metadata: plain(metadata), specs, accessTags: this.#accessTags })
    const stream = new StreamWriter(this.#catalog, path, doc, {
      accessTags: this.#accessTags,
      maxInTable: this.#options.maxInTable,
      note: text => void this.#notes.add(text),
    })
    this.#streams.set(name, stream)
  }

  async #event(doc: Pick<Event, "descriptor" | "seq_num" | "time" | "data" | "timestamps">): Promise<void> {
    const { stream } = this.#streamOf(doc.descriptor)
    stream.add(rowOf(doc))
    if (stream.waiting >= this.#options.batchSize) await stream.flush()
  }

  async #page(page: EventPage): Promise<void> {
    const at = <T>(columns: Record<string, T[]>, i: number) =>
      Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, values[i] as T]))
    for (const [i, seq_num] of page.seq_num.entries())
      await this.#event({
        descriptor: page.descriptor,
        seq_num,
        time: page.time[i]!,
        data: at(page.data, i),
        timestamps: at(page.timestamps, i),
      })
  }

  async #datum(doc: StreamDatum): Promise<void> {
    const files = this.#filesFor(doc)
    if (files === null) return
    files.series.add(doc)
    if (files.series.rows - (files.written ?? 0) >= this.#options.batchSize) await this.#flushFiles(files)
  }

  #filesFor({ stream_resource, descriptor }: StreamDatum): Files | null {
    const known = this.#filesOf.get(stream_resource)
    if (known !== undefined) return known
    const resource = this.#resources.get(stream_resource)
    if (resource === undefined) throw unknown("stream_datum", "stream_resource", stream_resource)
    const { stream, doc } = this.#streamOf(descriptor)
    const id = JSON.stringify([doc.name, resource.data_key])
    const key = doc.data_keys[resource.data_key]
    if (key === undefined) throw unknown("stream_resource", "data key", resource.data_key)
    let files = this.#files.get(id)
    try {
      if (files === undefined) {
        const path = [...stream.path, resource.data_key]
        files = { series: new FileSeries(resource, key), path, written: null }
        this.#files.set(id, files)
      } else files.series.continueWith(resource)
    } catch (error) {
      // The rest of the run is worth keeping; that something is missing is said in it.
      this.#notes.add(`Not registered: ${(error as Error).message}`)
      return null
    }
    this.#filesOf.set(stream_resource, files)
    return files
  }

  async #flushFiles(files: Files): Promise<void> {
    const { series, path, written } = files
    if (series.rows === (written ?? 0)) return
    const rows = series.rows
    const source = series.source()
    if (written === null)
      await this.#catalog.files(path, source, {
        metadata: plain(series.metadata),
        accessTags: this.#accessTags,
      })
    else {
      const rest = series.datumShape
      await this.#catalog.moreFiles(path, source, [written, ...rest.map(() => 0)], [rows - written, ...rest])
    }
    files.written = rows
  }

  async #stop(doc: RunStop): Promise<void> {
    await this.flush()
    const notes = [...this.#notes]
    await this.#catalog.setMetadata(this.#path, { stop: plain(doc), ...(notes.length > 0 && { notes }) })
    const streams = [...this.#streams.values()]
    const nodes = [
      ...streams.flatMap(stream => stream.nodes),
      ...[...this.#files.values()].map(files => files.path),
      ...streams.map(stream => stream.path),
      this.#path,
    ]
    for (const path of nodes) await this.#catalog.closeStream(path)
  }

  #streamOf(uid: string): { stream: StreamWriter; doc: EventDescriptor } {
    const doc = this.#descriptors.get(uid)
    const stream = doc === undefined ? undefined : this.#streams.get(doc.name)
    if (doc === undefined || stream === undefined) throw unknown("document", "descriptor", uid)
    return { stream, doc }
  }
}

const unknown = (of: string, what: string, uid: string) =>
  new ExchangeError("FORMAT", `a ${of} refers to the ${what} ${uid}, which has not come`)

/** What a plan asks for in addition: names, or names with versions. */
function specsOf(given: unknown): Spec[] {
  if (!Array.isArray(given)) return []
  return given.map(spec => {
    if (typeof spec === "string") return { name: spec, version: null }
    const { name, version = null } = spec as { name: string; version?: string | null }
    return { name: String(name), version }
  })
}
