import { parseArgs } from "node:util"

export const usage = `usage: npm run demo -- [--mode files|streaming] [--ioc embedded|softioc|container]
                      [--fail stage1|stage2|stage3] [--keep FOLDER]
  --mode  files: DM's workflow processes the file after the scan (default)
          streaming: it works on the frames during the scan
  --ioc   embedded: a simulated beamline with an area detector (default)
          softioc, container: a genuine EPICS IOC; records cannot be a camera, so a point detector is scanned
  --fail  this stage of the workflow fails
  --keep  where data, documents and DM's storage stay to look at`

const modes = ["files", "streaming"] as const
const iocs = ["embedded", "softioc", "container"] as const
const stages = ["stage1", "stage2", "stage3"] as const

export interface DemoOptions {
  readonly mode: (typeof modes)[number]
  readonly ioc: (typeof iocs)[number]
  /** Position of the stage that fails, from 0; null for none. */
  readonly failStage: number | null
  readonly keep: string | null
}

/** The options, or what is wrong with them. */
export function readOptions(args: readonly string[]): DemoOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        mode: { type: "string", default: "files" },
        ioc: { type: "string", default: "embedded" },
        fail: { type: "string" },
        keep: { type: "string" },
      },
    })
    const mode = oneOf("mode", modes, values.mode)
    const ioc = oneOf("ioc", iocs, values.ioc)
    if (mode === "streaming" && ioc !== "embedded") {
      return `--mode streaming needs images over pvAccess, which the records of --ioc ${ioc} cannot serve`
    }
    const failStage = values.fail === undefined ? null : stages.indexOf(oneOf("fail", stages, values.fail))
    return { mode, ioc, failStage, keep: values.keep ?? null }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function oneOf<const T extends string>(option: string, known: readonly T[], text: string): T {
  const found = known.find(one => one === text)
  if (found === undefined) throw new Error(`--${option} is one of ${known.join(", ")}, not ${text}`)
  return found
}
