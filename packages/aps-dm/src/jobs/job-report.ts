import { childrenOf, type DmChildProcess, type DmJob, localStates, stageOrder } from "../wire/index.ts"
import { jobState } from "./job-state.ts"
import { oneLine, textTable } from "./table.ts"

const headings = ["stage_id", "process", "processTime", "status", "runTime", "exitStatus", "stdOut", "stdErr"]

/** One line: who, workflow, job, status, stage with its position, seconds since the start. */
export function conciseReport(name: string, workflow: string, job: DmJob | null, elapsed: number): string {
  const time = `${elapsed.toFixed(1)} s`
  if (job === null) return `${name}: workflow ${workflow}, starting, ${time}`
  const { status, stage, stageIndex, stageCount } = jobState(job)
  const position = stageIndex > 0 ? ` (${stageIndex} of ${stageCount})` : ""
  return `${name}: workflow ${workflow}, job ${shortId(job)}, ${status}, stage ${stage}${position}, ${time}`
}

/** A heading and a row for each command of each stage; a stage without commands gets a row of its own. */
export function stageTable(job: DmJob, options: { elapsed?: number; truncate?: number } = {}): string {
  const { elapsed, truncate = 40 } = options
  const { workflow } = job
  const title = [
    workflow?.description ?? "",
    `workflow ${workflow?.name ?? localStates.notAvailable}, job ${shortId(job)}, ${jobState(job).status}`,
    ...(elapsed === undefined ? [] : [`${elapsed.toFixed(1)} s`]),
  ].filter(part => part !== "")
  const rows = stageOrder(workflow).flatMap(id => {
    const stage = workflow?.stages?.[id]
    const children = childrenOf(stage)
    if (children.length === 0) return [[id, "", "", stage?.status ?? "", "", "", "", ""]]
    return children.map(child => [id, ...childCells(child, truncate)])
  })
  return `${oneLine(title.join(": "))}\n${textTable(headings, rows)}`
}

function childCells(child: DmChildProcess, truncate: number): string[] {
  const { submitTime = 0, endTime = submitTime, runTime, exitStatus } = child
  return [
    `${child.childProcessNumber ?? ""}`,
    Math.min(Math.max(endTime - submitTime, 0), 999_999).toFixed(3),
    child.status ?? "",
    runTime === undefined ? "" : runTime.toFixed(4),
    exitStatus === undefined ? "" : `${exitStatus}`,
    cut(child.stdOut ?? "", truncate),
    cut(child.stdErr ?? "", truncate),
  ]
}

/** What the commands of a stage wrote to stdout, trimmed, in the order of submission. */
export const stageOutputs = (job: DmJob, stage: string): string[] =>
  childrenOf(job.workflow?.stages?.[stage]).map(child => (child.stdOut ?? "").trim())

/** First eight characters, as people quote it. */
export const shortId = (job: DmJob): string => job.id?.slice(0, 8) ?? localStates.notAvailable

const cut = (text: string, length: number): string => {
  const line = oneLine(text).trim().replace(/\s+/g, " ")
  return line.length <= length ? line : `${line.slice(0, Math.max(length - 1, 0))}…`
}
