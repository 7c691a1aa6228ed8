import { type Doc, flagIn, optionalTextIn } from "../documents.ts"
import { wildcard } from "../wildcard.ts"

const list = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map(t => t.trim())
    .filter(t => t !== "")

/** Which files of a directory a DAQ or upload takes, by their path relative to it. */
export function fileFilter(info: Readonly<Doc>): (path: string) => boolean {
  const where = "taskInfo"
  const skip = list(optionalTextIn(info, "skipFilePathPattern", where)).map(wildcard)
  const only = list(optionalTextIn(info, "filePathPattern", where)).map(wildcard)
  const extensions = (key: string) =>
    list(optionalTextIn(info, key, where)).map(e => (e.startsWith(".") ? e : `.${e}`))
  const included = extensions("includeFileExtensions")
  const excluded = extensions("excludeFileExtensions")
  const hidden = flagIn(info, "processHiddenFiles")
  return path =>
    (hidden || !path.split("/").some(part => part.startsWith("."))) &&
    !skip.some(fits => fits(path)) &&
    (only.length === 0 || only.some(fits => fits(path))) &&
    (included.length === 0 || included.some(e => path.endsWith(e))) &&
    !excluded.some(e => path.endsWith(e))
}
