import type { Plan } from "@ophyd-ts/run-engine"
import type { DM_WorkflowConnector } from "../devices/workflow-connector.ts"
import type { RunCall } from "../devices/workflow-options.ts"
import { InvalidRequest } from "../errors.ts"
import type { DmJob } from "../wire/index.ts"
import { type AwayOptions, unlessAway } from "./unless-away.ts"

export interface RunWorkflowOptions extends RunCall, AwayOptions {}

/**
 * Plan: as `connector.runAsPlan`, with a decision for the case that DM is away: the plan fails, goes on without the
 * workflow, or leaves its start to the spool. Gives the job as last seen, or null when DM was away. A job that was
 * taken although its answer was lost is not started again from the spool: both carry the same unique argument.
 * @throws into the plan: as `runAsPlan` does, and InvalidRequest when a job without unique argument is to be spooled.
 */
export function* runDmWorkflow(
  connector: DM_WorkflowConnector,
  options: RunWorkflowOptions = {},
): Plan<DmJob | null> {
  const { whenAway, spool, onProblem, ...call } = options
  const { tag, ...submission } = connector.submission(call)
  if (whenAway === "spool" && tag === null) {
    throw new InvalidRequest(
      `${connector.name}: only a job with a unique argument (tagArgument) can be spooled`,
    )
  }
  const item = () => ({ kind: "job" as const, ...submission, tag: tag ?? "" })
  // The same arguments, unique one included.
  const plan = connector.runAsPlan({ ...call, args: submission.args })
  return yield* unlessAway(plan, { whenAway, spool, onProblem, item })
}
