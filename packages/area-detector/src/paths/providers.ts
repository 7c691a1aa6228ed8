import type { MaybePromise, SignalR } from "@ophyd-ts/core"
import { SignalR as Readable } from "@ophyd-ts/core"
import type { RunStart, Subscriber } from "@ophyd-ts/run-engine"
import { AreaDetectorError } from "../errors.ts"
import {
  below,
  formatDate,
  nameOf,
  type PathOptions,
  type PathProvider,
  type PathRequest,
} from "./provider.ts"
import { withoutEnd } from "./uri.ts"

/** All files in one directory, which must exist. */
export function staticPaths(directory: string, options: PathOptions = {}): PathProvider {
  return request => ({ ...below(directory, [], options), fileName: nameOf(options, request) })
}

export interface DatedPathOptions extends PathOptions {
  /** How the day is written, with `%Y`, `%m`, `%d`; default `%Y/%m/%d`. Local time. */
  format?: string | undefined
}

/** A directory for each day below a root that must exist: `/data/2026/11/23`. */
export function datedPaths(root: string, options: DatedPathOptions = {}): PathProvider {
  const { format = "%Y/%m/%d" } = options
  return request => ({
    ...below(root, [formatDate(format, request.time)], options),
    fileName: nameOf(options, request),
  })
}

export interface NumberedPathOptions extends PathOptions {
  /** What the directories are called before their number; default `scan_`. */
  prefix?: string | undefined
  /** Number of the first one; default 1. */
  first?: number | undefined
  /** Digits of the number; default 4. */
  digits?: number | undefined
}

/** A new directory each time, below a root that must exist: `/data/scan_0001`. Counts while the process lives. */
export function numberedPaths(root: string, options: NumberedPathOptions = {}): PathProvider {
  const { prefix = "scan_", first = 1, digits = 4 } = options
  let next = first
  return request => {
    const name = `${prefix}${String(next++).padStart(digits, "0")}`
    return { ...below(root, [name], options), fileName: nameOf(options, request) }
  }
}

export interface RunPathOptions extends PathOptions {
  /** Directories below the root, from the start document; default none. */
  directory?: ((start: RunStart) => string) | undefined
}

/** A provider that has to hear of runs: `RE.subscribe(paths.subscriber)`. */
export interface RunPathProvider extends PathProvider {
  readonly subscriber: Subscriber
  readonly perRun: NonNullable<PathProvider["perRun"]>
}

/**
 * Files named by the run's uid, below a root that must exist. The provider learns of runs from the engine:
 *
 * ```ts
 * const paths = runPaths("/data")
 * RE.subscribe(paths.subscriber)
 * ```
 */
export function runPaths(root: string, options: RunPathOptions = {}): RunPathProvider {
  let start: RunStart | null = null
  const provider = (request: PathRequest) => {
    if (start === null) {
      throw new AreaDetectorError(
        "BAD_PATH",
        `${request.detector}: files are named by run, and no run is open: open one first, and subscribe the provider to the engine`,
      )
    }
    const parts = options.directory === undefined ? [] : [options.directory(start)]
    const fileName = options.fileName === undefined ? start.uid : nameOf(options, request)
    return { ...below(root, parts, options), fileName }
  }
  const subscriber: Subscriber = (name, doc) => {
    if (name === "start") start = doc
    else if (name === "stop" && doc.run_start === start?.uid) start = null
  }
  return Object.assign(provider, { subscriber, perRun: { root, run: () => start?.uid ?? null } })
}

export interface ExperimentPathOptions extends PathOptions {
  /** Directory below that of the experiment; default none. The IOC creates it. */
  subdirectory?: string | undefined
  /** Where `directory` is as readers name it: replaces the beginning of the path. */
  readAs?: { readonly from: string; readonly to: string } | undefined
}

/**
 * Files in the directory of an experiment, which is asked for each time: a function, or a signal that holds it.
 *
 * ```ts
 * const paths = experimentPaths(() => dmGetExperimentDatadirActiveDaq("my-experiment", "/data"))
 * ```
 */
export function experimentPaths(
  directory: SignalR<string> | (() => MaybePromise<string>),
  options: ExperimentPathOptions = {},
): PathProvider {
  return async request => {
    const root = await (directory instanceof Readable ? directory.get() : directory())
    if (root === "") {
      throw new AreaDetectorError("BAD_PATH", `${request.detector}: the experiment has no data directory`)
    }
    const { readAs, subdirectory = "" } = options
    const readRoot = readAs === undefined ? options.readRoot : replaceRoot(root, readAs.from, readAs.to)
    return { ...below(root, [subdirectory], { ...options, readRoot }), fileName: nameOf(options, request) }
  }
}

/** The same place as the other host names it; paths elsewhere stay as they are. */
export function replaceRoot(path: string, from: string, to: string): string {
  const root = withoutEnd(from)
  if (path !== root && !path.startsWith(`${root}/`) && !path.startsWith(`${root}\\`)) return path
  return `${withoutEnd(to)}${path.slice(root.length).replaceAll("\\", "/")}`
}

/**
 * The same files under another name: for readers on a host that mounts the disk elsewhere than the IOC's host.
 * `mappedPaths(datedPaths("C:\\data"), { from: "C:\\data", to: "/mnt/detector" })`.
 */
export function mappedPaths(
  provider: PathProvider,
  roots: { readonly from: string; readonly to: string },
): PathProvider {
  const mapped = async (request: PathRequest) => {
    const info = await provider(request)
    return { ...info, readDirectory: replaceRoot(info.directory, roots.from, roots.to) }
  }
  return Object.assign(mapped, provider.perRun === undefined ? {} : { perRun: provider.perRun })
}
