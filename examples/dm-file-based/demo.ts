/**
 * `npm run demo [-- --ioc softioc] [-- --fail stage2] [-- --keep FOLDER]`: the program of this folder on a simulated
 * beamline with a simulated DM service. Everything stays on this machine.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { parseArgs } from "node:util"
import { DmClient } from "@ophyd-ts/aps-dm"
import { demoStages, demoWorkflow, startBeamline, startDmService, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { type Outcome, runProgram } from "./program.ts"

const experimentName = "demo-2026-3"
const usage = "usage: npm run demo -- [--ioc embedded|softioc] [--fail stage1|stage2|stage3] [--keep FOLDER]"

async function main(): Promise<number> {
  const options = readOptions()
  if (options === null) {
    console.error(usage)
    return 2
  }
  const folder = options.keep ?? mkdtempSync(join(tmpdir(), "ophyd-ts-demo-"))
  const directory = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const parameterFile = "analysis.json"
  writeFileSync(join(directory("parameters"), parameterFile), '{ "method": "centre of mass" }\n')

  const write = (text: string): void => void process.stdout.write(text)
  try {
    const { workflow, commands } = demoWorkflow(
      options.failStage === null ? {} : { failStage: options.failStage },
    )
    await using service = await startDmService({
      dataRoot: directory("dm"),
      experiments: [{ name: experimentName }],
      workflows: [workflow],
      commands,
    })
    await using ioc = options.ioc === "softioc" ? await startSoftBeamline() : await startBeamline({ seed: 1 })
    await using epics = new CaClient(ioc.clientConfig().ca)
    write(
      `A ${options.ioc === "softioc" ? "genuine softIoc" : "simulated beamline"} and a simulated DM service are running.\n`,
    )
    const outcome = await runProgram({
      epics,
      prefix: "sim:",
      dm: new DmClient(service.config()),
      experiment: experimentName,
      workflow: String(workflow["name"]),
      dataDirectory: directory("data"),
      parameterDirectory: directory("parameters"),
      parameterFile,
      scan: { from: -2, to: 3, points: 21 },
      recordDirectory: directory("documents"),
      write,
    })
    const { storageDirectory } = await service.experiments.byName(experimentName)
    write(summary(outcome, String(storageDirectory)))
    return outcome.result.exitStatus === "success" ? 0 : 1
  } finally {
    if (options.keep === null) rmSync(folder, { recursive: true, force: true })
  }
}

interface DemoOptions {
  ioc: "embedded" | "softioc"
  failStage: (typeof demoStages)[number] | null
  keep: string | null
}

function readOptions(): DemoOptions | null {
  try {
    const { values } = parseArgs({
      options: {
        ioc: { type: "string", default: "embedded" },
        fail: { type: "string" },
        keep: { type: "string" },
      },
    })
    const { ioc, fail, keep = null } = values
    if (ioc !== "embedded" && ioc !== "softioc") return null
    if (fail === undefined) return { ioc, failStage: null, keep }
    const failStage = demoStages[["stage1", "stage2", "stage3"].indexOf(fail)]
    return failStage === undefined ? null : { ioc, failStage, keep }
  } catch {
    return null
  }
}

function summary({ result, dm }: Outcome, storage: string): string {
  const { job } = dm.workflow
  const lines = [
    ["run", result.runUids[0] ?? "none"],
    ["plan", result.exitStatus + (result.reason === "" ? "" : `: ${result.reason}`)],
    ["job", job?.id ?? "none"],
    ["job state", job?.status ?? "not started"],
    ...(job?.["center"] === undefined ? [] : [["centre found", `${Number(job["center"]).toFixed(3)} mm`]]),
    ["stored", ""],
    ...filesBelow(storage).map(file => ["", file]),
  ]
  return `\n${lines.map(([title = "", text = ""]) => `${title.padEnd(14)}${text}`.trimEnd()).join("\n")}\n`
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
