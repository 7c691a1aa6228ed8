import { bps, type Plan, WaitTimeout } from "@ophyd-ts/run-engine"
import type { DM_WorkflowConnector } from "../devices/workflow-connector.ts"
import { DmWaitTimeout } from "../errors.ts"

/**
 * Plan: waits until no connector watches a job any more, whatever way the jobs ended. Gives the connectors whose job
 * did
 * not end as done.
 * @throws into the plan: DmWaitTimeout; the jobs are watched on.
 */
export function* waitForWorkflows(
  connectors: Iterable<DM_WorkflowConnector>,
  { timeout = Number.POSITIVE_INFINITY }: { timeout?: number } = {},
): Plan<DM_WorkflowConnector[]> {
  const watching = [...connectors].filter(connector => !connector.idle)
  try {
    yield* bps.waitFor(
      watching.map(connector => () => connector.whenIdle()),
      timeout === Number.POSITIVE_INFINITY ? {} : { timeout },
    )
  } catch (cause) {
    if (!(cause instanceof WaitTimeout)) throw cause
    const late = watching
      .filter(connector => !connector.idle)
      .map(connector => connector.reportStatus({ concise: true }))
    throw new DmWaitTimeout(`workflows that have not ended within ${timeout} s: ${late.join("; ")}`, {
      cause,
    })
  }
  return watching.filter(connector => connector.job?.status !== "done")
}
