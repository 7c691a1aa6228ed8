import { RunEngineError } from "../errors.ts"
import type { Metadata } from "../messages.ts"
import { andThen } from "../util.ts"
import type { MetadataStore } from "./metadata.ts"
import type { RunEngineOptions } from "./options.ts"

/** The start document's content, from all who contribute to it. */
export class RunMetadata {
  readonly #store: MetadataStore
  readonly #options: RunEngineOptions

  constructor(store: MetadataStore, options: RunEngineOptions) {
    this.#store = store
    this.#options = options
  }

  /** Later wins: stored, plan type, `open_run`, the call. A scan id is taken only when nothing vetoes the run. */
  forRun(open: Metadata, call: Metadata): Metadata | Promise<Metadata> {
    const stored = this.#store.toObject()
    const { scanId, normalizeMetadata, validateMetadata } = this.#options
    return andThen(scanId === undefined ? nextScanId(stored) : scanId(stored), scan_id => {
      const merged: Metadata = { ...stored, scan_id, plan_type: "generator", ...open, ...call }
      return andThen(normalizeMetadata?.(merged) ?? merged, md => {
        checkKeys(md)
        return andThen(validateMetadata?.(md), () => {
          this.#store.set("scan_id", scan_id)
          return md
        })
      })
    })
  }
}

function nextScanId(stored: Metadata): number {
  const last = stored["scan_id"] ?? 0
  if (typeof last !== "number" || !Number.isInteger(last)) {
    throw new RunEngineError("METADATA", `the stored scan_id is ${JSON.stringify(last)}, not a whole number`)
  }
  return last + 1
}

function checkKeys(md: Metadata): void {
  for (const key of Object.keys(md)) {
    if (/[./]/.test(key)) {
      throw new RunEngineError(
        "METADATA",
        `metadata key "${key}": "." and "/" are not allowed at the top level`,
      )
    }
  }
}
