import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { runRouter } from "../callbacks/router.ts"
import { documentFromJson, documentToJson } from "../documents/json.ts"
import type { DocumentArgs, NamedDocument, RunStart, Subscriber } from "../documents/types.ts"
import { RunEngineError } from "../errors.ts"
import { makeFolder } from "./folder.ts"

export interface JsonLinesOptions {
  /** File of a run; default `<uid>.jsonl`. */
  fileName?: (start: RunStart) => string
}

/**
 * Writes each run to a file of its own in `folder`, one line `["name", document]` per document, each line handed to the
 * system before the next message: a killed process loses at most the line being written. Start and stop are forced to
 * the disk. Subscribe it as `strict`, so that a full disk fails the plan instead of losing data. A file that cannot be made is
 * a RunEngineError with code `RECORD`.
 */
export function jsonLinesRecorder(folder: string, options: JsonLinesOptions = {}): Subscriber {
  const fileName = options.fileName ?? (start => `${start.uid}.jsonl`)
  return runRouter(start => {
    const path = join(folder, fileName(start))
    const file = open(path, start.uid)
    return (...[name, doc]: DocumentArgs) => {
      try {
        writeSync(file, `${documentToJson([name, doc])}\n`)
        if (name === "start" || name === "stop") fsyncSync(file)
      } finally {
        if (name === "stop") closeSync(file)
      }
    }
  })
}

function open(path: string, uid: string): number {
  try {
    makeFolder(dirname(path))
    return openSync(path, "a")
  } catch (cause) {
    const { message } = cause as Error
    throw new RunEngineError("RECORD", `cannot record run ${uid} in ${path}: ${message}`, { cause })
  }
}

/** The documents of a recorded run. A last line that was cut off by a crash is left out. */
export function readJsonLines(path: string): NamedDocument[] {
  const lines = readFileSync(path, "utf8").split("\n")
  const last = lines.pop()
  const documents = lines.filter(line => line !== "").map(parse)
  if (last !== undefined && last !== "") {
    try {
      documents.push(parse(last))
    } catch {
      // The process ended while it wrote this line.
    }
  }
  return documents
}

function parse(line: string): NamedDocument {
  const [name, doc] = documentFromJson(line) as DocumentArgs
  return { name, doc } as NamedDocument
}
