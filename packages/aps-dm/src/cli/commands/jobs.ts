import { eachJob } from "../../jobs/submit-job.ts"
import { type DmJob, isActive } from "../../wire/index.ts"
import type { Command } from "../command.ts"
import { showRows, when } from "../output.ts"

const keys = ["id", "owner", "status", "stage", "submissionTime", "startTime", "runTime", "errorMessage"]

export const jobs: Command = {
  usage: "jobs [--owner O] [--active] [--limit N]",
  what: "processing jobs of the account, newest first; default the last 20",
  options: { owner: { type: "string" }, active: { type: "boolean" }, limit: { type: "string" } },
  async run(invocation) {
    invocation.expectWords(0, 0, "")
    const { owner } = invocation
    const limit = invocation.number("limit") ?? 20
    const found: DmJob[] = []
    for await (const job of eachJob(invocation.client.proc, owner, keys, invocation.terminal.interrupt)) {
      if (found.length >= limit) break
      if (!invocation.flag("active") || isActive(job.status ?? "")) found.push(job)
    }
    showRows(
      invocation,
      found,
      [
        ["id", row => row.id],
        ["status", row => row.status],
        ["stage", row => row.stage],
        ["started", row => when(row.startTime ?? row.submissionTime)],
        ["run time", row => (row.runTime === undefined ? undefined : `${row.runTime.toFixed(1)} s`)],
        ["error", row => row.errorMessage?.slice(0, 60) ?? ""],
      ],
      `${owner} has no ${invocation.flag("active") ? "active " : ""}jobs`,
    )
    return 0
  },
}
