import { type Dirent, existsSync, statSync } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { isAbsolute, join } from "node:path"
import { DmRefusal } from "../errors.ts"

/** A file of a watched directory. */
export interface SourceFile {
  /** Relative, with slashes. */
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

const limits = { files: 200_000, depth: 40 }

/**
 * The directory on this machine that a `dataDirectory` means: a plain path, or `@host:/path`, of which the host is
 * left out here. A plain path that does not exist is refused; behind a host the service cannot know, so a DAQ for it
 * starts and transfers nothing, as the real one does.
 * @throws DmRefusal InvalidRequest
 */
export function sourceDirectory(dataDirectory: string): string {
  const [, host, remote] = /^@([^:/]+):(.*)$/.exec(dataDirectory) ?? []
  const path = remote ?? dataDirectory
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new DmRefusal(
      "InvalidRequest",
      `data directory ${JSON.stringify(dataDirectory)} is not an absolute path`,
    )
  }
  if (host !== undefined) return path
  if (!existsSync(path)) throw new DmRefusal("InvalidRequest", `data directory ${path} does not exist`)
  if (!statSync(path).isDirectory()) throw new DmRefusal("InvalidRequest", `${path} is not a directory`)
  return path
}

/** All plain files below, sorted by path; what vanishes meanwhile is left out. */
export async function listFiles(root: string): Promise<SourceFile[]> {
  const found: SourceFile[] = []
  const visit = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => [] as Dirent[])
    for (const entry of entries) {
      if (found.length >= limits.files) return
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && depth < limits.depth) await visit(path, depth + 1)
      if (!entry.isFile()) continue
      const status = await stat(join(root, path)).catch(() => undefined)
      if (status !== undefined) found.push({ path, size: status.size, mtimeMs: status.mtimeMs })
    }
  }
  await visit("", 0)
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}
