import { readdir, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { isAbsolute, join } from "node:path"

/** What this machine can say about a directory that DM reads. DM's machine may see another one at the same path. */
export interface SourceState {
  /** `unknown`: it lies on another host, or is reached by FTP. */
  readonly exists: "yes" | "no" | "unknown"
  /** Bytes of the files below; null when unknown or when there are too many to look at. */
  readonly bytes: number | null
}

/** Looks at a source; a test or a site with mounts of its own hands over another one. */
export type ProbeSource = (dataDirectory: string, file?: string) => Promise<SourceState>

const unknown: SourceState = { exists: "unknown", bytes: null }
const mostFiles = 10_000

/** The path on this machine that a data directory means; null when it lies elsewhere. */
export function localPath(dataDirectory: string): string | null {
  const [, host, remote] = /^@([^:/]+):(.*)$/.exec(dataDirectory) ?? []
  const path = remote ?? dataDirectory
  const here = host === undefined || host === "localhost" || host.split(".")[0] === hostname().split(".")[0]
  return here && isAbsolute(path) ? path : null
}

/** Looks on this machine, where the directory lies on it. Never throws. */
export const probeSource: ProbeSource = async (dataDirectory, file) => {
  const directory = localPath(dataDirectory)
  if (directory === null) return unknown
  const path = file === undefined ? directory : join(directory, file)
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) return found.code === "ENOENT" ? { exists: "no", bytes: null } : unknown
  return { exists: "yes", bytes: found.isDirectory() ? await bytesBelow(path) : found.size }
}

async function bytesBelow(root: string): Promise<number | null> {
  let [bytes, files] = [0, 0]
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      if (!entry.isFile()) continue
      files += 1
      if (files > mostFiles) return null
      bytes += await stat(path).then(
        found => found.size,
        () => 0,
      )
    }
  }
  return bytes
}
