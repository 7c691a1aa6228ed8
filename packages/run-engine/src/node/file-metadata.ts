import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { documentFromJson, documentToJson } from "../documents/json.ts"
import type { MetadataStore } from "../engine/metadata.ts"
import { RunEngineError } from "../errors.ts"
import { replaceFile } from "./atomic-file.ts"

/**
 * Metadata in a JSON file, so that scan ids go on after a restart. Each change replaces the file at once and is on the
 * disk when `set` returns. A leading `~` is the home folder.
 *
 * @throws RunEngineError with code `METADATA` when the file exists and is not a JSON object; `set` and `delete` when it
 *   cannot be written
 */
export function fileMetadata(path: string): MetadataStore {
  const file = path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(path)
  const md = load(file)
  const save = () => {
    try {
      replaceFile(file, `${documentToJson(Object.fromEntries(md))}\n`)
    } catch (cause) {
      const { message } = cause as Error
      throw new RunEngineError("METADATA", `cannot write the metadata file ${file}: ${message}`, { cause })
    }
  }
  return {
    get: key => md.get(key),
    set(key, value) {
      md.set(key, value)
      save()
    },
    delete(key) {
      const existed = md.delete(key)
      if (existed) save()
      return existed
    },
    toObject: () => Object.fromEntries(md),
  }
}

function load(file: string): Map<string, unknown> {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map()
    throw new RunEngineError("METADATA", `cannot read the metadata file ${file}`, { cause: error })
  }
  try {
    const content = documentFromJson(text)
    if (typeof content === "object" && content !== null && !Array.isArray(content)) {
      return new Map(Object.entries(content))
    }
    throw new Error("it holds no JSON object")
  } catch (error) {
    throw new RunEngineError(
      "METADATA",
      `the metadata file ${file} is damaged: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
}
