import { mkdir, stat } from "node:fs/promises"
import { dirname } from "node:path"

/**
 * Makes a folder and those above it. Node's own way to do that goes on without end where a file system answers that
 * there is no such folder to who wants to make it, as `/proc` does.
 * @throws what the file system says.
 */
export async function makeFolder(path: string, above = true): Promise<void> {
  const failure = await mkdir(path).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  )
  if (failure === null || (await stat(path).catch(() => null))?.isDirectory()) return
  const parent = dirname(path)
  if (!above || failure.code !== "ENOENT" || parent === path) throw failure
  await makeFolder(parent)
  await makeFolder(path, false)
}
