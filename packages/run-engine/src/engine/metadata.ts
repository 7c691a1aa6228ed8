import type { Metadata } from "../messages.ts"

/** Metadata that outlives a run. A store on disk writes each change at once. */
export interface MetadataStore {
  get(key: string): unknown
  set(key: string, value: unknown): void
  delete(key: string): boolean
  /** A copy of all. */
  toObject(): Metadata
}

/** Metadata in memory, for this process. */
export function memoryMetadata(initial: Metadata = {}): MetadataStore {
  const md = new Map(Object.entries(initial))
  return {
    get: key => md.get(key),
    set: (key, value) => void md.set(key, value),
    delete: key => md.delete(key),
    toObject: () => Object.fromEntries(md),
  }
}

export const isStore = (md: Metadata | MetadataStore): md is MetadataStore =>
  typeof (md as Partial<MetadataStore>).toObject === "function" && typeof md["get"] === "function"
