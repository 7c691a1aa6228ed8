import type { MaybePromise } from "@ophyd-ts/core"
import { withoutEnd } from "./uri.ts"

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
  /**
   * The IOC numbers the files of this name, and goes on counting with each. Default false, for names that are used once: they are
   * the safe choice, because an IOC that forgets its number when it is restarted writes over its files.
   */
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
  /** File name without extension; default a new uuid. A fixed name is followed by the time, so that no file is written over. */
  fileName?: string | ((request: PathRequest) => string) | undefined
  /** The root directory as readers name it, where that differs. */
  readRoot?: string | undefined
}

/** Joins parts of a path with the separator that the first one uses. */
export function joinPath(root: string, ...parts: readonly string[]): string {
  const separator = /^[A-Za-z]:|\\/.test(root) && !root.includes("/") ? "\\" : "/"
  return [withoutEnd(root), ...levelsOf(parts)].join(separator) || separator
}

/** The single directories that the parts of a path name. */
const levelsOf = (parts: readonly string[]): string[] =>
  parts.flatMap(part => part.split("/")).filter(part => part !== "")

/** The name that the options ask for. */
export function nameOf({ fileName }: PathOptions, request: PathRequest): string {
  if (fileName === undefined) return globalThis.crypto.randomUUID()
  if (typeof fileName === "function") return fileName(request)
  return `${fileName}_${formatDate("%Y%m%d_%H%M%S_%L", request.time)}`
}

/** A time in letters that files may have: `%Y%m%d_%H%M%S`, `%L` for milliseconds. Local time. */
export function formatDate(format: string, time: Date): string {
  const digits = (n: number, count = 2) => String(n).padStart(count, "0")
  const parts: Record<string, string> = {
    Y: digits(time.getFullYear(), 4),
    m: digits(time.getMonth() + 1),
    d: digits(time.getDate()),
    H: digits(time.getHours()),
    M: digits(time.getMinutes()),
    S: digits(time.getSeconds()),
    L: digits(time.getMilliseconds(), 3),
  }
  return format.replace(/%([YmdHMSL])/g, (_, letter: string) => parts[letter] ?? "")
}

/** A place below a root, on both hosts. */
export function below(
  root: string,
  parts: readonly string[],
  options: PathOptions,
): Pick<PathInfo, "directory" | "readDirectory" | "createLevels"> {
  const levels = levelsOf(parts).length
  const { readRoot } = options
  return {
    directory: joinPath(root, ...parts),
    ...(levels === 0 ? {} : { createLevels: levels }),
    ...(readRoot === undefined ? {} : { readDirectory: joinPath(readRoot, ...parts) }),
  }
}
