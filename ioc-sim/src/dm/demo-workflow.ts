import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import type { Doc } from "./documents.ts"
import { DmSimError } from "./errors.ts"
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
  /** Numbers from the data file. Default: centre of mass of two columns, see `centreOfMass`. */
  readonly analyze?: (path: string) => Promise<Readonly<Record<string, number>>>
}

export const demoStages = ["01-START", "02-ANALYZE", "03-STORE"] as const
export type DemoStage = (typeof demoStages)[number]

/**
 * A workflow that really works on the data: its second stage reads the run's data file (`filePath`), and its third
 * writes what was found as `<file>.result.json` into the analysis directory of the experiment (`experimentName`).
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
  const results = new Map<string, Readonly<Record<string, number>>>()
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

/**
 * Centre of mass of a text file with numbers in columns (blanks, tabs or commas between them): the first column is
 * the position, the last one the weight. Lines that do not begin with a number, such as a heading, are left out.
 * @throws DmSimError when there is nothing to weigh.
 */
export async function centreOfMass(path: string): Promise<{ center: number; sum: number; points: number }> {
  let moment = 0
  let sum = 0
  let points = 0
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const numbers = line
      .trim()
      .split(/[\s,]+/)
      .map(Number)
    const [position, weight] = [numbers[0], numbers.at(-1)]
    if (numbers.length < 2 || position === undefined || weight === undefined) continue
    if (!Number.isFinite(position) || !Number.isFinite(weight)) continue
    moment += position * weight
    sum += weight
    points++
  }
  if (points === 0) throw new DmSimError("DM_SIM_NO_DATA", `${path} holds no columns of numbers`)
  if (sum === 0)
    throw new DmSimError("DM_SIM_NO_DATA", `${path} has no counts: the centre of mass is undefined`)
  return { center: moment / sum, sum, points }
}
