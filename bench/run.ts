/** `npm run bench -- NAME [--samples N] [--json FILE] [--force]`: ours beside the software a user would pick instead. */
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import os from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import type { Bench, BenchRow } from "./bench.ts"

const folder = dirname(fileURLToPath(import.meta.url))
const helpers = ["run.ts", "bench.ts"]
const names = readdirSync(folder)
  .filter(file => file.endsWith(".ts") && !helpers.includes(file))
  .map(file => file.slice(0, -3))

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: "string", default: "5" },
    json: { type: "string" },
    force: { type: "boolean" },
  },
})
const [name] = positionals
const samples = Number(values.samples)
if (
  name === undefined ||
  !existsSync(join(folder, `${name}.ts`)) ||
  !Number.isInteger(samples) ||
  samples < 1
) {
  console.error(
    `usage: npm run bench -- NAME [--samples N] [--json FILE] [--force]\n  NAME is one of: ${names.join(", ")}`,
  )
  process.exit(2)
}

const [load = 0] = os.loadavg()
if (load > os.cpus().length && !values.force) {
  console.error(`the machine is busy (load ${load.toFixed(1)}): figures would be noise. Wait, or add --force`)
  process.exit(3)
}

const format = (value: number | null): string => {
  if (value === null) return "-"
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US")
  return value.toPrecision(3)
}

function table(rows: readonly BenchRow[]): string {
  const head = ["benchmark", "unit", "ours", "peer", "peer is", "ratio", "spread"]
  const body = rows.map(row => [
    row.name,
    row.unit,
    format(row.ours),
    format(row.peer),
    row.peerName,
    row.ratio === null ? "-" : `${row.ratio.toPrecision(3)} x`,
    row.spread === undefined ? "-" : `${Math.round(row.spread * 100)} %`,
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...body.map(line => line[i]!.length)))
  const numeric = new Set([2, 3, 5, 6])
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, i) => (numeric.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(" | ")} |`
  const rule = `|${widths.map((w, i) => (numeric.has(i) ? `${"-".repeat(w + 1)}:` : "-".repeat(w + 2))).join("|")}|`
  return [line(head), rule, ...body.map(line)].join("\n")
}

const { run } = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as { run: Bench }
const cpu = os.cpus()
console.log(
  `${name}: Node ${process.versions.node}, ${cpu.length} x ${cpu[0]?.model ?? "unknown"}, ${samples} samples`,
)
const rows = await run({ samples })
console.log(table(rows))
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
process.exit(0)
