/**
 * Images: step scans with a file beside ophyd's on the same embedded IOC; every frame to a plan beside p4p; how late the IOC's
 * event loop is while it writes; and, for information, what decoding and drawing costs. The variable `BENCH_IMAGES` picks parts
 * (`steps,frames,writing,codecs`).
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface, type Interface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type BenchOptions, type BenchRow, compare } from "./bench.ts"
import { codedFrames, decodeRate, pngRate } from "./images/codecs.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const tsx = ["--import", "tsx", "--conditions=@ophyd-ts/source"]
const python = join(here("../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")

type Environment = Readonly<Record<string, string>>
type Figures = Readonly<Record<string, number>>

/** A server in a process of its own; its first line says how to reach it. */
class Server implements AsyncDisposable {
  readonly env: Environment
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, env: Environment) {
    this.#child = child
    this.#lines = lines
    this.env = env
  }

  static async start(file: string, ...args: readonly string[]): Promise<Server> {
    const child = spawn(process.execPath, [...tsx, here(file), ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    })
    const lines = (createInterface({ input: child.stdout }) as Interface)[Symbol.asyncIterator]()
    const { value } = await lines.next()
    return new Server(child, lines, JSON.parse(value as string) as Environment)
  }

  /** One line there, one line back. */
  async ask(): Promise<number> {
    this.#child.stdin?.write("\n")
    return Number((await this.#lines.next()).value)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit")
  }
}

/** Runs one measurement and returns what it prints; undefined when it cannot be done. */
async function measure(
  who: "ours" | "peer",
  env: Environment,
  ...args: string[]
): Promise<Figures | undefined> {
  const [command, first] =
    who === "ours"
      ? [process.execPath, [...tsx, here("./images/ours.ts")]]
      : [python, [here("./peers/images.py")]]
  try {
    const { stdout } = await promisify(execFile)(command, [...first, ...args], {
      env: { ...process.env, ...env },
      timeout: 120_000,
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as Figures
  } catch (error) {
    const lines = (error as Error).message.trim().split("\n")
    console.error(`${who} ${args[0]}: ${lines.find(line => /Error: /.test(line)) ?? lines.at(-1)}`)
    return undefined
  }
}

const pick = (all: readonly (Figures | undefined)[], part: string): number[] =>
  all.flatMap(one => (one === undefined ? [] : [one[part]!]))

interface Pairs {
  readonly ours: (Figures | undefined)[]
  readonly peer: (Figures | undefined)[]
}

async function inTurn(samples: number, env: Environment, ...args: string[]): Promise<Pairs> {
  const pairs: Pairs = { ours: [], peer: [] }
  for (let i = 0; i < samples; i += 1) {
    for (const who of ["ours", "peer"] as const) pairs[who].push(await measure(who, env, ...args))
  }
  return pairs
}

/** Both libraries record the same statistics of each frame. */
const statistics = {
  "the sum": "total",
  "five statistics": "total,min_value,max_value,mean_value,sigma",
} as const

async function steps(samples: number, directory: string): Promise<BenchRow[]> {
  await using ioc = await Server.start("./images/ioc.ts", "bench:", "64", "64")
  // An IOC that has just started is slower, to whoever comes first.
  await measure("ours", ioc.env, "steps", directory, "0.001")
  const rows: BenchRow[] = []
  for (const [exposure, recorded] of [
    ["0.001", "the sum"],
    ["0.02", "the sum"],
    ["0.001", "five statistics"],
  ] as const) {
    const { ours, peer } = await inTurn(samples, ioc.env, "steps", directory, exposure, statistics[recorded])
    const milliseconds = Number(exposure) * 1000
    const rates = (all: Pairs["ours"]): number[] => pick(all, "each").map(each => 1000 / each)
    const beyond = (all: Pairs["ours"]): number[] => pick(all, "each").map(each => each - milliseconds)
    // Beside the bare acquisitions of the same sample, which are those of the same moment.
    const added = (all: Pairs["ours"], part = "each"): number[] =>
      all.flatMap((one, i) => pick([one], part).map(each => each - (ours[i]?.["floor"] ?? Number.NaN)))
    const name = `step scan, 64 × 64, ${milliseconds} ms, HDF5 file, ${recorded}`
    rows.push(
      compare(name, "1/s", rates(ours), rates(peer), "ophyd"),
      compare("  time of a point beyond the exposure", "ms", beyond(ours), beyond(peer), "ophyd"),
      compare("  a bare acquisition: put, exposure, file", "ms", pick(ours, "floor"), null, "-"),
      compare("  time of a point beyond a bare acquisition", "ms", added(ours), added(peer), "ophyd"),
      compare("  the same, of a new process", "ms", added(ours, "first"), added(peer), "ophyd"),
    )
  }
  return rows
}

async function frames(samples: number): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const rate of ["200", "300"]) {
    await using server = await Server.start("./images/frame-server.ts", rate)
    const { ours, peer } = await inTurn(samples, server.env, "frames", "image")
    const name = `1024 × 1024 × 16 bit at ${rate} Hz, every frame to a plan`
    rows.push(compare(name, "1/s", pick(ours, "rate"), pick(peer, "rate"), "p4p, no plan"))
    rows.push({
      ...compare("  frames lost", "", pick(ours, "lost"), pick(peer, "lost"), "p4p, no plan"),
      ratio: null,
    })
  }
  return rows
}

async function writing(samples: number, directory: string): Promise<BenchRow[]> {
  await using ioc = await Server.start("./images/ioc.ts", "bench:", "1024", "1024")
  const rates: number[] = []
  const late: number[] = []
  for (let i = 0; i < samples; i += 1) {
    await ioc.ask()
    const written = await measure("ours", ioc.env, "write", directory, "0.02")
    late.push(await ioc.ask())
    if (written !== undefined) rates.push(written["rate"]!)
  }
  const name = "1024 × 1024 × 16 bit at 50 Hz into an HDF5 file of the embedded IOC"
  const lateness = "  lateness of its event loop, 99th percentile"
  const written = rates.length === 0 ? [] : [compare(name, "1/s", rates, null, "-")]
  return [...written, compare(lateness, "ms", late, null, "-")]
}

async function codecs(samples: number): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const repeat = async (one: () => Promise<number>): Promise<number[]> => {
    const values: number[] = []
    for (let i = 0; i < samples; i += 1) values.push(await one())
    return values
  }
  for (const [codec, coded] of await codedFrames()) {
    const name = `decode ${codec}, 1024 × 1024 ${coded.dtype}`
    rows.push(compare(name, "1/s", await repeat(() => decodeRate(coded)), null, "-"))
  }
  rows.push(compare("draw as PNG, 1024 × 1024 uint16", "1/s", await repeat(pngRate), null, "-"))
  return rows
}

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), "bench-images-"))
  const parts = { steps, frames, writing, codecs }
  const picked = process.env["BENCH_IMAGES"]?.split(",") ?? Object.keys(parts)
  try {
    const rows: BenchRow[] = []
    for (const [name, part] of Object.entries(parts))
      if (picked.includes(name)) rows.push(...(await part(samples, `${directory}/`)))
    return rows
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
