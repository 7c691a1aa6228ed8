import { readdirSync } from "node:fs"
import { join, relative } from "node:path"
import type { DmServiceSim } from "@ophyd-ts/ioc-sim"

/** Titles and texts, one below the other. */
export const summary = (lines: readonly (readonly [title: string, text: string])[]): string =>
  `\n${lines.map(([title, text]) => `${title.padEnd(14)}${text}`.trimEnd()).join("\n")}\n`

/** What lies in the experiment's storage at the end. */
export function storedFiles(service: DmServiceSim, experiment: string): [string, string][] {
  const folder = String(service.experiments.byName(experiment).storageDirectory)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
  return [["stored", ""], ...files.sort().map((file): [string, string] => ["", file])]
}
