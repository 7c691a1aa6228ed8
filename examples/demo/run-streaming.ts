import { join } from "node:path"
import { DmClient } from "@ophyd-ts/aps-dm"
import { startDmService } from "@ophyd-ts/ioc-sim"
import { runStreamingProgram, type StreamingProgramOutcome } from "../dm-streaming/program.ts"
import { centreOfResults } from "./centre-of-results.ts"
import { experiment, type Stage } from "./stage.ts"
import { streamingWorkflow } from "./streaming-workflow.ts"
import { storedFiles, summary } from "./summary.ts"

/** `--mode streaming`. Gives whether all went well. */
export async function runStreaming(stage: Stage): Promise<boolean> {
  const { options, epics, prefix, pvaAddress, folder, write } = stage
  const { workflow, commands } = streamingWorkflow(options.failStage)
  await using service = await startDmService({
    dataRoot: folder("dm"),
    experiments: [{ name: experiment }],
    workflows: [workflow],
    commands,
  })
  const outcome = await runStreamingProgram({
    epics,
    prefix,
    data: { pv: `${prefix}ad:Pva1:Image`, address: pvaAddress },
    dm: new DmClient(service.config()),
    experiment,
    workflow: workflow.name,
    dataDirectory: folder("data"),
    scan: { from: -2, to: 3, points: 21 },
    recordDirectory: folder("documents"),
    write,
  })
  write(summary([...lines(outcome, folder("documents")), ...storedFiles(service, experiment)]))
  return outcome.result.exitStatus === "success"
}

function lines({ result, workflow }: StreamingProgramOutcome, documents: string): [string, string][] {
  const { job } = workflow
  const [run = "none"] = result.runUids
  const common: [string, string][] = [
    ["run", run],
    ["plan", result.exitStatus + (result.reason === "" ? "" : `: ${result.reason}`)],
    ["job", job?.id ?? "none"],
    ["job state", job?.status ?? "not started"],
  ]
  const { value } = result
  if (value === undefined) return common
  const { received, missed } = value.report
  const centre = centreOfResults(join(documents, `${run}.jsonl`))
  return [
    ...common,
    ["frames", `${received} taken by the workflow, ${missed} missed`],
    ["results", `${value.results} in the stream dm_results of the run`],
    ["centre found", `${centre.toFixed(3)} mm`],
  ]
}
