/** A program that starts a job for a file, says its id, and waits for its end. Configured by the environment. */
import { DM_WorkflowConnector, DmClient, dmConfig } from "../../src/index.ts"

const client = new DmClient(dmConfig.fromEnvironment())
const connector = new DM_WorkflowConnector({ name: "dm_workflow", client, workflow: "count-lines" })
const status = connector.startWorkflow({ args: { filePath: process.argv[2] ?? "" }, timeout: 60 })
connector.jobId.subscribe(({ value }) => {
  if (value !== "not_run") process.stdout.write(`${value}\n`)
})
await status
