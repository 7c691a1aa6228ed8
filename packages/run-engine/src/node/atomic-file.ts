import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { makeFolder } from "./folder.ts"

/**
 * Replaces a file's content at once: a reader, or a process after a crash, finds the old content or the new, never a
 * part. The content is on the disk when this returns.
 */
export function replaceFile(path: string, text: string): void {
  makeFolder(dirname(path))
  const temporary = `${path}.${process.pid}.tmp`
  const file = openSync(temporary, "w", 0o644)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } catch (error) {
    closeSync(file)
    unlinkSync(temporary)
    throw error
  }
  closeSync(file)
  try {
    renameSync(temporary, path)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  }
  syncFolder(dirname(path))
}

/** The rename itself is on the disk only when the folder is; not every system can sync a folder. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r")
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch {
    // Windows
  }
}
