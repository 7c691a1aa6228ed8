import { type Clock, Status, type StatusOptions } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import { InvalidArgument, ObjectNotFound } from "../errors.ts"
import { type PollOptions, poll } from "../utils/poll.ts"
import type { DmFile } from "../wire/index.ts"

/** A file that DM is to have, with this content where its check sum is given. */
export interface ExpectedFile {
  /** Relative to the experiment's root. */
  readonly name: string
  /** As DM's catalogue has it; a file with another one is still the old one, or not complete. */
  readonly md5?: string | undefined
  /** A catalogue that has no check sum for the file is believed; default: it is waited for. */
  readonly believeWithout?: boolean | undefined
}

export interface ExpectedFiles {
  experiment: string
  /** Names, relative to the experiment's root, with a check sum where the content counts. */
  files?: string | ExpectedFile | readonly (string | ExpectedFile)[] | undefined
  /** How many files there are to be: in `under`, that `matching` takes. */
  count?: number | undefined
  /** Directory, relative to the experiment's root; default the root itself. */
  under?: string | undefined
  /** Default every name. */
  matching?: RegExp | ((name: string) => boolean) | undefined
}

export interface ExpectOptions extends PollOptions {
  /** Hears how many of how many are there. */
  onProgress?: ((there: number, wanted: number) => void) | undefined
}

type Catalog = Pick<DmClient, "cat">

/** Files in one answer: reading more would hold up a plan. */
const page = 1000

/**
 * The files' metadata once DM's catalogue has all that is expected: by name, by content, by number, or all of it. A
 * service that is away is asked again. Default period 30 s, default limit 600 s.
 * @throws InvalidArgument when nothing is expected; DmWaitTimeout that says what did not come; the signal's reason.
 */
export async function untilFilesArrived(
  dm: Catalog,
  expected: ExpectedFiles,
  options: ExpectOptions = {},
): Promise<DmFile[]> {
  const { experiment, count = 0 } = expected
  const named = namedFiles(expected)
  if (named.length === 0 && count === 0) {
    throw new InvalidArgument(
      `files in DM experiment "${experiment}": neither names nor a number are expected`,
    )
  }
  const { period = 30, timeout = 600, onProgress } = options
  const stored = new Map<string, DmFile>()
  const other = new Map<string, string>()
  let counted: DmFile[] = []
  const missing = () => named.filter(file => !stored.has(file.name))
  const what = () => {
    const names = missing().map(({ name }) => (other.has(name) ? `${name} (md5 ${other.get(name)})` : name))
    const byName =
      named.length === 0 ? [] : [`${shorten(names)} (${stored.size} of ${named.length} are there)`]
    const byCount = count === 0 ? [] : [`${counted.length} of ${count} files in ${expected.under ?? "it"}`]
    return `files in DM experiment "${experiment}": ${[...byName, ...byCount].join("; ")}`
  }
  return await poll(
    what,
    async signal => {
      for (const { name, md5, believeWithout = false } of missing()) {
        const metadata = await dm.cat.getExperimentFile(experiment, name, { signal }).catch(absent)
        if (metadata === undefined) continue
        const { md5Sum = "" } = metadata
        const isUnknown = md5Sum === "" && believeWithout
        if (md5 === undefined || isUnknown || md5Sum.toLowerCase() === md5.toLowerCase())
          stored.set(name, metadata)
        else other.set(name, md5Sum === "" ? "unknown" : md5Sum)
      }
      if (count > 0) counted = await filesUnder(dm, expected, signal)
      onProgress?.(stored.size + Math.min(counted.length, count), named.length + count)
      if (missing().length > 0 || counted.length < count) return undefined
      const byName = named.map(({ name }) => stored.get(name) as DmFile)
      return count === 0
        ? byName
        : [...new Map([...byName, ...counted].map(f => [f.experimentFilePath, f])).values()]
    },
    { ...options, period, timeout },
  )
}

/** The same as a Status with progress in files; cancelling it ends the wait. */
export function expectFiles(
  dm: Catalog,
  expected: ExpectedFiles,
  options: ExpectOptions & { name?: string; clock?: Clock | undefined } = {},
): Status<DmFile[]> {
  const { name = `DM experiment ${expected.experiment}`, clock, signal, onProgress } = options
  const what: StatusOptions = { name, action: "wait for files", clock, signal }
  return Status.run(what, work =>
    untilFilesArrived(dm, expected, {
      ...options,
      signal: work.signal,
      onProgress: (there, wanted) => {
        work.progress({ current: there, initial: 0, target: wanted, unit: "files" })
        onProgress?.(there, wanted)
      },
    }),
  )
}

/** Files of the catalogue in a directory, page by page. */
async function filesUnder(dm: Catalog, expected: ExpectedFiles, signal?: AbortSignal): Promise<DmFile[]> {
  const { experiment, under = "", matching = () => true } = expected
  const folder = under.replace(/^\/+|\/+$/g, "")
  const takes = (name: string) =>
    typeof matching === "function" ? matching(name) : name.search(matching) >= 0
  const found: DmFile[] = []
  for (let skip = 0; ; skip += page) {
    const files = await dm.cat.getExperimentFiles(experiment, { skip, limit: page, signal })
    for (const file of files) {
      const name = file.experimentFilePath ?? ""
      if ((folder === "" || name.startsWith(`${folder}/`)) && takes(name)) found.push(file)
    }
    if (files.length < page) return found
  }
}

function namedFiles({ files = [] }: ExpectedFiles): ExpectedFile[] {
  const list = Array.isArray(files) ? files : [files]
  return (list as (string | ExpectedFile)[]).map(file => (typeof file === "string" ? { name: file } : file))
}

function absent(error: unknown): undefined {
  if (!(error instanceof ObjectNotFound)) throw error
}

const shorten = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`
