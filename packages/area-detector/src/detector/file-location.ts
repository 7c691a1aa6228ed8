import { formatValue, until } from "@ophyd-ts/core"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, PathError } from "../errors.ts"
import type { PathInfo } from "../paths/provider.ts"
import { replaceRoot } from "../paths/providers.ts"
import { fileUri, isAbsolute, withoutEnd } from "../paths/uri.ts"
import type { FilePlugin } from "../plugins/file.ts"
import type { Settings } from "./settings.ts"

/** Characters that the records hold, one of them for the end. */
const longestPart = 255
const longestName = 511

/** Refuses what the records cannot hold, before anything is written. */
export function checkLocation(who: string, info: PathInfo): void {
  const { directory, fileName } = info
  if (!isAbsolute(directory)) throw new PathError(who, directory, "is no absolute path")
  if (fileName === "" || /[\\/]/.test(fileName))
    throw new PathError(who, directory, `${formatValue(fileName)} is no file name`)
  if (byteLength(directory) >= longestPart) throw new PathError(who, directory, "is longer than 254 bytes")
  if (byteLength(fileName) > longestPart) throw new PathError(who, fileName, "is longer than 255 bytes")
  if (byteLength(directory) + byteLength(fileName) + 16 > longestName)
    throw new PathError(who, `${directory}/${fileName}`, "is longer than 511 bytes")
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length

/**
 * Sets a plugin's directory and makes sure that the IOC can use it. The levels to create have to be known to the IOC before
 * the directory is.
 */
export async function setDirectory(
  plugin: FilePlugin,
  settings: Settings,
  directory: string,
  levels: number,
): Promise<void> {
  const { createDirectory, filePath, filePathExists, name } = plugin
  if (isPresent(createDirectory)) await settings.write(createDirectory, -levels)
  else if (levels > 0) throw new PathError(name, directory, "this IOC creates no directories")
  const wanted = withoutEnd(directory)
  // Also when it is set already: that is what makes the IOC look whether the directory exists.
  const options = { restore: false, always: true, accept: (shown: string) => withoutEnd(shown) === wanted }
  await settings.write(filePath, directory, options)
  // The IOC shows the path and what it found there one after the other.
  const exists = until(filePathExists, true, { timeout: 1 })
  await exists.wait().catch(() => {})
  if (exists.success) return
  const created = levels > 0 ? ` and could not be created (${levels} levels)` : ""
  throw new PathError(name, directory, `does not exist on the host of the IOC${created}; ${filePath.source}`)
}

/** Writes name, template and number. */
export async function setFileName(
  plugin: FilePlugin,
  settings: Settings,
  info: PathInfo,
  extension: string,
  manyFiles: boolean,
): Promise<void> {
  const kept = { restore: false }
  const numbered = info.numbered === true || manyFiles
  await Promise.all([
    settings.write(plugin.fileName, info.fileName, kept),
    settings.write(plugin.fileTemplate, numbered ? `%s%s_%6.6d${extension}` : `%s%s${extension}`, kept),
    settings.write(plugin.autoIncrement, numbered),
    // A name that is used once begins anew; one that is used again counts on, so that nothing is written over.
    info.numbered === true ? undefined : numberFiles(plugin, settings, 0),
  ])
}

/** Sets the number of the next file. It counts on from there, so its read-back may be ahead. */
export function numberFiles(plugin: FilePlugin, settings: Settings, next: number): Promise<void> {
  return settings.write(plugin.fileNumber, next, { restore: false, always: true, accept: () => true })
}

/** The file's address for readers. Throws when the IOC does not say which file it writes. */
export function locate(who: string, fullName: string, info: PathInfo): string {
  if (fullName === "")
    throw new AreaDetectorError("WRITE_FAILED", `${who}: the IOC does not say which file it writes`)
  return fileUri(replaceRoot(fullName, info.directory, info.readDirectory ?? info.directory))
}
