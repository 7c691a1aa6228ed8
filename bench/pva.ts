/**
 * pvAccess: our client beside p4p (the C++ library pvxs under Python), on the same genuine IOC and the same bare
 * server, each measurement in a fresh process, taken in turn.
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
type Client = "ours" | "p4p"
type Environment = Readonly<Record<string, string>>

/** Runs one measurement and returns what it prints; undefined when the client can not do it. */
async function measure(client: Client, mode: string, prefix: string, env: Environment): Promise<unknown> {
  const python = join(here("../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
  const [command, args] =
    client === "ours"
      ? [process.execPath, [...tsx, here("./pva/ours.ts"), mode, prefix]]
      : [python, [here("./peers/pva.py"), mode, prefix]]
  try {
    const { stdout } = await promisify(execFile)(command, args, {
      env: { ...process.env, ...env },
      timeout: 120_000,
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null")
  } catch (error) {
    console.error(`${client} ${mode}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`)
    return undefined
  }
}

/** One measurement and the lines of the table that come of it. */
interface Figure {
  mode: string
  server: "softIoc" | "scanned" | "bare"
  /** The peer's measurement, where it has another name. */
  peerMode?: string
  /** Another measurement of ours to stand in the peer's column. */
  against?: { mode: string; name: string }
  alone?: boolean
  lines: { name: string; unit: string; part?: string }[]
}

const stream = (name: string): Figure["lines"] => [
  { name, unit: "1/s", part: "rate" },
  { name: "  processor time per update", unit: "µs", part: "cpuPerUpdate" },
]

const figures: readonly Figure[] = [
  {
    mode: "connect-1000",
    server: "softIoc",
    lines: [{ name: "connect 1,000 channels, get each", unit: "s" }],
  },
  {
    mode: "connect-10000",
    server: "softIoc",
    lines: [{ name: "connect 10,000 channels, get each", unit: "s" }],
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
    mode: "memory",
    server: "softIoc",
    alone: true,
    lines: [{ name: "heap per monitored scalar", unit: "B" }],
  },
  { mode: "flood", server: "bare", lines: stream("monitor of a flood of scalars") },
  {
    mode: "scanned",
    server: "scanned",
    lines: stream("monitor of 2,000 records, scanned 10 times a second"),
  },
  { mode: "image", server: "bare", lines: stream("monitor of images, 1024 × 1024 × 16 bit") },
  {
    mode: "image",
    server: "bare",
    against: { mode: "bare-socket", name: "a bare socket" },
    lines: [{ name: "  the same", unit: "1/s", part: "rate" }],
  },
  {
    mode: "image-reused",
    peerMode: "image",
    server: "bare",
    lines: stream("monitor of images, memory used again"),
  },
  {
    mode: "image-reused",
    server: "bare",
    against: { mode: "bare-socket", name: "a bare socket" },
    lines: [{ name: "  the same", unit: "1/s", part: "rate" }],
  },
  { mode: "segmented", server: "bare", lines: stream("monitor of images in segments") },
  {
    mode: "segmented-reused",
    peerMode: "segmented",
    server: "bare",
    lines: stream("monitor of images in segments, memory used again"),
  },
  {
    mode: "latency",
    server: "bare",
    alone: true,
    lines: [{ name: "lateness of a scalar while images stream, 99th percentile", unit: "ms" }],
  },
]

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const prefix = "bench:"
  await using ioc = await startSoftIoc({ text: database(prefix) })
  await using bare = await startBareServer()
  const servers: Record<Figure["server"], Environment> = {
    softIoc: ioc.clientEnvironment(),
    scanned: {},
    bare: {
      EPICS_PVA_ADDR_LIST: "",
      EPICS_PVA_AUTO_ADDR_LIST: "NO",
      EPICS_PVA_NAME_SERVERS: `127.0.0.1:${bare.port}`,
      BENCH_RAW_PORT: String(bare.rawPort),
      BENCH_FRAME_BYTES: String(bare.frameBytes),
    },
  }
  const rows: BenchRow[] = []
  for (const { mode, server, lines, against, alone, peerMode = mode } of figures) {
    const ours: unknown[] = []
    const theirs: unknown[] = []
    // In an IOC of its own, which is there only then: it works all the time.
    await using scanned =
      server === "scanned" ? await startSoftIoc({ text: scannedRecords(prefix) }) : undefined
    servers.scanned = scanned?.clientEnvironment() ?? {}
    for (let i = 0; i < samples; i++) {
      ours.push(await measure("ours", mode, prefix, servers[server]))
      if (against !== undefined) theirs.push(await measure("ours", against.mode, prefix, servers[server]))
      else if (alone !== true) theirs.push(await measure("p4p", peerMode, prefix, servers[server]))
    }
    for (const { name, unit, part } of lines) {
      const numbers = (results: readonly unknown[]): number[] =>
        results
          .map(result =>
            part === undefined ? result : (result as Record<string, unknown> | undefined)?.[part],
          )
          .filter(value => typeof value === "number")
      rows.push(
        compare(
          name,
          unit,
          numbers(ours),
          alone === true ? null : numbers(theirs),
          against?.name ?? (alone === true ? "-" : "p4p"),
        ),
      )
    }
  }
  return rows
}

const scannedRecords = (prefix: string): string =>
  Array.from(
    { length: 2000 },
    (_, i) => `record(calc, "${prefix}s${i}") { field(CALC, "VAL+1") field(SCAN, ".1 second") }`,
  ).join("\n")

interface BareServer extends AsyncDisposable {
  readonly port: number
  readonly rawPort: number
  readonly frameBytes: number
}

async function startBareServer(): Promise<BareServer> {
  const child: ChildProcess = spawn(process.execPath, [...tsx, here("./pva/flood-server.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string]
  return {
    ...(JSON.parse(line) as { port: number; rawPort: number; frameBytes: number }),
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, "exit")
      child.stdin?.end()
      await gone
    },
  }
}
