/**
 * Devices: ours beside ophyd and ophyd-async, on the same genuine softIoc, each measurement in a fresh process, taken
 * in turn.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startSoftIoc } from "@ophyd-ts/ioc-sim"
import { type BenchOptions, type BenchRow, compare } from "./bench.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const peers = ["ophyd", "ophyd-async"] as const
type Library = "ours" | (typeof peers)[number]

/** Runs one measurement and returns what it prints; undefined when the library is not there or cannot do it. */
async function measure(
  library: Library,
  mode: string,
  prefix: string,
  env: Record<string, string>,
): Promise<unknown> {
  const python = join(here("../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
  const node = ["--import", "tsx", "--conditions=@ophyd-ts/source", "--expose-gc"]
  const [command, args] =
    library === "ours"
      ? [process.execPath, [...node, here("./devices/ours.ts"), mode, prefix]]
      : [python, [here("./peers/devices.py"), library, mode, prefix]]
  try {
    const { stdout } = await promisify(execFile)(command, args, {
      env: { ...process.env, ...env },
      timeout: 180_000,
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null")
  } catch (error) {
    console.error(`${library} ${mode}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`)
    return undefined
  }
}

interface Figure {
  mode: string
  lines: { name: string; unit: string; part?: string }[]
}

const connected = (count: string): Figure["lines"] => [
  { name: `connect ${count} signals`, unit: "s", part: "seconds" },
  { name: `process grows per signal of ${count}`, unit: "B", part: "bytes" },
  { name: `memory held per signal of ${count}`, unit: "B", part: "held" },
]

const figures: Figure[] = [
  { mode: "connect-1000", lines: connected("1,000") },
  { mode: "connect-5000", lines: connected("5,000") },
  { mode: "read-50", lines: [{ name: "read 50 unmonitored signals", unit: "1/s" }] },
  { mode: "set", lines: [{ name: "set with completion", unit: "1/s" }] },
  { mode: "soft", lines: [{ name: "set and read a soft signal", unit: "1/s" }] },
]

const COUNT = 5000

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const prefix = "bench:"
  const text = Array.from(
    { length: COUNT },
    (_, i) => `record(ao, "${prefix}r${i}") { field(PINI, "YES") }`,
  ).join("\n")
  await using ioc = await startSoftIoc({ text })
  const env = {
    ...ioc.clientEnvironment(),
    EPICS_CA_NAME_SERVERS: `127.0.0.1:${ioc.ports.ca}`,
    EPICS_CA_ADDR_LIST: "",
    EPICS_CA_AUTO_ADDR_LIST: "NO",
  }
  const rows: BenchRow[] = []
  for (const { mode, lines } of figures) {
    const results: Record<Library, unknown[]> = { ours: [], ophyd: [], "ophyd-async": [] }
    for (let i = 0; i < samples; i += 1) {
      for (const library of ["ours", ...peers] as const) {
        const result = await measure(library, mode, prefix, env)
        if (result !== undefined) results[library].push(result)
      }
    }
    for (const { name, unit, part } of lines) {
      const values = (library: Library): number[] =>
        results[library]
          .map(result => (part === undefined ? result : (result as Record<string, unknown>)[part]))
          .filter(value => typeof value === "number")
      for (const peer of peers) rows.push(compare(name, unit, values("ours"), values(peer), peer))
    }
  }
  return rows
}
