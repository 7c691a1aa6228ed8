import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type CommandRule, type DmServiceOptions, startDmService } from "@ophyd-ts/ioc-sim"
import { DocumentRules, RunEngine } from "@ophyd-ts/run-engine"
import { onTestFinished } from "vitest"
import {
  DM_WorkflowConnector,
  DmClient,
  type DmSettings,
  type WorkflowConnectorOptions,
} from "../../src/index.ts"

export const experiment = "tomo-2026-1"
export const owner = "s255user"

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "ophyd-ts-dm-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const stages = {
  "01-START": { command: "/bin/date +%s" },
  "02-COUNT": { command: "/usr/bin/wc -l $filePath" },
  "03-NOTE": { command: "/bin/echo $id" },
}

/** What the second stage of `count-lines` does. */
export const second = (play: CommandRule["play"]): CommandRule => ({ stage: "02-COUNT", play })

/**
 * A simulated service in quick motion, a client, an engine whose documents are held to their rules, and connectors that
 * poll often.
 */
export async function setUp(options: Partial<DmServiceOptions> = {}, settings: DmSettings = {}) {
  const sim = await startDmService({
    dataRoot: await temporaryDirectory(),
    experiments: [{ name: experiment }],
    workflows: [{ name: "count-lines", stages }],
    commands: [second({ stdOut: "12 lines\n" })],
    ...options,
    timing: { pending: 0.02, finalizing: 0.02, command: 0.02, poll: 0.05, ...options.timing },
  })
  const dm = new DmClient(sim.config(settings))
  const connectors: DM_WorkflowConnector[] = []
  const connect = (more: Partial<WorkflowConnectorOptions> = {}) => {
    const connector = new DM_WorkflowConnector({
      name: "dm_workflow",
      client: dm,
      workflow: "count-lines",
      workflowArgs: { filePath: "/dev/null" },
      longestPause: 0.2,
      ...more,
    })
    connector.pollingPeriod.set(0.02)
    connectors.push(connector)
    return connector
  }
  onTestFinished(async () => {
    await Promise.all(connectors.map(connector => connector.stop()))
    dm.close()
    await sim.close()
    rules.finish()
    if (sim.control.problems.length > 0)
      throw new AggregateError(sim.control.problems, "the service had faults")
  })
  const RE = new RunEngine()
  const rules = new DocumentRules()
  RE.subscribe(rules.subscriber, { strict: true })
  return { sim, dm, connect, RE }
}
