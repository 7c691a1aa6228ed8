import { TestClock } from "@ophyd-ts/core/testing"
import { DM_WorkflowConnector, dmErrorBehind, type WorkflowConnectorOptions } from "../../src/index.ts"
import { FakeProcessing, turn } from "./fake-processing.ts"

/** A connector on a clock that the test turns, and a DM that does what the test says. */
export function setUp(options: Partial<WorkflowConnectorOptions> = {}) {
  const dm = new FakeProcessing()
  const clock = new TestClock()
  const reports: string[] = []
  const connector = new DM_WorkflowConnector({
    name: "dm_workflow",
    client: dm,
    clock,
    workflow: "count-lines",
    write: text => reports.push(text),
    ...options,
  })
  /** Turns the clock in small steps, so that everything that falls due sees its own time. */
  const pass = async (seconds: number, step = 0.5) => {
    for (let at = 0; at < seconds; at += step) {
      clock.advance(Math.min(step, seconds - at))
      await turn()
    }
  }
  const value = async (name: string) =>
    ((await connector.read())[`dm_workflow_${name}`] as { value: unknown }).value
  return { dm, clock, reports, connector, pass, value }
}

/** The error of a status that has to have failed. */
export const errorOf = (status: { error: Error | null }) => dmErrorBehind(status.error)
