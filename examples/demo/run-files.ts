import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { DmClient } from "@ophyd-ts/aps-dm"
import { demoStages, demoWorkflow, startDmService } from "@ophyd-ts/ioc-sim"
import { type Outcome, runProgram } from "../dm-file-based/program.ts"
import { experiment, type Stage } from "./stage.ts"
import { storedFiles, summary } from "./summary.ts"

/** `--mode files`. Gives whether all went well. */
export async function runFiles({ options, epics, prefix, folder, write }: Stage): Promise<boolean> {
  const parameterFile = "analysis.json"
  writeFileSync(join(folder("parameters"), parameterFile), '{ "method": "centre of mass" }\n')
  const failStage = demoStages[options.failStage ?? -1]
  const { workflow, commands } = demoWorkflow(failStage === undefined ? {} : { failStage })
  await using service = await startDmService({
    dataRoot: folder("dm"),
    experiments: [{ name: experiment }],
    workflows: [workflow],
    commands,
  })
  const outcome = await runProgram({
    epics,
    prefix,
    detector: options.ioc === "embedded" ? "area" : "point",
    dm: new DmClient(service.config()),
    experiment,
    workflow: String(workflow["name"]),
    dataDirectory: folder("data"),
    parameterDirectory: folder("parameters"),
    parameterFile,
    scan: { from: -2, to: 3, points: 21 },
    recordDirectory: folder("documents"),
    write,
  })
  write(summary([...lines(outcome), ...storedFiles(service, experiment)]))
  return outcome.result.exitStatus === "success"
}

function lines({ result, dm }: Outcome): [string, string][] {
  const { job } = dm.workflow
  return [
    ["run", result.runUids[0] ?? "none"],
    ["plan", result.exitStatus + (result.reason === "" ? "" : `: ${result.reason}`)],
    ["job", job?.id ?? "none"],
    ["job state", job?.status ?? "not started"],
    ...(job?.["center"] === undefined
      ? []
      : ([["centre found", `${Number(job["center"]).toFixed(3)} mm`]] as [string, string][])),
  ]
}
