import type { SpoolEntry } from "../../spool/index.ts"
import type { Command, Invocation } from "../command.ts"
import { type Columns, showJson, showRows, when } from "../output.ts"
import { UsageError } from "../terminal.ts"

const columns: Columns<SpoolEntry> = [
  ["id", row => row.id],
  ["since", row => when(row.time)],
  ["what", row => row.what],
  ["bytes", row => row.bytes],
  ["refused", row => row.refused],
  ["last error", row => row.lastError ?? ""],
]

export const spool: Command = {
  usage: "spool list | send | drop ID …",
  what: "work that waits on disk for DM: see it, send it, give it up",
  async run(invocation) {
    const [verb = "list", ...ids] = invocation.words
    if (verb !== "drop" && ids.length > 0) throw new UsageError(`what is "${ids[0]}"?`)
    if (verb === "list") {
      showRows(
        invocation,
        await invocation.spool.list(),
        columns,
        `nothing waits in ${invocation.spool.directory}`,
      )
      return 0
    }
    if (verb === "send") return await send(invocation)
    if (verb !== "drop") throw new UsageError(`"${verb}" is none of list, send, drop`)
    if (ids.length === 0) throw new UsageError("drop which items?")
    for (const id of ids) await invocation.spool.drop(id)
    return 0
  },
}

/** 0: nothing waits any more. 1: DM refused something. 3: DM is away, or another program is sending. */
async function send(invocation: Invocation): Promise<number> {
  const { spool, client, terminal } = invocation
  const report = await spool.send(client, { signal: terminal.interrupt })
  const { sent, waiting, refused, busy } = report
  if (invocation.json) showJson(invocation, report)
  else {
    for (const { what } of sent) terminal.out(`sent: ${what}\n`)
    for (const { what, lastError } of waiting) terminal.err(`waits: ${what}: ${lastError}\n`)
    for (const { what, lastError } of refused) terminal.err(`refused: ${what}: ${lastError}\n`)
    if (busy) terminal.err(`another program is sending from ${spool.directory}\n`)
    else if (sent.length + waiting.length + refused.length === 0)
      terminal.err(`nothing waits in ${spool.directory}\n`)
  }
  return refused.length > 0 ? 1 : waiting.length > 0 || busy ? 3 : 0
}
