import type { DM_WorkflowConnector } from "../devices/workflow-connector.ts"
import { DmJobError, dmErrorBehind } from "../jobs/job-errors.ts"
import type { PlanSide } from "../streaming/plan-side.ts"

/** A job that ends without its process having finished ends the streaming, whatever way it ended. */
export function followJob(connector: DM_WorkflowConnector, side: PlanSide): void {
  const { running } = connector
  if (running === null) {
    side.fail("job", `the job has ended already: ${connector.reportStatus({ concise: true })}`)
    return
  }
  running.onDone(({ error }) => {
    const behind = dmErrorBehind(error)
    if (behind instanceof DmJobError) side.fail("job", behind.message, behind)
    else if (error === null) {
      side.fail(
        "job",
        `${connector.reportStatus({ concise: true })}, but its process never reported finished`,
      )
    }
    // A watch that was stopped says nothing about the job.
  })
}
