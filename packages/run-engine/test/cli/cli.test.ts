import { spawn, spawnSync } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type CommandLine, parseCommandLine, UsageError } from "../../src/cli/command-line.ts"
import { loadPlansFile } from "../../src/cli/plans-file.ts"
import { main } from "../../src/cli/program.ts"
import { valueOfWord } from "../../src/cli/values.ts"
import { bp, RunEngine } from "../../src/index.ts"
import { type Choice, fileMetadata, jsonLinesRecorder, readJsonLines } from "../../src/node/index.ts"
import { closed, det, motor } from "./plans.ts"

const plans = fileURLToPath(new URL("./plans.ts", import.meta.url))

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ophyd-ts-cli-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One command line and what comes of it. */
async function ophydTs(argv: readonly string[], interrupts = {}) {
  let out = ""
  let err = ""
  const terminal = {
    out: (t: string) => {
      out += t
    },
    err: (t: string) => {
      err += t
    },
    interrupts,
  }
  const status = await main(argv, terminal)
  return { status, out, err }
}

describe("ophyd-ts list", () => {
  it("names the plans with their parameters, and the devices", async () => {
    const { status, out } = await ophydTs(["list", plans])
    expect(status).toBe(0)
    expect(out).toMatch(/^Plans\n {2}align\(\{ detectors, axis, from = -1, to = 1, num = 3 \}\)/)
    expect(out).toContain("  count(")
    expect(out).toContain("Devices\n")
    expect(out).toContain("  motor: SimMotor\n")
    expect(out).toContain("  stage: Object\n")
    expect(out).not.toContain("notADevice")
    expect(closed.at(-1)).toBe("list")
  })
})

describe("ophyd-ts summarize", () => {
  it("says what the plan would do and touches nothing", async () => {
    const { status, out } = await ophydTs([
      "summarize",
      plans,
      "align",
      "-a",
      "detectors=[det]",
      "-a",
      "axis=stage.x",
    ])
    expect(status).toBe(0)
    expect(out).toContain("motor -> -1")
    expect(out).toContain("motor -> 1")
    expect(out).toContain("Read det, motor")
    expect(out).not.toContain("run ")
  })
})

