import type { DocumentArgs, EventDescriptor, RunStart, RunStop } from "@ophyd-ts/run-engine"

/** A run's documents without its events: what it was, not what it measured. */
export interface RunMetadata {
  readonly start: RunStart
  /** By stream, in the order in which they came. */
  readonly descriptors: ReadonlyMap<string, readonly EventDescriptor[]>
  /** Null while the run is open. */
  readonly stop: RunStop | null
}

interface Gathered {
  start: RunStart
  descriptors: Map<string, EventDescriptor[]>
  stop: RunStop | null
}

/**
 * Gathers the metadata of runs: `RE.subscribe(documents.receive)`, or `bps.subscribe(documents.receive)` in a plan.
 * Keeps the
 * last runs only.
 */
export class RunDocuments {
  readonly #limit: number
  readonly #runs = new Map<string, Gathered>()

  /** `limit`: how many runs are kept, default 10. */
  constructor({ limit = 10 }: { limit?: number } = {}) {
    this.#limit = limit
  }

  /** For a subscription. */
  readonly receive = (...[name, doc]: DocumentArgs): void => {
    if (name === "start") {
      this.#runs.set(doc.uid, { start: doc, descriptors: new Map(), stop: null })
      for (const uid of this.#runs.keys()) if (this.#runs.size > this.#limit) this.#runs.delete(uid)
    } else if (name === "descriptor") {
      const streams = this.#runs.get(doc.run_start)?.descriptors
      streams?.set(doc.name, [...(streams.get(doc.name) ?? []), doc])
    } else if (name === "stop") {
      const run = this.#runs.get(doc.run_start)
      if (run !== undefined) run.stop = doc
    }
  }

  /** The run that began last. */
  get last(): RunMetadata | undefined {
    return [...this.#runs.values()].at(-1)
  }

  get(uid: string): RunMetadata | undefined {
    return this.#runs.get(uid)
  }
}
