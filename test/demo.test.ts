import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { root } from "../scripts/workspace.ts"

const script = join("examples", "dm-file-based", "demo.ts")

class Demo {
  readonly process: ChildProcess
  output = ""
  readonly exit: Promise<number | null>

  constructor(...args: string[]) {
    const options = ["--import", "tsx", "--conditions=@ophyd-ts/source", script, ...args]
    this.process = spawn(process.execPath, options, { cwd: root, stdio: "pipe" })
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

function start(...args: string[]): Demo {
  const demo = new Demo(...args)
  onTestFinished(() => void demo.process.kill("SIGKILL"))
  return demo
}

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

describe("the demo", { timeout: 60_000 }, () => {
  it("shows what the README prints, and ends by itself", async () => {
    const demo = start()
    expect(await demo.exit, demo.output).toBe(0)
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const printed = /<!-- demo -->\n```text\n([\s\S]*?)```\n<!-- \/demo -->/.exec(readme)?.[1] ?? ""
    expect(shape(demo.output)).toEqual(shape(printed))
    const [live, stated] = [rows(demo.output), rows(printed)]
    expect(stated).toHaveLength(21)
    expect(live.map(([point, x]) => [point, x])).toEqual(stated.map(([point, x]) => [point, x]))
    // The stored current decays with real time, and the counts with it.
    for (const [i, [, , counts]] of live.entries()) {
      expect(counts).toBeCloseTo(stated[i]?.[2] ?? Number.NaN, -3)
    }
    const summary = (text: string): string[] =>
      text
        .slice(text.indexOf("\nrun "))
        .replaceAll(/[0-9a-f]{8}(-[0-9a-f-]{27})?/g, "<id>")
        .replaceAll(/0\.\d{3} mm/g, "<centre>")
        .trim()
        .split("\n")
    expect(summary(demo.output)).toEqual(summary(printed))
  })

  it("says which stage failed, with exit status and stderr, and exits with 1", async () => {
    const demo = start("--fail", "stage2")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(/plan +fail: .*failed in stage 02-ANALYZE with exit status 1/)
    expect(demo.output).toContain("no result was written")
    expect(demo.output).toMatch(/data\/scans\/scan-[0-9a-f]{8}\.dat/)
  })

  it("pauses at the next checkpoint on Ctrl-C, asks, and goes on", async () => {
    const demo = start()
    await demo.shows(/\| +2 \|/)
    demo.process.kill("SIGINT")
    await demo.shows("The plan is paused.")
    demo.process.stdin?.write("r\n")
    expect(await demo.exit, demo.output).toBe(0)
    expect(rows(demo.output).at(-1)?.[0]).toBe(21)
  })

  it("aborts with clean-up on the second Ctrl-C, and keeps what was acquired", async () => {
    const demo = start()
    await demo.shows(/\| +2 \|/)
    demo.process.kill("SIGINT")
    await demo.shows(/A pause comes|The plan is paused/)
    demo.process.kill("SIGINT")
    expect(await demo.exit).toBe(1)
    expect(demo.output).toMatch(/plan +abort: interrupted by the operator/)
    expect(demo.output).toContain("Aborting: the plan's clean-up runs.")
  })

  it("explains itself when it is called wrongly", async () => {
    const demo = start("--ioc", "vxworks")
    expect(await demo.exit).toBe(2)
    expect(demo.output).toContain("usage: npm run demo")
  })
})