describe("ophyd-ts run", () => {
  it("carries the plan out with a table, metadata and a recording, and says the run's uid", async () => {
    const { status, out, err } = await ophydTs([
      ...["run", plans, "align", "--arg", "detectors=[det]", "--arg", "axis=motor", "--arg", "num=4"],
      ...[
        "--md",
        "sample=quartz",
        "--md",
        "proposal=17",
        "--record",
        join(folder, "runs"),
        "--store",
        join(folder, "md.json"),
      ],
    ])
    expect({ status, err }).toEqual({ status: 0, err: "" })
    expect(out).toContain("|   seq_num |")
    const uid = /^run (\S+)$/m.exec(out)![1]!
    const documents = readJsonLines(join(folder, "runs", `${uid}.jsonl`))
    expect(documents.map(d => d.name)).toEqual(["start", "descriptor", ...Array(4).fill("event"), "stop"])
    expect(documents[0]!.doc).toMatchObject({ sample: "quartz", proposal: 17, scan_id: 1, plan_name: "scan" })
    const again = await ophydTs([
      "run",
      plans,
      "count",
      "[det]",
      "2",
      "--no-table",
      "--store",
      join(folder, "md.json"),
    ])
    expect(again.out).toMatch(/^run \S+\n$/)
    expect(readdirSync(folder)).toContain("md.json")
    expect(closed.at(-1)).toBe("run")
  })

  it("refuses a folder and a store that cannot be written, before anything moves and by their names", async () => {
    const occupied = join(folder, "occupied")
    writeFileSync(occupied, "no folder")
    const before = motor.moves.length
    const record = await ophydTs([
      "run",
      plans,
      "align",
      "-a",
      "detectors=[det]",
      "-a",
      "axis=motor",
      "--record",
      occupied,
    ])
    expect(record).toMatchObject({
      status: 2,
      out: "",
      err: expect.stringMatching(/^--record .*occupied: E/),
    })
    expect(motor.moves).toHaveLength(before)
    const recorded = new RunEngine()
    recorded.subscribe(jsonLinesRecorder(occupied), { strict: true })
    await expect(recorded.run(bp.count([det]))).rejects.toMatchObject({
      code: "RECORD",
      message: expect.stringMatching(/^cannot record run [\w-]+ in .*occupied/),
    })
    const store = fileMetadata(join(folder, "md.json"))
    mkdirSync(join(folder, "md.json"))
    expect(() => store.set("scan_id", 1)).toThrow(/^cannot write the metadata file .*md\.json: /)
    expect(readdirSync(folder).sort()).toEqual(["md.json", "occupied"])
  })

  it("says why a plan failed also when its clean-up fails, too", async () => {
    const { status, err } = await ophydTs(["run", plans, "brokenTwice", "--no-table"])
    expect(status).toBe(1)
    expect(err).toBe("The plan failed.\ncamera is away\n  and before: no beam\n")
  })

  it("says why a plan failed, with exit status 1", async () => {
    const { status, err } = await ophydTs(["run", plans, "broken", "--no-table"])
    expect(status).toBe(1)
    expect(err).toBe("The plan failed.\nno beam\n  because: shutter closed\n")
  })

  it.each<[Choice, number]>([
    ["stop", 0],
    ["abort", 130],
    ["halt", 130],
  ])("on an interrupt pauses and asks; %s ends it with exit status %i", async (choice, expected) => {
    const source = new EventEmitter()
    const asked: string[] = []
    const ask = async () => {
      asked.push(choice)
      return choice
    }
    const running = ophydTs(["run", plans, "forever", "--no-table"], { source, ask })
    await expect.poll(() => source.listenerCount("SIGINT")).toBe(1)
    source.emit("SIGINT")
    const { status, err } = await running
    expect(status).toBe(expected)
    expect(asked).toEqual([choice])
    expect(err).toContain("A pause comes at the next checkpoint")
    expect(source.listenerCount("SIGINT")).toBe(0)
  })

  /** The program in a process of its own, with the endless plan under way. */
  async function inProcess() {
    const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
    const args = ["--import", "tsx", "--conditions=@ophyd-ts/source", program, "run", plans, "forever"]
    const child = spawn(process.execPath, args, { stdio: "pipe" })
    const said = { out: "", err: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said.out += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said.err += text
    })
    const ended = once(child, "exit")
    await expect.poll(() => said.out, { timeout: 50_000 }).toContain("|         2 |")
    return { child, said, ended }
  }

  it("in a terminal of its own takes Ctrl-C and an answer", { timeout: 60_000 }, async () => {
    const { child, said, ended } = await inProcess()
    child.kill("SIGINT")
    await expect.poll(() => said.err, { timeout: 10_000 }).toContain("The plan is paused.")
    child.stdin.write("a\n")
    expect((await ended)[0]).toBe(130)
    expect(said.err).toContain("The plan was ended")
    expect(said.out).toMatch(/abort/)
    expect(said.out).toMatch(/^run \S+$/m)
  })

  it.each([
    ["is told to end by a supervisor", "SIGTERM", "the process was told to end"],
    ["loses its terminal", "SIGHUP", "the terminal was closed"],
  ] as const)("that %s aborts the plan, whose clean-up runs", { timeout: 60_000 }, async (_, signal, why) => {
    const { child, said, ended } = await inProcess()
    child.kill(signal)
    expect((await ended)[0]).toBe(130)
    expect(said.err).toContain(`The plan was ended: ${why}.`)
    expect(said.out).toContain(` abort: ${why}`)
  })

  it("goes on when nobody reads its table any more", { timeout: 60_000 }, async () => {
    const { child, said, ended } = await inProcess()
    child.stdout.destroy()
    child.kill("SIGINT")
    await expect.poll(() => said.err, { timeout: 10_000 }).toContain("The plan is paused.")
    child.stdin.write("a\n")
    expect((await ended)[0]).toBe(130)
    expect(said.err).toContain("The plan was ended")
    expect(said.err).not.toContain("EPIPE")
  })
})

