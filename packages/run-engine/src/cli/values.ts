import { UsageError } from "./command-line.ts"

/** Devices by the name under which the operator knows them. */
export type Devices = ReadonlyMap<string, object>

/** Numbers as people write them and JSON does not: `.5`, `-.5`, `1.` */
const decimal = /^[-+]?(?:\d+\.\d*|\.\d+)(?:e[-+]?\d+)?$/i

/** What a word of the command line stands for: JSON, else a number, a device, a list of such, else the text itself. */
export function valueOfWord(text: string, devices: Devices): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // No JSON.
  }
  if (decimal.test(text)) return Number(text)
  const inner = /^\[(.*)\]$/s.exec(text.trim())?.[1]
  if (inner !== undefined) return splitList(inner).map(item => valueOfWord(item.trim(), devices))
  return deviceOf(text, devices) ?? text
}

function deviceOf(text: string, devices: Devices): object | undefined {
  const [name = "", ...members] = text.split(".")
  let found = devices.get(name)
  if (found === undefined) return undefined
  for (const member of members) {
    const next: unknown = (found as Record<string, unknown>)[member]
    if (typeof next !== "object" || next === null) throw new UsageError(`${text}: ${name} has no "${member}"`)
    found = next
  }
  return found
}

/** At the commas that stand in no bracket and no quotes. */
function splitList(text: string): string[] {
  if (text.trim() === "") return []
  const parts = [""]
  let depth = 0
  let quoted = false
  for (const [i, char] of [...text].entries()) {
    if (char === '"' && text[i - 1] !== "\\") quoted = !quoted
    if (!quoted && "[{".includes(char)) depth++
    if (!quoted && "]}".includes(char)) depth--
    if (char === "," && depth === 0 && !quoted) parts.push("")
    else parts[parts.length - 1] += char
  }
  return parts
}
