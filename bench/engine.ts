/** The RunEngine beside bluesky's: messages, stubs, scan points, wide events, points of PVs of a genuine softIoc. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type DataKeys, double, type Readings } from "@ophyd-ts/core"
import { EpicsDevice } from "@ophyd-ts/epics"
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { bp, bpp, bps, msg, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { peakAt, simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { CaClient } from "node-epics-ca"
import { installedPython } from "../ioc-sim/src/softioc/python.ts"
import { type BenchOptions, type BenchRow, compare } from "./bench.ts"

/** A detector with many keys whose readings are at hand: what is measured is the engine's part. */
function wideDetector(name: string, width: number) {
  const keys = Array.from({ length: width }, (_, i) => `${name}_${i}`)
  const readings: Readings = Object.fromEntries(keys.map(key => [key, { value: 1, timestamp: 0 }]))
  const dataKeys: DataKeys = Object.fromEntries(
    keys.map(key => [key, { source: "sim", dtype: "number" as const, shape: [] }]),
  )
  return { name, read: () => readings, describe: () => dataKeys }
}

function* times(n: number, plan: () => Plan<unknown>): Plan {
  for (let i = 0; i < n; i++) yield* plan()
}

function* bare(n: number): Plan {
  for (let i = 0; i < n; i++) yield msg("null")
}

const motor = simMotor("motor")
const detector = simDetector("det", { value: peakAt(motor) })
const wide = wideDetector("wide", 1000)

const prefix = "bench:"

/** A device whose 50 signals are not monitored: each point asks the server for all of them. */
class Fifty extends EpicsDevice {
  constructor(client: CaClient) {
    super(prefix, { name: "fifty", client })
    for (let i = 0; i < 50; i++) Object.assign(this, { [`s${i}`]: this.signal.rw(double, `r${i}`) })
  }
}

interface Figure {
  name: string
  unit: string
  n: number
  plan: (n: number) => Plan<unknown>
}

const figures: Figure[] = [
  { name: "bare messages", unit: "1/s", n: 500_000, plan: bare },
  { name: "messages through stubs", unit: "1/s", n: 500_000, plan: n => times(n, bps.null) },
  { name: "simulated scan points", unit: "1/s", n: 5000, plan: n => bp.scan([detector], motor, -1, 1, n) },
  {
    name: "event of 1000 keys",
    unit: "ms",
    n: 200,
    plan: n =>
      bpp.run(
        {},
        times(n, () => bps.triggerAndRead([wide])),
      ),
  },
]

async function measure({ n, unit, plan }: Figure): Promise<number> {
  const RE = new RunEngine()
  RE.subscribe(() => {})
  const made = plan(n)
  const began = performance.now()
  await RE.run(made)
  const seconds = (performance.now() - began) / 1000
  return unit === "ms" ? (1000 * seconds) / n : n / seconds
}

/** bluesky's samples by figure; empty without it. */
async function blueskySamples(samples: number, ioc: SoftIoc | null): Promise<Map<string, number[]>> {
  const bySample = new Map<string, number[]>()
  const python = installedPython()
  if (python === undefined) return bySample
  const script = fileURLToPath(new URL("./peers/engine_bluesky.py", import.meta.url))
  const args = [script, String(samples), ...(ioc === null ? [] : [prefix])]
  const env = { ...process.env, ...ioc?.clientEnvironment() }
  const { stdout } = await promisify(execFile)(python, args, { env }).catch(() => ({ stdout: "" }))
  for (const line of stdout.split("\n").filter(l => l.startsWith("{"))) {
    const { name, value } = JSON.parse(line) as { name: string; value: number }
    bySample.set(name, [...(bySample.get(name) ?? []), value])
  }
  return bySample
}

/** The records of `Fifty`; null without EPICS. */
async function softIoc(): Promise<SoftIoc | null> {
  const record = (_: unknown, i: number) => `record(ao, "${prefix}r${i}") { field(PINI, "YES") }`
  return startSoftIoc({ text: Array.from({ length: 50 }, record).join("\n") }).catch((error: Error) => {
    console.error(`without the points of PVs: ${error.message}`)
    return null
  })
}

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  await using ioc = await softIoc()
  const theirs = await blueskySamples(samples, ioc)
  await using client = ioc === null ? null : new CaClient(ioc.clientConfig().ca)
  const all = [...figures]
  if (client !== null) {
    const fifty = new Fifty(client)
    await fifty.connect({ timeout: 30 })
    all.push({ name: "point of 50 PVs", unit: "1/s", n: 2000, plan: n => bp.count([fifty], n) })
  }
  const rows: BenchRow[] = []
  for (const figure of all) {
    await measure({ ...figure, n: Math.ceil(figure.n / 10) })
    const ours: number[] = []
    for (let i = 0; i < samples; i++) ours.push(await measure(figure))
    rows.push(compare(figure.name, figure.unit, ours, theirs.get(figure.name) ?? null, "bluesky"))
  }
  return rows
}
