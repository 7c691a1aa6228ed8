import type { MaybePromise } from "@ophyd-ts/core"

/** Who asks for a place, and when. */
export interface PathRequest {
  /** Name of the detector. */
  readonly detector: string
  readonly time: Date
}

/** Where a detector's file goes. */
export interface PathInfo {
  /** Absolute directory, as the host of the IOC names it. */
  readonly directory: string
  /** File name without extension. */
  readonly fileName: string
  /** Number the files of this name, so that none is written over; default false: for names that are used once. */
  readonly numbered?: boolean | undefined
  /** How many levels of the directory the IOC may create; default 0: it must exist. */
  readonly createLevels?: number | undefined
  /** The same directory as readers name it, where that differs; default `directory`. */
  readonly readDirectory?: string | undefined
}

/**
 * Says where the next file goes; asked once for each run, when the detector is staged. One that knows the place only
 * when the run has begun gives the directory that must exist before anything moves, as `root`, and is asked at the first
 * acquisition of a run; `run` tells one run from another.
 */
export interface PathProvider {
  (request: PathRequest): MaybePromise<PathInfo>
  readonly perRun?: { readonly root: string; readonly run: () => string | null } | undefined
}

/** Options that most providers share. */
export interface PathOptions {
  /** File name without extension; default a new uuid. A fixed name is numbered. */
  fileName?: string | ((request: PathRequest) => string) | undefined
  /** The root directory as readers name it, where that differs. */
  readRoot?: string | undefined
}

/** Joins parts of a path with the separator that the first one uses. */
export function joinPath(root: string, ...parts: readonly string[]): string {
  const separator = /^[A-Za-z]:|\\/.test(root) && !root.includes("/") ? "\\" : "/"
  const rest = parts.flatMap(part => part.split("/")).filter(part => part !== "")
  return [root.replace(/[\\/]+$/, ""), ...rest].join(separator) || separator
}

/** The name that the options ask for. */
export function nameOf(
  { fileName }: PathOptions,
  request: PathRequest,
): Pick<PathInfo, "fileName" | "numbered"> {
  if (fileName === undefined) return { fileName: globalThis.crypto.randomUUID() }
  if (typeof fileName === "string") return { fileName, numbered: true }
  return { fileName: fileName(request) }
}

/** A place below a root, on both hosts. */
export function below(
  root: string,
  parts: readonly string[],
  options: PathOptions,
): Pick<PathInfo, "directory" | "readDirectory" | "createLevels"> {
  const levels = parts.flatMap(part => part.split("/")).filter(part => part !== "").length
  const { readRoot } = options
  return {
    directory: joinPath(root, ...parts),
    ...(levels === 0 ? {} : { createLevels: levels }),
    ...(readRoot === undefined ? {} : { readDirectory: joinPath(readRoot, ...parts) }),
  }
}
