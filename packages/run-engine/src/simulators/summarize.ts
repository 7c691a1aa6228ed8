import { formatValue } from "@ophyd-ts/core"
import type { Msg, Plan } from "../messages.ts"
import { nameOf } from "../util.ts"
import { walk } from "./walk.ts"

/** What a plan would do, one line each, in plain words. No device is touched. */
export function summarizePlan(plan: Plan<unknown>): string {
  const lines: string[] = []
  let reading: string[] = []
  for (const message of walk(plan)) {
    if (message.command === "create") reading = []
    else if (message.command === "read") reading.push(nameOf(message.obj))
    else if (message.command === "save") lines.push(`  Read ${reading.join(", ")}`)
    const line = inWords(message)
    if (line !== null) lines.push(line)
  }
  return lines.join("\n")
}

function inWords(message: Msg): string | null {
  switch (message.command) {
    case "open_run":
      return `${"Open run".padStart(24, "=").padEnd(40, "=")}`
    case "close_run":
      return `${"Close run".padStart(24, "=").padEnd(40, "=")}`
    case "set":
      return `${nameOf(message.obj)} -> ${formatValue(message.args[0])}`
    case "stage":
      return `Stage ${nameOf(message.obj)}`
    case "unstage":
      return `Unstage ${nameOf(message.obj)}`
    case "configure":
      return `Configure ${nameOf(message.obj)} with ${JSON.stringify(message.args[0])}`
    case "prepare":
      return `Prepare ${nameOf(message.obj)}`
    case "kickoff":
      return `Start ${nameOf(message.obj)} flying`
    case "complete":
      return `Complete ${nameOf(message.obj)}`
    case "collect":
      return `Collect from ${nameOf(message.obj)}`
    case "monitor":
      return `Monitor ${nameOf(message.obj)}`
    case "sleep":
      return `Sleep ${message.args[0]} s`
    case "call":
      return "Call a function"
    default:
      return null
  }
}
