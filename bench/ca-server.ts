/**
 * Channel Access, the serving side: our server beside EPICS base's own (in a softIoc) and caproto's, each in a process
 * of its own, under the same load from a bare client, taken in turn.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { startSoftIoc } from "@ophyd-ts/ioc-sim"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { type BenchOptions, type BenchRow, callRate, compare } from "./bench.ts"
import { Load } from "./ca-server/load.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const database = `
record(ao, "bench:scalar") { field(PREC, "3") }
record(waveform, "bench:array") { field(FTVL, "DOUBLE") field(NELM, "1000000") }
`

/** A server that needs longer than this for one figure has none. */
const PATIENCE = 30_000
const tooLong = (): Promise<undefined> =>
  new Promise(resolve => void setTimeout(() => resolve(undefined), PATIENCE).unref())

/** Measures requests on one channel, of which each call makes so many. */
const rateOn =
  (name: string, calls: number, ask: (load: Load, sid: number) => Promise<void>) =>
  async (load: Load): Promise<number> => {
    const sid = await load.channel(name)
    return callRate(1000, () => ask(load, sid), calls)
  }

/** Updates a second that so many subscribers receive together while another client writes. */
async function fanOut(port: number, subscribers: number): Promise<number> {
  const writer = await Load.connect(port)
  const sid = await writer.channel("bench:scalar")
  const listeners = await Promise.all(Array.from({ length: subscribers }, () => Load.connect(port)))
  const counts: (() => number)[] = []
  for (const listener of listeners)
    counts.push(await listener.subscribe(await listener.channel("bench:scalar")))
  const start = performance.now()
  while (performance.now() - start < 1000) await writer.put(sid, 100)
  const elapsed = (performance.now() - start) / 1000
  const total = counts.reduce((sum, count) => sum + count(), 0)
  for (const load of [writer, ...listeners]) load.close()
  return total / elapsed
}

const figures: { name: string; unit: string; measure(load: Load, port: number): Promise<number> }[] = [
  {
    name: "create channels, 10,000 at once",
    unit: "1/s",
    measure: load => callRate(100, () => load.channel("bench:scalar", 10_000), 10_000),
  },
  {
    name: "get, one after the other",
    unit: "1/s",
    measure: rateOn("bench:scalar", 1, (load, sid) => load.read(sid, 1)),
  },
  {
    name: "get, 1,000 in flight",
    unit: "1/s",
    measure: rateOn("bench:scalar", 1000, (load, sid) => load.read(sid, 1000)),
  },
  {
    name: "put with completion, one after the other",
    unit: "1/s",
    measure: rateOn("bench:scalar", 1, (load, sid) => load.put(sid, 1)),
  },
  {
    name: "put with completion, 100 in flight",
    unit: "1/s",
    measure: rateOn("bench:scalar", 100, (load, sid) => load.put(sid, 100)),
  },
  {
    name: "get of 1 M doubles",
    unit: "MB/s",
    measure: rateOn("bench:array", 8, (load, sid) => load.read(sid, 1, 1_000_000)),
  },
  {
    name: "updates to 1 subscriber while another writes",
    unit: "1/s",
    measure: (_, port) => fanOut(port, 1),
  },
  {
    name: "updates to 20 subscribers while another writes",
    unit: "1/s",
    measure: (_, port) => fanOut(port, 20),
  },
]

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  await using ioc = await startSoftIoc({ text: database })
  const tsx = ["--import", "tsx", "--conditions=@ophyd-ts/source"]
  await using ours = await start(process.execPath, [...tsx, here("./ca-server/ours.ts")], {})
  const python = join(here("../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
  await using caproto = await start(python, [here("./peers/ca_server_caproto.py")], {
    EPICS_CA_SERVER_PORT: String(await freePort()),
    EPICS_CAS_BEACON_ADDR_LIST: "127.0.0.1",
    EPICS_CAS_AUTO_BEACON_ADDR_LIST: "NO",
  })
  const servers = { ours: ours.port, "softIoc (rsrv)": ioc.ports.ca, caproto: caproto.port }
  const rows: BenchRow[] = []
  for (const { name, unit, measure } of figures) {
    const results = new Map<string, number[]>(Object.keys(servers).map(server => [server, []]))
    for (let i = 0; i < samples; i += 1) {
      for (const [server, port] of Object.entries(servers)) {
        const load = await Load.connect(port)
        const result = await Promise.race([measure(load, port), tooLong()]).catch(() => undefined)
        if (result !== undefined) results.get(server)?.push(result)
        load.close()
      }
    }
    for (const peer of Object.keys(servers).slice(1)) {
      rows.push(compare(name, unit, results.get("ours") ?? [], results.get(peer) ?? [], peer))
    }
  }
  return rows
}

interface ServerProcess extends AsyncDisposable {
  readonly port: number
}

/** Starts a server that prints its port when it is up. */
async function start(command: string, args: string[], env: Record<string, string>): Promise<ServerProcess> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "ignore"] })
  const ended = once(child, "exit")
  for await (const line of createInterface({ input: child.stdout })) {
    const port = Number(line)
    if (!(port > 0)) continue
    return {
      port,
      async [Symbol.asyncDispose]() {
        child.kill()
        await ended
      },
    }
  }
  throw new Error(`${command} ${args.join(" ")} ended without a word`)
}
