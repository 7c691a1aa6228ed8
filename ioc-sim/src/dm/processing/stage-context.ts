import { mkdir, stat, writeFile } from "node:fs/promises"
import { dirname, isAbsolute, join } from "node:path"
import { insidePath } from "../catalog/files.ts"
import type { Doc } from "../documents.ts"
import { DmSimError } from "../errors.ts"
import { placesOf } from "../experiments.ts"
import type { Task } from "../time/tasks.ts"
import type { StageContext } from "./commands.ts"
import type { ProcessingContext } from "./job-run.ts"
import type { StageRequest } from "./stage-run.ts"
import { substitute, type Variables } from "./variables.ts"

/** What the function that plays one child's command gets. */
export function stageContext(
  context: ProcessingContext,
  request: StageRequest,
  child: { task: Task; variables: Variables; repeat: number },
): StageContext {
  const { task, variables, repeat } = child
  const { job, id, workflow, stage } = request
  const experimentName = variables.experimentName ?? variables.experiment
  const experiment = (): Doc => {
    if (experimentName !== undefined) return context.experiments.byName(experimentName)
    throw new DmSimError(
      "DM_SIM_NO_EXPERIMENT",
      "the job has neither the argument experimentName nor experiment",
    )
  }
  return {
    jobId: String(job.id),
    workflow: String(workflow.name),
    stage: id,
    command: substitute(String(stage.command), variables),
    variables,
    repeat,
    signal: task.signal,
    time: task.time,
    sleep: task.sleep,
    outside: task.outside,
    async inputFile() {
      const path = variables.filePath ?? ""
      if (isAbsolute(path)) return path
      const places = placesOf(experiment())
      for (const place of [places.data, places.analysis, places.storage]) {
        const candidate = join(place, insidePath(path, "filePath"))
        const found = await stat(candidate).catch(() => undefined)
        if (found?.isFile() === true) return candidate
      }
      throw new DmSimError("DM_SIM_NO_INPUT", `file ${path} of experiment ${experimentName} does not exist`)
    },
    async store(path, contents) {
      const owner = experiment()
      const target = join(placesOf(owner).analysis, insidePath(path, "result path"))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, contents)
      await context.files.add(owner, target)
      return target
    },
  }
}
