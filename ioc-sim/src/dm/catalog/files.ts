import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { basename, isAbsolute, join, normalize, relative, sep } from "node:path"
import type { Clock } from "@ophyd-ts/core"
import { type Doc, fitsQuery, page, textIn } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import { type Experiments, placesOf } from "../experiments.ts"
import type { Ids } from "../ids.ts"

const defaultLimit = 500_000

/** md5 of a file, without holding it in memory. */
export async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5")
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest("hex")
}

/** Paths in documents have slashes on every system. */
export const slashes = (path: string): string => path.split(sep).join("/")

/** A relative path that stays inside. @throws DmRefusal InvalidArgument */
export function insidePath(path: string, what: string): string {
  const clean = normalize(path)
  if (isAbsolute(path) || clean.startsWith("..") || path.includes("\0")) {
    throw new DmRefusal(
      "InvalidArgument",
      `${what} ${JSON.stringify(path)} is not a path inside the directory`,
    )
  }
  return clean
}

/**
 * The file catalogue. `experimentFilePath` counts from the data directory, or the analysis directory for results; a
 * look-up also takes a path from the experiment's storage directory.
 */
export class FileCatalog {
  readonly #experiments: Experiments
  readonly #ids: Ids
  readonly #clock: Clock
  /** Experiment id → absolute path → document. */
  readonly #files = new Map<unknown, Map<string, Doc>>()

  constructor(experiments: Experiments, ids: Ids, clock: Clock) {
    this.#experiments = experiments
    this.#ids = ids
    this.#clock = clock
  }

  /** Enters a stored file, or enters it anew. */
  async add(
    experiment: Doc,
    path: string,
    more: { md5Sum?: string; sourcePath?: string } = {},
  ): Promise<Doc> {
    const files = this.#of(experiment)
    const places = placesOf(experiment)
    const inAnalysis = path.startsWith(`${places.analysis}${sep}`)
    const { size, mtimeMs } = await stat(path)
    const document: Doc = {
      id: files.get(path)?.id ?? this.#ids.objectId(),
      experimentName: experiment.name,
      experimentFilePath: slashes(relative(inAnalysis ? places.analysis : places.data, path)),
      storageFilePath: slashes(relative(places.storage, path)),
      fileName: basename(path),
      fileSize: size,
      md5Sum: more.md5Sum ?? (await md5Of(path)),
      compression: null,
      fileModificationTime: mtimeMs / 1000,
      catalogTime: this.#clock.time(),
      ...(more.sourcePath === undefined ? {} : { sourceFilePath: more.sourcePath }),
    }
    files.set(path, document)
    return document
  }

  /** Whether a file with that size and modification is already stored. */
  async isStored(experiment: Doc, path: string, source: { size: number; mtimeMs: number }): Promise<boolean> {
    const known = this.#of(experiment).get(path)
    if (known?.fileSize !== source.size) return false
    const stored = await stat(path).catch(() => undefined)
    return stored !== undefined && Math.abs(stored.mtimeMs - source.mtimeMs) < 1
  }

  list(experimentName: unknown, args: Readonly<Doc>): Doc[] {
    const files = [...this.#of(this.#experiments.byName(experimentName)).values()]
    return page(
      files.filter(f => fitsQuery(f, args.queryDict)),
      args,
      defaultLimit,
      "experiment files",
    )
  }

  /** @throws DmRefusal ObjectNotFound */
  get(experimentName: unknown, path: string): Doc {
    const experiment = this.#experiments.byName(experimentName)
    const found = this.#lookUp(experiment, path)
    if (found === undefined) {
      throw new DmRefusal(
        "ObjectNotFound",
        `file ${path} of experiment ${experimentName} is not in the catalogue`,
      )
    }
    return found
  }

  /** @throws DmRefusal ObjectNotFound */
  getById(experimentName: unknown, id: unknown): Doc {
    const files = this.#of(this.#experiments.byName(experimentName))
    const found = [...files.values()].find(f => f.id === id)
    if (found === undefined)
      throw new DmRefusal("ObjectNotFound", `file with id ${id} is not in the catalogue`)
    return found
  }

  /** What is on the disk, whether it is in the catalogue or not. @throws DmRefusal ObjectNotFound */
  async statFile(experiment: Doc, args: Readonly<Doc>, withMd5: boolean): Promise<Doc> {
    const path = textIn(args, "path", "statFile")
    for (const candidate of this.#candidates(experiment, path)) {
      const found = await stat(candidate).catch(() => undefined)
      if (found?.isFile() !== true) continue
      return {
        experimentName: experiment.name,
        experimentFilePath: path,
        fileSize: found.size,
        fileModificationTime: found.mtimeMs / 1000,
        readyForProcessing: true,
        ...(withMd5 ? { md5Sum: await md5Of(candidate) } : {}),
      }
    }
    throw new DmRefusal("ObjectNotFound", `file ${path} of experiment ${experiment.name} does not exist`)
  }

  #lookUp(experiment: Doc, path: string): Doc | undefined {
    const files = this.#of(experiment)
    return this.#candidates(experiment, path)
      .map(candidate => files.get(candidate))
      .find(found => found !== undefined)
  }

  #candidates(experiment: Doc, path: string): string[] {
    const places = placesOf(experiment)
    const inside = insidePath(path, "file path")
    return [places.data, places.analysis, places.storage].map(place => join(place, inside))
  }

  #of(experiment: Doc): Map<string, Doc> {
    const files = this.#files.get(experiment.id) ?? new Map<string, Doc>()
    this.#files.set(experiment.id, files)
    return files
  }
}
