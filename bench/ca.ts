/**
 * Channel Access: our client beside pyepics and aioca (both on libca), caproto, epics-tca and a bare socket, on the same
 * genuine softIoc and the same bare server, each measurement in a fresh process, taken in turn. The variable `BENCH_CA` picks modes
 * (`get,flood`).
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { startSoftIoc } from "@ophyd-ts/ioc-sim"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import type { BenchOptions, BenchRow } from "./bench.ts"
import { compare } from "./bench.ts"
import { type Client, installTca, measure, type Server, tsx } from "./ca/clients.ts"
import { database } from "./ca/database.ts"
import { clients, type Figure, figures } from "./ca/figures.ts"

const prefix = "bench:"
type Results = ReadonlyMap<Client, unknown[]>

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const absent: readonly Client[] = (await installTca()) ? [] : ["epics-tca"]
  const modes = process.env["BENCH_CA"]?.split(",")
  const unused = await freePort()
  await using ioc = await startSoftIoc({ text: database(prefix) })
  await using bare = await startBareServer()
  const servers: Record<Figure["server"], Server> = {
    softIoc: { port: ioc.ports.ca, unused },
    bare: { port: bare.port, unused },
  }
  const rows: BenchRow[] = []
  for (const figure of figures) {
    if (modes !== undefined && !modes.includes(figure.mode)) continue
    const peers = (figure.peers ?? clients).filter(peer => !absent.includes(peer))
    // A record that runs freely takes a whole processor, so it does so only while it is watched.
    const free = figure.mode.startsWith("monitor")
    if (free) {
      ioc.shell(`dbpf "${prefix}run" 1`)
      ioc.shell(`dbpf "${prefix}free.PROC" 1`)
    }
    const results = await sample(figure, ["ours", ...peers], servers[figure.server], samples)
    if (free) ioc.shell(`dbpf "${prefix}run" 0`)
    rows.push(...rowsOf(figure, peers, results))
  }
  return rows
}

/** The results of each client: in turn, so that a noisy minute hits all, or all at the same moment. */
async function sample(
  { mode, together, seconds }: Figure,
  everybody: readonly Client[],
  server: Server,
  samples: number,
): Promise<Results> {
  const results = new Map<Client, unknown[]>(everybody.map(client => [client, []]))
  const one = async (client: Client): Promise<void> => {
    const list = results.get(client) ?? []
    // Who could not do it once is not asked again: it may take its time to fail.
    if (list.at(-1) === undefined && list.length > 0) return
    list.push(await measure(client, mode, prefix, server, seconds))
  }
  for (let i = 0; i < samples; i += 1) {
    if (together) await Promise.all(everybody.map(one))
    else for (const client of everybody) await one(client)
  }
  return results
}

function rowsOf({ lines }: Figure, peers: readonly Client[], results: Results): BenchRow[] {
  return lines.flatMap(({ name, unit, part, own }) => {
    const values = (client: Client): number[] =>
      (results.get(client) ?? [])
        .map(result =>
          part === undefined ? result : (result as Record<string, unknown> | undefined)?.[part],
        )
        .filter(value => typeof value === "number")
    if (own) return [plain(compare(name, unit, values("ours"), null, "-"))]
    return peers.map(peer => {
      const row = compare(name, unit, values("ours"), values(peer), peer)
      return unit === "" ? plain(row) : row
    })
  })
}

/** A count, of which no ratio makes sense. */
const plain = ({ spread: _, ...row }: BenchRow): BenchRow => ({ ...row, ratio: null })

interface BareServer extends AsyncDisposable {
  readonly port: number
}

async function startBareServer(): Promise<BareServer> {
  const script = fileURLToPath(new URL("./ca/flood-server.ts", import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [...tsx, script], {
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
