import type { DocumentArgs } from "@ophyd-ts/run-engine"

/** Tells which run a document belongs to, from the documents before it. */
export class RunsByDocument {
  readonly #runOf = new Map<string, string>()

  /** Undefined for a document whose run began before anyone looked. */
  owner(...[name, doc]: DocumentArgs): string | undefined {
    switch (name) {
      case "start":
        return this.#remember(doc.uid, doc.uid)
      case "descriptor":
        return this.#remember(doc.uid, this.#runOf.get(doc.run_start))
      case "stop":
        return this.#runOf.get(doc.run_start)
      case "stream_resource":
        // Before event-model 1.20 it did not say; with one open run there is no doubt.
        return this.#runOf.get(doc.run_start ?? [...new Set(this.#runOf.values())].at(-1) ?? "")
      default:
        return this.#runOf.get(doc.descriptor)
    }
  }

  /** The run has ended. */
  forget(run: string): void {
    for (const [uid, of] of this.#runOf) if (of === run) this.#runOf.delete(uid)
  }

  #remember(uid: string, run: string | undefined): string | undefined {
    if (run !== undefined) this.#runOf.set(uid, run)
    return run
  }
}
