import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import type { Doc } from "./documents.ts"
import { DmSimError } from "./errors.ts"
import { type FrameCentre, frameCentres, scannedMotor } from "./frame-centres.ts"
import type { CommandRule, StageContext } from "./processing/commands.ts"

export interface DemoWorkflowOptions {
  /** Default `centre-of-mass`. */
  readonly name?: string
  /** Default: the account that adds it. */
  readonly owner?: string
  /** This stage ends with exit status 1 and a reason on stderr. */
  readonly failStage?: DemoStage
  /** s that each stage takes, default 0.4. */
  readonly stageSeconds?: number
  /**
   * What is found in the data file: numbers, of which `center` and `sum` become keys of the job, and whatever else the
   * result file is to hold. Default: see `centreOfMass`.
   */
  readonly analyze?: (path: string) => Promise<object>
}

export const demoStages = ["01-START", "02-ANALYZE", "03-STORE"] as const
export type DemoStage = (typeof demoStages)[number]

/**
 * A workflow that really works on the data: its second stage reads the run's data file (`filePath`), frames in HDF5 or
 * columns of text, and its third writes what was found as `<file>.result.json` into the analysis directory of the experiment (`experimentName`).
 * Give both parts to `startDmService`: `workflows: [demo.workflow], commands: demo.commands`.
 */
export function demoWorkflow(options: DemoWorkflowOptions = {}): { workflow: Doc; commands: CommandRule[] } {
  const name = options.name ?? "centre-of-mass"
  const seconds = options.stageSeconds ?? 0.4
  const analyze = options.analyze ?? centreOfMass
  const workflow: Doc = {
    name,
    description: "Reads the data file of a run and stores what it finds",
    ...(options.owner === undefined ? {} : { owner: options.owner }),
    stages: {
      "01-START": { command: "/bin/date +%s", outputVariableRegexList: ["(?P<analysisStart>\\d+)"] },
      "02-ANALYZE": {
        command: "/opt/analysis/centre-of-mass --input $filePath",
        outputVariableRegexList: ["center=(?P<center>\\S+)", "sum=(?P<sum>\\S+)"],
      },
      "03-STORE": { command: "/opt/analysis/store --center $center --sum $sum --job $id" },
    },
  }
  const results = new Map<string, object>()
  const rule = (stage: DemoStage, work: (context: StageContext) => Promise<string>): CommandRule => ({
    workflow: name,
    stage,
    play: async context => {
      await context.sleep(seconds)
      if (options.failStage === stage) {
        return { exitStatus: 1, stdErr: `${stage}: failed on request\nno result was written\n` }
      }
      return { stdOut: await work(context) }
    },
  })
  const commands = [
    rule("01-START", async context => `${Math.floor(context.time())}\n`),
    rule("02-ANALYZE", async context => {
      const found = await analyze(await context.inputFile())
      results.set(context.jobId, found)
      return Object.entries(found)
        .filter(([, value]) => typeof value === "number")
        .map(([key, value]) => `${key}=${value}\n`)
        .join("")
    }),
    rule("03-STORE", async context => {
      const file = `${basename(context.variables.filePath ?? "data")}.result.json`
      const result = { job: context.jobId, input: context.variables.filePath, ...results.get(context.jobId) }
      results.delete(context.jobId)
      return `${await context.store(file, `${JSON.stringify(result, null, 2)}\n`)}\n`
    }),
  ]
  return { workflow, commands }
}

/** What the demo's analysis finds. */
export interface CentreOfMass {
  /** Position of the scanned motor, weighted with the counts; of frames without a motor, the column. */
  readonly center: number
  /** All counts. */
  readonly sum: number
  /** Lines or frames. */
  readonly points: number
  /** Name of the scanned motor, where the file says it. */
  readonly motor?: string
  /** Each frame's own centre, in pixels. */
  readonly frames?: readonly FrameCentre[]
}

/**
 * Centre of mass of a file. Of an HDF5 file with frames: each frame's own, and of the motor whose positions the detector
 * has stored with them, weighted with the counts above the lowest frame. Of any other, a text file with numbers in columns (blanks, tabs
 * or commas between them): the first column is the position, the last one the weight. Lines that do not begin with a
 * number, such as a heading, are left out.
 * @throws DmSimError when there is nothing to weigh.
 */
export async function centreOfMass(path: string): Promise<CentreOfMass> {
  return /\.(h5|hdf5?|nxs)$/i.test(path) ? await ofFrames(path) : await ofColumns(path)
}

async function ofFrames(path: string): Promise<CentreOfMass> {
  const found = await frameCentres(path)
  const { frames } = found
  const motor = scannedMotor(found)
  const positions = motor === undefined ? undefined : found.positions.get(motor)
  const lowest = positions === undefined ? 0 : Math.min(...frames.map(frame => frame.sum))
  const weighted = frames.map(({ x, sum }, i) => [positions?.[i] ?? x, sum - lowest] as const)
  const { center, points } = weigh(path, weighted)
  const sum = frames.reduce((total, frame) => total + frame.sum, 0)
  return { center, sum, points, ...(motor === undefined ? {} : { motor }), frames }
}

async function ofColumns(path: string): Promise<CentreOfMass> {
  const columns: (readonly [position: number, weight: number])[] = []
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const numbers = line
      .trim()
      .split(/[\s,]+/)
      .map(Number)
    const [position, weight] = [numbers[0], numbers.at(-1)]
    if (numbers.length < 2 || position === undefined || weight === undefined) continue
    if (Number.isFinite(position) && Number.isFinite(weight)) columns.push([position, weight])
  }
  return weigh(path, columns)
}

function weigh(
  path: string,
  columns: readonly (readonly [position: number, weight: number])[],
): CentreOfMass {
  let [moment, sum] = [0, 0]
  for (const [position, weight] of columns) {
    moment += position * weight
    sum += weight
  }
  if (columns.length === 0) throw new DmSimError("DM_SIM_NO_DATA", `${path} holds no columns of numbers`)
  if (sum === 0)
    throw new DmSimError("DM_SIM_NO_DATA", `${path} has no counts: the centre of mass is undefined`)
  return { center: moment / sum, sum, points: columns.length }
}
