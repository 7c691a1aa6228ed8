import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { DocumentArgs, NamedDocument } from "@ophyd-ts/run-engine"
import { jsonLinesRecorder, makeFolder, readJsonLines } from "@ophyd-ts/run-engine/node"

const suffix = ".jsonl"

/** Keeps every run in a file of its own until it has arrived. */
export class Spool {
  readonly #folder: string
  readonly #record: (...args: DocumentArgs) => unknown

  constructor(folder: string) {
    this.#folder = folder
    makeFolder(folder)
    this.#record = jsonLinesRecorder(folder)
  }

  file(run: string): string {
    return join(this.#folder, run + suffix)
  }

  record(...args: DocumentArgs): void {
    this.#record(...args)
  }

  arrived(run: string): void {
    rmSync(this.file(run), { force: true })
  }

  /** Uids of the runs that are kept. */
  kept(): string[] {
    return readdirSync(this.#folder)
      .filter(name => name.endsWith(suffix))
      .map(name => name.slice(0, -suffix.length))
  }

  read(run: string): NamedDocument[] {
    return readJsonLines(this.file(run))
  }
}
