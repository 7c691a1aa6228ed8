import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, type TestContext, vi } from "vitest"
import { root } from "../scripts/workspace.ts"

const script = join("examples", "demo", "main.ts")

// A demo waits for its motor half of the time, and starts with much to load: more than two would only be in each other's way.
vi.setConfig({ maxConcurrency: 2 })

class Demo {
  readonly folder = mkdtempSync(join(tmpdir(), "ophyd-ts-demo-test-"))
  readonly process: ChildProcess
  output = ""
  readonly exit: Promise<number | null>

  constructor(...args: string[]) {
    const options = ["--import", "tsx", "--conditions=@ophyd-ts/source", script, ...args]
    // All that it puts on disk is below a folder of its own.
    this.process = spawn(process.execPath, options, {
      cwd: root,
      stdio: "pipe",
      env: { ...process.env, TMPDIR: this.folder, TEMP: this.folder, TMP: this.folder },
    })
    const collect = (chunk: Buffer): void => {
      this.output += chunk.toString()
    }
    this.process.stdout?.on("data", collect)
    this.process.stderr?.on("data", collect)
    this.exit = new Promise(resolve => this.process.on("exit", resolve))
  }

  shows(text: string | RegExp): Promise<void> {
    return vi.waitFor(() => expect(this.output).toMatch(text), { timeout: 30_000, interval: 20 })
  }
}

function start({ onTestFinished }: TestContext, ...args: string[]): Demo {
  const demo = new Demo(...args)
  onTestFinished(() => {
    demo.process.kill("SIGKILL")
    rmSync(demo.folder, { recursive: true, force: true })
  })
  return demo
}

/** Process ids of the programs that the demo's workflow has started. */
const consumersOf = ({ process: { pid } }: Demo): number[] =>
  execFileSync("ps", ["-eo", "pid,ppid,args"], { encoding: "utf8" })
    .split("\n")
    .map(line => line.trim().split(/\s+/, 2).concat(line))
    .filter(([, parent, line]) => Number(parent) === pid && line?.includes("consumer.ts"))
    .map(([child]) => Number(child))

/** What the demo has left in the folder for temporary files, but the cache of the loader of TypeScript. */
const leftIn = (demo: Demo): string[] => readdirSync(demo.folder).filter(name => !name.startsWith("tsx-"))

/** Rows of the live table: point, position, counts. Wall time is left out. */
function rows(text: string): number[][] {
  return [...text.matchAll(/^\| +(\d+) \| \S+ \| +(\S+) \| +(\d+) \|$/gm)].map(([, ...cells]) =>
    cells.map(Number),
  )
}

/** The lines that are not numbers: headings, rules, what the summary is about. */
const shape = (text: string): string[] =>
  text
    .split("\n")
    .filter(line => /^[+|] *(-|seq_num)/.test(line))
    .map(line => line.trimEnd())

/** Titles and texts below the last table, without what differs from run to run. */
const summaryOf = (text: string): string[] =>
  text
    .slice(text.indexOf("\nrun "))
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f-]{27})?/g, "<id>")
    .replaceAll(/0\.\d{3} mm/g, "<centre>")
    .trim()
    .split("\n")

