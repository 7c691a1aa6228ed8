import { requiredArguments } from "../../jobs/index.ts"
import { dmAddWorkflow, dmUpdateWorkflow } from "../../utils/index.ts"
import { type DmWorkflow, stageOrder } from "../../wire/index.ts"
import type { Command, Invocation } from "../command.ts"
import { showJson, showRows } from "../output.ts"
import { UsageError } from "../terminal.ts"

export const workflows: Command = {
  usage: "workflows [NAME] [--owner O] [--add FILE | --update FILE]",
  what: "workflows of the account; one with its stages and arguments; add or replace one from JSON",
  options: { owner: { type: "string" }, add: { type: "string" }, update: { type: "string" } },
  async run(invocation) {
    invocation.expectWords(0, 1, "workflow")
    const [add, update] = [invocation.text("add"), invocation.text("update")]
    if (add !== undefined && update !== undefined) throw new UsageError("--add or --update, not both")
    if (add !== undefined) return stored(invocation, await dmAddWorkflow(invocation.client, add), "added")
    if (update !== undefined)
      return stored(invocation, await dmUpdateWorkflow(invocation.client, update), "updated")
    const { owner, client, terminal } = invocation
    const signal = terminal.interrupt
    const [name] = invocation.words
    if (name !== undefined)
      return one(invocation, await client.proc.getWorkflowByName(owner, name, { signal }))
    showRows(
      invocation,
      await client.proc.listWorkflows(owner, { signal }),
      [
        ["name", row => row.name],
        ["version", row => row.version],
        ["stages", row => stageOrder(row).join(", ")],
        ["description", row => row.description],
      ],
      `${owner} has no workflows`,
    )
    return 0
  },
}

function stored(invocation: Invocation, workflow: DmWorkflow, what: string): number {
  if (invocation.json) showJson(invocation, workflow)
  else invocation.terminal.out(`workflow ${workflow.name} was ${what}, version ${workflow.version ?? "-"}\n`)
  return 0
}

function one(invocation: Invocation, workflow: DmWorkflow): number {
  if (invocation.json) {
    showJson(invocation, { ...workflow, requiredArguments: requiredArguments(workflow) })
    return 0
  }
  const { out } = invocation.terminal
  out(
    `${workflow.name} of ${workflow.owner}, version ${workflow.version ?? "-"}: ${workflow.description ?? ""}\n`,
  )
  out(`needs: ${requiredArguments(workflow).join(", ") || "no arguments"}\n`)
  const rows = stageOrder(workflow).map(id => ({ id, stage: workflow.stages?.[id] }))
  showRows(
    invocation,
    rows,
    [
      ["stage", row => row.id],
      ["command", row => row.stage?.command],
      ["run if", row => row.stage?.runIf],
    ],
    "no stages",
  )
  return 0
}
