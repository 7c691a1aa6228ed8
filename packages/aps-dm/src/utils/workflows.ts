import { readFile } from "node:fs/promises"
import type { DmClient } from "../client/index.ts"
import { InvalidArgument } from "../errors.ts"
import { type DmWorkflow, dmWorkflow, stageOrder } from "../wire/index.ts"

export type Processing = Pick<DmClient, "proc" | "username">

/** A workflow document from a JSON file. @throws InvalidArgument when the file holds none. */
async function readWorkflow(path: string): Promise<DmWorkflow> {
  try {
    const workflow = dmWorkflow.parse(JSON.parse(await readFile(path, "utf8")))
    if (!workflow.name) throw new Error("it has no name")
    if (stageOrder(workflow).length === 0) throw new Error("it has no stages")
    return workflow
  } catch (cause) {
    throw new InvalidArgument(`${path}: no DM workflow in JSON: ${(cause as Error).message}`, { cause })
  }
}

/** Adds the workflow of a JSON file. @throws ObjectAlreadyExists */
export const dmAddWorkflow = async (dm: Processing, path: string): Promise<DmWorkflow> =>
  dm.proc.addWorkflow(await readWorkflow(path))

/** Replaces a workflow by the one of a JSON file. */
export const dmUpdateWorkflow = async (dm: Processing, path: string): Promise<DmWorkflow> =>
  dm.proc.updateWorkflow(await readWorkflow(path))

/** A workflow of the account in use. @throws ObjectNotFound */
export const dmGetWorkflow = (dm: Processing, name: string): Promise<DmWorkflow> =>
  dm.proc.getWorkflowByName(dm.username, name)

/** Workflows of an account, default the one in use. */
export const dmListWorkflows = (dm: Processing, owner: string = dm.username): Promise<DmWorkflow[]> =>
  dm.proc.listWorkflows(owner)

/** Identifier of the stage that runs last; null when there are none. */
export const getWorkflowLastStage = (workflow: DmWorkflow): string | null =>
  stageOrder(workflow).at(-1) ?? null