describe.concurrent("the demo", { timeout: 60_000 }, () => {
  it("shows what the README prints, ends by itself and leaves nothing behind", async context => {
    const demo = start(context)
    expect(await demo.exit, demo.output).toBe(0)
    expect(leftIn(demo)).toEqual([])
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const printed = /<!-- demo -->\n```text\n([\s\S]*?)```\n<!-- \/demo -->/.exec(readme)?.[1] ?? ""
    expect(shape(demo.output)).toEqual(shape(printed))
    const [live, stated] = [rows(demo.output), rows(printed)]
    expect(stated).toHaveLength(21)
    expect(live.map(([point, x]) => [point, x])).toEqual(stated.map(([point, x]) => [point, x]))
    // The stored current decays with real time, and the counts with it.
    for (const [i, [, , counts = Number.NaN]] of live.entries()) {
      const [, , there = Number.NaN] = stated[i] ?? []
      expect(Math.abs(counts - there)).toBeLessThan(0.03 * there + 500)
    }
    expect(summaryOf(demo.output)).toEqual(summaryOf(printed))
    // Weighed by the workflow from the frames of the file: the peak is at 0.5 mm.
    expect(Number(/centre found +(\S+) mm/.exec(demo.output)?.[1])).toBeCloseTo(0.5, 1)
  })

  it("says which stage failed, with exit status and stderr, and exits with 1", async context => {
    const demo = start(context, "--fail", "stage2")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(/plan +fail: .*failed in stage 02-ANALYZE with exit status 1/)
    expect(demo.output).toContain("no result was written")
    expect(demo.output).toMatch(/data\/scans\/[0-9a-f-]{36}\.h5/)
  })

  it("pauses at the next checkpoint on Ctrl-C, asks, and goes on", async context => {
    const demo = start(context)
    await demo.shows(/\| +2 \|/)
    demo.process.kill("SIGINT")
    await demo.shows("The plan is paused.")
    demo.process.stdin?.write("r\n")
    expect(await demo.exit, demo.output).toBe(0)
    expect(rows(demo.output).at(-1)?.[0]).toBe(21)
  })

  it("aborts with clean-up on the second Ctrl-C, and keeps what was acquired", async context => {
    const demo = start(context)
    await demo.shows(/\| +2 \|/)
    demo.process.kill("SIGINT")
    await demo.shows(/A pause comes|The plan is paused/)
    demo.process.kill("SIGINT")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(/plan +abort: interrupted by the operator/)
    expect(demo.output).toContain("Aborting: the plan's clean-up runs.")
  })

  it("leaves nothing behind when it is told to end", async context => {
    const demo = start(context)
    await demo.shows("Setting up experiment")
    demo.process.kill("SIGTERM")
    expect(await demo.exit).toBe(143)
    expect(leftIn(demo)).toEqual([])
  })

  it.for<[string[], string]>([
    [["--ioc", "vxworks"], "--ioc is one of embedded, softioc, container, not vxworks"],
    [
      ["--mode", "streaming", "--ioc", "softioc"],
      "needs images over pvAccess, which the records of --ioc softioc cannot serve",
    ],
    [["--fast"], "Unknown option '--fast'"],
  ])("explains itself when it is called wrongly: %j", async ([args, what], context) => {
    const demo = start(context, ...args)
    expect(await demo.exit).toBe(2)
    expect(demo.output).toContain(what)
    expect(demo.output).toContain("usage: npm run demo")
  })
})

describe.concurrent("the demo of streaming", { timeout: 60_000 }, () => {
  const streaming = (context: TestContext, ...args: string[]) =>
    start(context, "--mode", "streaming", ...args)

  it("has every frame worked on by a process of the workflow, and the results in the run", async context => {
    const demo = streaming(context)
    expect(await demo.exit, demo.output).toBe(0)
    expect(rows(demo.output)).toHaveLength(21)
    expect(summaryOf(demo.output)).toEqual([
      "run           <id>",
      "plan          success",
      "job           <id>",
      "job state     done",
      "frames        21 taken by the workflow, 0 missed",
      "results       21 in the stream dm_results of the run",
      "centre found  <centre>",
      "stored",
      "              analysis/frames-<id>.json",
    ])
    expect(Number(/centre found +(\S+) mm/.exec(demo.output)?.[1])).toBeCloseTo(0.5, 1)
    expect(leftIn(demo)).toEqual([])
  })

  it("says that the workflow's process failed, and measures nothing for nobody", async context => {
    const demo = streaming(context, "--fail", "stage2")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(
      /plan +fail: .*failed in stage 02-CONSUME with exit status 1 .*no result was written/s,
    )
    expect(rows(demo.output)).toEqual([])
  })

  it("tells the workflow's process to give up on the second Ctrl-C, and leaves nothing behind", async context => {
    const demo = streaming(context)
    await demo.shows(/\| +2 \|/)
    const [consumer = Number.NaN] = consumersOf(demo)
    expect(consumer).toBeGreaterThan(0)
    demo.process.kill("SIGINT")
    await demo.shows(/A pause comes|The plan is paused/)
    demo.process.kill("SIGINT")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(/plan +abort: interrupted by the operator/)
    expect(() => process.kill(consumer, 0)).toThrow("ESRCH")
    expect(leftIn(demo)).toEqual([])
  })
})
