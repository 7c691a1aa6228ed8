/**
 * Channel Access: our client beside those that a Python user has, pyepics and aioca (both on libca), on the same
 * genuine softIoc and the same bare server, each measurement in a fresh process, taken in turn.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startSoftIoc } from "@ophyd-ts/ioc-sim"
import type { BenchOptions, BenchRow } from "./bench.ts"
import { compare } from "./bench.ts"
import { database } from "./ca/database.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const tsx = ["--import", "tsx", "--conditions=@ophyd-ts/source", "--expose-gc"]
const peers = ["pyepics", "aioca"] as const
type Client = "ours" | (typeof peers)[number]
const everybody: readonly Client[] = ["ours", ...peers]
type Environment = Readonly<Record<string, string>>

/** Runs one measurement and returns what it prints; undefined when the client can not do it. */
async function measure(client: Client, mode: string, prefix: string, env: Environment): Promise<unknown> {
  const python = join(here("../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
  const [command, args] =
    client === "ours"
      ? [process.execPath, [...tsx, here("./ca/ours.ts"), mode, prefix]]
      : [python, [here("./peers/ca.py"), client, mode, prefix]]
  try {
    const { stdout } = await promisify(execFile)(command, args, {
      env: { ...process.env, ...env },
      timeout: 40_000,
      killSignal: "SIGKILL",
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null")
  } catch (error) {
    console.error(`${client} ${mode}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`)
    return undefined
  }
}

/** One line of the table: which measurement, which part of its result, and what it is called. */
interface Figure {
  mode: string
  server: "softIoc" | "bare"
  /** Which clients; all when absent. */
  clients?: readonly Client[]
  lines: { name: string; unit: string; part?: string }[]
}

const figures: Figure[] = [
  {
    mode: "connect-1000",
    server: "softIoc",
    lines: [{ name: "connect 1,000 channels", unit: "s", part: "seconds" }],
  },
  {
    mode: "connect-10000",
    server: "softIoc",
    lines: [{ name: "connect 10,000 channels", unit: "s", part: "seconds" }],
  },
  { mode: "get", server: "softIoc", lines: [{ name: "get, one after the other", unit: "1/s" }] },
  {
    mode: "put",
    server: "softIoc",
    lines: [{ name: "put with completion, one after the other", unit: "1/s" }],
  },
  { mode: "get-bulk", server: "softIoc", lines: [{ name: "get, 1,000 in flight", unit: "1/s" }] },
  { mode: "array", server: "softIoc", lines: [{ name: "get of 1 M doubles", unit: "MB/s" }] },
  {
    mode: "monitor",
    server: "softIoc",
    // aioca's event loop gets no turn any more and never reports.
    clients: ["ours", "pyepics"],
    lines: [
      { name: "monitor of a free-running record", unit: "1/s", part: "rate" },
      { name: "  processor time per update", unit: "µs", part: "cpuPerUpdate" },
      { name: "  updates lost", unit: "", part: "lost" },
    ],
  },
  {
    mode: "memory",
    server: "bare",
    clients: ["ours"],
    lines: [{ name: "resident memory per channel", unit: "B" }],
  },
  {
    mode: "latency",
    server: "softIoc",
    lines: [
      { name: "latency of a get, median", unit: "µs", part: "p50" },
      { name: "latency of a get, 99th percentile", unit: "µs", part: "p99" },
    ],
  },
  { mode: "flood", server: "bare", lines: [{ name: "monitor of a flood", unit: "1/s", part: "rate" }] },
  { mode: "get-bulk", server: "bare", lines: [{ name: "get, 1,000 in flight, bare server", unit: "1/s" }] },
  { mode: "flood-array", server: "bare", lines: [{ name: "get of 1 M doubles, bare server", unit: "MB/s" }] },
]

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const prefix = "bench:"
  await using ioc = await startSoftIoc({ text: database(prefix) })
  await using bare = await startBareServer()
  const servers: Record<Figure["server"], Environment> = {
    softIoc: {
      ...ioc.clientEnvironment(),
      EPICS_CA_NAME_SERVERS: `127.0.0.1:${ioc.ports.ca}`,
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    },
    bare: {
      EPICS_CA_NAME_SERVERS: `127.0.0.1:${bare.port}`,
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    },
  }
  const rows: BenchRow[] = []
  for (const { mode, server, lines, clients = everybody } of figures) {
    // A record that runs freely takes a whole processor, so it does so only while it is watched.
    ioc.shell(`dbpf "${prefix}run" ${mode === "monitor" ? 1 : 0}`)
    if (mode === "monitor") ioc.shell(`dbpf "${prefix}free.PROC" 1`)
    const results: Record<Client, unknown[]> = { ours: [], pyepics: [], aioca: [] }
    for (let i = 0; i < samples; i += 1) {
      for (const client of clients) {
        const result = await measure(client, mode, prefix, servers[server])
        if (result !== undefined) results[client].push(result)
      }
    }
    for (const { name, unit, part } of lines) {
      const values = (client: Client): number[] =>
        results[client]
          .map(result => (part === undefined ? result : (result as Record<string, unknown>)[part]))
          .filter(value => typeof value === "number")
      const others = peers.filter(peer => clients.includes(peer))
      for (const peer of others) rows.push(compare(name, unit, values("ours"), values(peer), peer))
      if (others.length === 0) rows.push(compare(name, unit, values("ours"), null, "-"))
    }
  }
  return rows
}

interface BareServer extends AsyncDisposable {
  readonly port: number
}

async function startBareServer(): Promise<BareServer> {
  const child: ChildProcess = spawn(process.execPath, [...tsx, here("./ca/flood-server.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string]
  return {
    port: Number(line),
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, "exit")
      child.stdin?.end()
      await gone
    },
  }
}
