import { mkdir, open, rename, stat, unlink } from "node:fs/promises"
import { dirname } from "node:path"

/**
 * Writes a file at once: a reader, or a process after a crash, finds the old content or the new, never a part. The
 * content is on the disk when this resolves. Only the account may read it.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path))
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

/**
 * Makes a folder and those above it, each for this account only. Node's own way to do that goes on without end where
 * a file system answers that there is no such folder to who wants to make it, as an automounter of absent hosts does.
 */
async function makeFolder(path: string, above = true): Promise<void> {
  const failure = await mkdir(path, 0o700).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  )
  if (failure === null || (await stat(path).catch(() => null))?.isDirectory()) return
  const parent = dirname(path)
  if (!above || failure.code !== "ENOENT" || parent === path) throw failure
  await makeFolder(parent)
  await makeFolder(path, false)
}