describe("what cannot be run", () => {
  it.each([
    [[], "no command: run, summarize or list"],
    [["walk", "x.ts"], '"walk" is no command'],
    [["run"], "run: which file?"],
    [["run", "x.ts"], "which plan?"],
    [["list", "x.ts", "y"], 'list: one file, not also "y"'],
    [["summarize", "x.ts", "p", "--record", "f"], "--record is for run"],
    [["run", "x.ts", "p", "--arg", "novalue"], "--arg novalue: it is name=value"],
    [["run", "x.ts", "p", "--arg", "a=1", "--arg", "a=2"], "--arg a is given twice"],
    [["run", "x.ts", "p", "--fast"], "--fast"],
  ])("%j is told with a reason", (argv, reason) => {
    expect(() => parseCommandLine(argv)).toThrow(UsageError)
    expect(() => parseCommandLine(argv)).toThrow(reason)
  })

  it("ends with exit status 2 and names what there is", async () => {
    expect(await ophydTs(["run", plans, "aling"])).toMatchObject({
      status: 2,
      err: expect.stringContaining('no plan "aling"; there are: align, broken, brokenTwice, forever, count'),
    })
    expect(await ophydTs(["run", plans, "align", "-a", "axis=stage.y"])).toMatchObject({
      status: 2,
      err: 'stage.y: stage has no "y"\n',
    })
    expect(await ophydTs(["run", plans, "align"])).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^align\(\{ detectors, .* \}\) cannot be made: Cannot destructure/),
    })
    for (const none of [join(folder, "none.mjs"), folder])
      expect(await ophydTs(["list", none])).toMatchObject({
        status: 2,
        err: `${none}: there is no such file\n`,
      })
    const empty = join(folder, "empty.mjs")
    writeFileSync(empty, "export const setup = () => ({})")
    expect(await ophydTs(["list", empty])).toMatchObject({
      status: 2,
      err: expect.stringContaining("no plan"),
    })
  })

  it.each([
    ["imports what is not there", 'import "not-there"\n', /Cannot find package 'not-there'/],
    [
      "imports a file that is not there",
      'import "./not-there.mjs"\n',
      /Cannot find module .*not-there\.mjs'/,
    ],
    ["is no JavaScript", "\nconst x = ;\n", /Unexpected token ';'; node --check .*plans\.mjs shows where/],
    [
      "imports a name that is not there",
      'import { Motor } from "node:path"\n',
      /named 'Motor' \(.*plans\.mjs, line 1\)/,
    ],
    ["throws", "\n\nnull.x\n", /Cannot read properties of null .* \(.*plans\.mjs, line 3\)/],
  ])("is a file that %s: it is named with what is wrong and where", async (_, text, reason) => {
    const file = join(folder, "plans.mjs")
    writeFileSync(file, text)
    const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--conditions=@ophyd-ts/source", program, "list", file],
      { encoding: "utf8" },
    )
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(reason) })
    expect(stderr).toMatch(/plans\.mjs cannot be loaded: /)
    expect(stderr).not.toMatch(/no such file|\n {4}at /)
  })

  it("is TypeScript where Node does not load it, and the message says what to do", async () => {
    const load = async () => {
      throw Object.assign(new TypeError('Unknown file extension ".ts" for /x/plans.ts'), {
        code: "ERR_UNKNOWN_FILE_EXTENSION",
      })
    }
    await expect(loadPlansFile(plans, { command: "list" }, load)).rejects.toThrow(
      /plans\.ts: Node .* does not load TypeScript\. Use Node 22\.18 or later, compile/,
    )
  })
})

describe("a word of the command line", () => {
  const motor = { name: "m", velocity: { name: "v" } }
  const devices = new Map<string, object>([["motor", motor]])
  it.each<[string, unknown]>([
    ["3", 3],
    ["-1.5e3", -1500],
    ["-.5", -0.5],
    [".5e1", 5],
    ["1.", 1],
    ["007", "007"],
    ["1.2.3", "1.2.3"],
    ["true", true],
    ['"motor"', "motor"],
    ["motor", motor],
    ["motor.velocity", motor.velocity],
    ["quartz", "quartz"],
    ["[1, 2]", [1, 2]],
    ["[motor, motor.velocity, 3]", [motor, motor.velocity, 3]],
    ['["a,b", [motor]]', ["a,b", [motor]]],
    ["[]", []],
    ['{"a": [1]}', { a: [1] }],
    ["2026-11", "2026-11"],
  ])("%s", (text, expected) => {
    expect(valueOfWord(text, devices)).toEqual(expected)
  })
})

it("the command line is read as it is meant", () => {
  expect(parseCommandLine(["run", "p.ts", "scan", "[det]", "--md", "a=b=c", "--", "-1"])).toEqual({
    command: "run",
    file: "p.ts",
    plan: "scan",
    values: ["[det]", "-1"],
    named: new Map(),
    metadata: new Map([["a", "b=c"]]),
    record: undefined,
    store: undefined,
    table: true,
  } satisfies CommandLine)
  for (const words of [["--help"], ["-h"], ["help"]]) expect(parseCommandLine(words)).toBe("help")
})

it("a negative number is a value wherever it stands, and other words with a minus sign are options", () => {
  const words = ["run", "p.ts", "scan", "-1", "-.5", "-2e-3", "--no-table", "-1.5E+2", "--", "-x", "--y"]
  expect(parseCommandLine(words)).toMatchObject({
    values: ["-1", "-.5", "-2e-3", "-1.5E+2", "-x", "--y"],
    table: false,
  })
  expect(() => parseCommandLine(["run", "p.ts", "scan", "-x"])).toThrow(/Unknown option '-x'/)
})
