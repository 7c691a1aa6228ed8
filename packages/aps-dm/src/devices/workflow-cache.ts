import type { Plan } from "@ophyd-ts/run-engine"
import { InvalidRequest } from "../errors.ts"
import { stageOutputs } from "../jobs/job-report.ts"
import { textTable } from "../jobs/table.ts"
import { waitForWorkflows } from "../plans/wait-for-workflows.ts"
import type { DM_WorkflowConnector } from "./workflow-connector.ts"

/** Connectors by key, for plans that start several workflows. Each cache has its own. */
export class DM_WorkflowCache implements Iterable<[string, DM_WorkflowConnector]> {
  readonly #connectors = new Map<string, DM_WorkflowConnector>()

  /** @throws InvalidRequest when the key is taken. */
  defineWorkflow(key: string, connector: DM_WorkflowConnector): void {
    if (this.#connectors.has(key)) throw new InvalidRequest(`DM workflow cache: the key "${key}" is taken`)
    this.#connectors.set(key, connector)
  }

  /** @throws InvalidRequest when there is none. */
  get(key: string): DM_WorkflowConnector {
    const connector = this.#connectors.get(key)
    if (connector === undefined) throw new InvalidRequest(`DM workflow cache: there is no "${key}"`)
    return connector
  }

  [Symbol.iterator](): IterableIterator<[string, DM_WorkflowConnector]> {
    return this.#connectors.entries()
  }

  get connectors(): DM_WorkflowConnector[] {
    return [...this.#connectors.values()]
  }

  /** Plan: waits until no job is watched any more; see `waitForWorkflows`. */
  *waitWorkflows(options: { timeout?: number } = {}): Plan<DM_WorkflowConnector[]> {
    return yield* waitForWorkflows(this.connectors, options)
  }

  /** A table for people: number, process, status, run time, start, job. */
  summary(title = ""): string {
    const rows = [...this.#connectors].map(([key, { job }], i) => [
      `${i + 1}`,
      key,
      job?.status ?? "not_run",
      job?.runTime === undefined ? "" : job.runTime.toFixed(2),
      job?.startTime === undefined ? "" : new Date(job.startTime * 1000).toISOString(),
      job?.id?.slice(0, 8) ?? "",
    ])
    const table = textTable(["#", "process", "status", "runTime", "started", "id"], rows)
    return title === "" ? table : `${title}\n${table}`
  }

  /** What each workflow's stage of that name wrote to stdout, by key. */
  outputs(stage: string): Record<string, string[]> {
    return Object.fromEntries(
      [...this.#connectors].map(([key, { job }]) => [key, job === null ? [] : stageOutputs(job, stage)]),
    )
  }
}
