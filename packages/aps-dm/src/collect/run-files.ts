import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { fileURLToPath } from "node:url"
import type { DocumentArgs, StreamResource } from "@ophyd-ts/run-engine"
import { InvalidRequest } from "../errors.ts"

/** Gathers which files a run's detectors have written, from its `stream_resource` documents. */
export class RunFiles {
  readonly #resources: StreamResource[] = []

  /** For a subscription. */
  readonly receive = (...[name, doc]: DocumentArgs): void => {
    if (name === "stream_resource") this.#resources.push(doc)
  }

  /** Absolute paths, as readers of the documents name them; each once, in the order in which they were begun. */
  get paths(): string[] {
    const paths = this.#resources.map(({ uri }) => pathOf(uri)).filter(path => path !== null)
    return [...new Set(paths)]
  }
}

function pathOf(uri: string): string | null {
  if (!uri.startsWith("file:")) return null
  const url = new URL(uri)
  url.hostname = ""
  return fileURLToPath(url)
}

/**
 * The name of a file in the experiment, when a DAQ or an upload carries it from a directory that it lies in.
 * @throws InvalidRequest when it does not.
 */
export function experimentName(path: string, dataDirectory: string, destDirectory: string): string {
  const name = nameIn(path, dataDirectory)
  return destDirectory === "" ? name : `${destDirectory.replace(/\/+$/, "")}/${name}`
}

/** The file's name relative to the directory, which may be `@host:/path` or an address. @throws InvalidRequest */
export function nameIn(path: string, dataDirectory: string): string {
  const root = slashes(dataDirectory.replace(/^@[^:]*:|^\w+:\/\/[^/]*/, "")).replace(/\/+$/, "")
  const file = slashes(path)
  if (!file.startsWith(`${root}/`)) {
    throw new InvalidRequest(
      `${path} does not lie in ${dataDirectory}, from where DM gets its files: say with \`files\` what DM will call it`,
    )
  }
  return file.slice(root.length + 1)
}

/** A path of Windows as DM writes it. */
const slashes = (path: string): string => (/^([A-Za-z]:)?\\/.test(path) ? path.replaceAll("\\", "/") : path)

/** Check sum of a file on this machine; undefined when it cannot be read here. */
export async function md5Of(path: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash("md5")
  try {
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer)
    return hash.digest("hex")
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
