import { open, rename, unlink } from "node:fs/promises"
import { dirname } from "node:path"
import { makeFolder } from "@ophyd-ts/run-engine/node"

/**
 * Writes a file at once: a reader, or a process after a crash, finds the old content or the new, never a part. The
 * content is on the disk when this resolves. Only the account may read it, and the folders that are made for it.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  makeFolder(dirname(path), 0o700)
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`
  const file = await open(temporary, "wx", 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => {})
    await unlink(temporary).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** The rename itself is on the disk only when the folder is; not every system can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r")
    await folder.sync().finally(() => folder.close())
  } catch {
    // Windows
  }
}
