/**
 * pvAccess: our client beside p4p (the C++ library pvxs under Python) and epics-tca, on the same genuine IOC and the same
 * bare server, each measurement in a fresh process, taken in turn. The variable `BENCH_PVA` picks modes (`get,flood`).
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import type { BenchOptions, BenchRow } from "./bench.ts"
import { compare } from "./bench.ts"
import { installTca, tsx } from "./ca/clients.ts"
import { database } from "./ca/database.ts"
import { type Client, measure, type Server } from "./pva/clients.ts"
import { clients, type Figure, figures } from "./pva/figures.ts"

const prefix = "bench:"
type Results = ReadonlyMap<Client, unknown[]>

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const absent: readonly Client[] = (await installTca()) ? [] : ["epics-tca"]
  const modes = process.env["BENCH_PVA"]?.split(",")
  await using ioc = await startSoftIoc({ text: database(prefix) })
  await using bare = await startBareServer(ioc.ports.beacon)
  const rows: BenchRow[] = []
  for (const figure of figures) {
    if (modes !== undefined && !modes.includes(figure.mode)) continue
    const peers = figure.peers ?? clients
    const present = peers.filter(peer => !absent.includes(peer))
    // In an IOC of its own, which is there only then: it works all the time.
    await using scanned =
      figure.server === "scanned" ? await startSoftIoc({ text: scannedRecords(prefix) }) : undefined
    const server = figure.server === "bare" ? bare : at(scanned ?? ioc)
    rows.push(...rowsOf(figure, peers, await sample(figure, present, server, samples)))
  }
  return rows
}

/** The results of each client, in turn, so that a noisy minute hits all. */
async function sample(
  { mode, peerMode = mode }: Figure,
  peers: readonly Client[],
  server: Server,
  samples: number,
): Promise<Results> {
  const results = new Map<Client, unknown[]>()
  for (let i = 0; i < samples; i++) {
    for (const client of ["ours", ...peers] as const) {
      const list = results.get(client) ?? []
      results.set(client, list)
      // Who could not do it once is not asked again: it may take its time to fail.
      if (list.length > 0 && list.at(-1) === undefined) continue
      list.push(await measure(client, client === "ours" ? mode : peerMode, prefix, server))
    }
  }
  return results
}

function rowsOf({ lines }: Figure, peers: readonly Client[], results: Results): BenchRow[] {
  return lines.flatMap(({ name, unit, part }) => {
    const values = (client: Client): number[] =>
      (results.get(client) ?? [])
        .map(result =>
          part === undefined ? result : (result as Record<string, unknown> | undefined)?.[part],
        )
        .filter(value => typeof value === "number")
    if (peers.length === 0) return [compare(name, unit, values("ours"), null, "-")]
    return peers.map(peer => compare(name, unit, values("ours"), values(peer), peer))
  })
}

const scannedRecords = (prefix: string): string =>
  Array.from(
    { length: 2000 },
    (_, i) => `record(calc, "${prefix}s${i}") { field(CALC, "VAL+1") field(SCAN, ".1 second") }`,
  ).join("\n")

const at = (ioc: SoftIoc): Server => ({ port: ioc.ports.pva, environment: ioc.clientEnvironment() })

type BareServer = Server & AsyncDisposable

/** At the port `unused`, a client may start a repeater for Channel Access and meets nobody else's. */
async function startBareServer(unused: number): Promise<BareServer> {
  const script = fileURLToPath(new URL("./pva/flood-server.ts", import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [...tsx, script], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string]
  const { port, rawPort, frameBytes } = JSON.parse(line) as Record<"port" | "rawPort" | "frameBytes", number>
  return {
    port,
    environment: {
      EPICS_PVA_ADDR_LIST: "",
      EPICS_PVA_AUTO_ADDR_LIST: "NO",
      EPICS_PVA_NAME_SERVERS: `127.0.0.1:${port}`,
      EPICS_CA_REPEATER_PORT: String(unused),
      BENCH_RAW_PORT: String(rawPort),
      BENCH_FRAME_BYTES: String(frameBytes),
    },
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, "exit")
      child.stdin?.end()
      await gone
    },
  }
}
