import { closeSync, openSync, renameSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type RunStart, runRouter, type Subscriber } from "@ophyd-ts/run-engine"

export const dataFileName = (runUid: string): string => `scan-${runUid.slice(0, 8)}.dat`

/**
 * Writes each run as columns of text: what was scanned first, then what was measured. While the run is open the file
 * ends in `.part`, so that nobody copies half a scan; each point is handed to the system before the plan goes on.
 */
export function dataFileWriter(directory: string): Subscriber {
  return runRouter(start => {
    const path = join(directory, dataFileName(start.uid))
    const file = openSync(`${path}.part`, "w")
    let columns: string[] | null = null
    return (name, doc) => {
      if (name === "descriptor" && doc.name === "primary" && columns === null) {
        columns = columnsOf(
          start,
          Object.values(doc.hints).flatMap(hints => hints.fields ?? []),
        )
        writeSync(file, `# ${columns.join(" ")}\n`)
      } else if (name === "event" && columns !== null) {
        const { data } = doc
        writeSync(file, `${columns.map(column => data[column]).join(" ")}\n`)
      } else if (name === "stop") {
        closeSync(file)
        renameSync(`${path}.part`, path)
      }
    }
  })
}

function columnsOf(start: RunStart, hinted: readonly string[]): string[] {
  const scanned = (start.hints?.dimensions ?? []).flatMap(([fields]) => fields)
  return [...new Set([...scanned, ...hinted])]
}
