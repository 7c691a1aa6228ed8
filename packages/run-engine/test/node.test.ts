import { type ChildProcess, spawn } from "node:child_process"
import { EventEmitter, once } from "node:events"
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { bp, bpp, bps, DocumentRules, type EngineState, RunEngine, RunEngineError } from "../src/index.ts"
import {
  type Choice,
  fileMetadata,
  handleInterrupts,
  jsonLinesRecorder,
  reaction,
  readJsonLines,
} from "../src/node/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"
import { names, recording } from "./support/recording.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "run-engine-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that runs scans with a metadata file and a recorder, and says each scan id. */
function scanner(): ChildProcess {
  const program = fileURLToPath(new URL("./support/scanner.ts", import.meta.url))
  return spawn(process.execPath, ["--import", "tsx", "--conditions=@ophyd-ts/source", program, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  })
}

describe("metadata in a file", () => {
  it("goes on counting scans in the next session", async () => {
    const file = join(folder, "deep", "md.json")
    for (const expected of [1, 2]) {
      const md = fileMetadata(file)
      const RE = new RunEngine({ metadata: md })
      await RE.run(bpp.run({}, bps.null()))
      expect(md.get("scan_id")).toBe(expected)
    }
    const md = fileMetadata(file)
    md.set("proposal", { id: 7, limits: [Number.POSITIVE_INFINITY] })
    expect(md.delete("scan_id")).toBe(true)
    expect(fileMetadata(file).toObject()).toEqual({ proposal: { id: 7, limits: [Number.POSITIVE_INFINITY] } })
    expect(readdirSync(join(folder, "deep"))).toEqual(["md.json"])
  })

  it("says what is wrong with a damaged file and does not overwrite it", () => {
    const file = join(folder, "md.json")
    for (const damage of ["{ half", "[1]", "null"]) {
      writeFileSync(file, damage)
      expect(() => fileMetadata(file)).toThrow(RunEngineError)
      expect(() => fileMetadata(file)).toThrow(/md\.json is damaged/)
      expect(readFileSync(file, "utf8")).toBe(damage)
    }
  })

  it("and the recorder's files survive a killed process", async () => {
    let last = 0
    let ended = 0
    for (let round = 0; round < 2; round++) {
      const child = scanner()
      const exited = once(child, "exit")
      for await (const line of createInterface({ input: child.stdout! })) {
        const id = Number(line)
        expect(id).toBeGreaterThan(last)
        last = id
        ended++
        if (id >= (round + 1) * 5) child.kill("SIGKILL")
      }
      await exited
      const kept = fileMetadata(join(folder, "md.json")).get("scan_id") as number
      expect(kept).toBeGreaterThanOrEqual(last)
      last = kept
    }
    const files = readdirSync(join(folder, "runs"))
    // A kill may come between the number of a run and its file.
    expect(files.length).toBeGreaterThanOrEqual(ended)
    const cut = files.filter(name => {
      const docs = readJsonLines(join(folder, "runs", name))
      const whole = docs.at(-1)?.name === "stop"
      const rules = new DocumentRules()
      for (const { name, doc } of docs) rules.check(...([name, doc] as Parameters<DocumentRules["check"]>))
      if (whole) rules.finish()
      return !whole
    })
    // At most the run that each kill interrupted.
    expect(cut.length).toBeLessThanOrEqual(2)
  }, 60_000)
})

describe("the recorder", () => {
  it("writes each run to its own file, and reads it back without a cut-off last line", async () => {
    const { RE, docs } = recording()
    const write = jsonLinesRecorder(folder, { fileName: start => `${start.scan_id}.jsonl` })
    RE.subscribe(write, { strict: true })
    await RE.run(bp.scan([simDetector("d")], simMotor("m"), 0, 1, 2))
    await RE.run(bp.count([simDetector("d")]))
    expect(readdirSync(folder).sort()).toEqual(["1.jsonl", "2.jsonl"])
    const file = join(folder, "1.jsonl")
    expect(readJsonLines(file)).toEqual(docs.slice(0, 5))
    appendFileSync(file, '["event",{"uid":"ha')
    expect(readJsonLines(file)).toEqual(docs.slice(0, 5))
  })

  it("fails the plan when it cannot write", async () => {
    const RE = new RunEngine()
    const notAFolder = join(folder, "file")
    writeFileSync(notAFolder, "")
    RE.subscribe(jsonLinesRecorder(notAFolder), { strict: true })
    await expect(RE.run(bp.count([simDetector("d")]))).rejects.toThrow()
    expect(existsSync(notAFolder)).toBe(true)
  })
})

describe("the interrupt key", () => {
  it("means what the state and the time since the last press say", () => {
    const table: [EngineState, first: string, second: string][] = [
      ["idle", "exit", "exit"],
      ["running", "defer", "pause"],
      ["suspending", "defer", "pause"],
      ["pausing", "none", "abort"],
      ["paused", "abort", "abort"],
      ["stopping", "warn", "halt"],
      ["aborting", "warn", "halt"],
      ["halting", "none", "none"],
    ]
    for (const [state, first, second] of table) {
      expect([state, reaction(state, false), reaction(state, true)]).toEqual([state, first, second])
    }
  })

  const setUp = (answers: (Choice | Promise<Choice>)[]) => {
    const recorded = recording()
    const source = new EventEmitter()
    let time = 0
    let text = ""
    const handler = handleInterrupts(recorded.RE, {
      write: more => {
        text += more
      },
      ask: async () => answers.shift() ?? "abort",
      source: source as never,
      now: () => time,
    })
    const press = (at: number) => {
      time = at
      source.emit("SIGINT")
    }
    return { ...recorded, press, handler, source, text: () => text }
  }

  it("once: a pause at the next checkpoint and a question; the answer is done", async () => {
    const { RE, press, log, handler, source, text } = setUp(["resume"])
    const motor = simMotor("m", { moveTime: 0.01 })
    const ended = RE.run(
      (function* () {
        yield* bps.mv(motor, 1)
        yield* bps.checkpoint()
        yield* bps.mv(motor, 2)
      })(),
    )
    press(0)
    expect((await ended).exitStatus).toBe("success")
    expect(motor.stops).toBe(0)
    expect(log).toEqual(["set m 1", "wait", "checkpoint", "set m 2", "wait"])
    expect(text()).toContain("next checkpoint")
    handler[Symbol.dispose]()
    expect(source.listenerCount("SIGINT")).toBe(0)
  })

  it("twice within ten seconds: at once; later than that it counts anew", async () => {
    for (const [again, stops] of [
      [9, 1],
      [11, 0],
    ] as const) {
      const { RE, press } = setUp(["stop"])
      const motor = simMotor("m", { moveTime: again === 9 ? 1000 : 0.01 })
      const ended = RE.run(
        (function* () {
          yield* bps.mv(motor, 1)
          yield* bps.checkpoint()
        })(),
      )
      press(0)
      press(again)
      expect(await ended).toMatchObject({ exitStatus: "success", interrupted: true })
      expect(motor.stops).toBe(stops)
    }
  })

  it("while clean-up runs: the first press warns, the second halts", async () => {
    const { RE, press, docs, text } = setUp([])
    const did: string[] = []
    const ended = RE.run(
      bpp.run({}, function* () {
        try {
          yield* bps.sleep(1000)
        } finally {
          yield* bps.sleep(1000)
          did.push("cleaned up")
        }
      }),
    )
    await expect.poll(() => names(docs)).toEqual(["start"])
    void RE.abort()
    await expect.poll(() => RE.state).toBe("aborting")
    press(0)
    expect(text()).toContain("clean-up is running")
    press(3)
    expect((await ended).exitStatus).toBe("abort")
    expect(did).toEqual([])
    expect(names(docs)).toEqual(["start", "stop"])
  })

  it("at the question: aborts, and the question is taken back", async () => {
    let withdrawn = false
    const recorded = recording()
    const source = new EventEmitter()
    using _ = handleInterrupts(recorded.RE, {
      write: () => {},
      source: source as never,
      ask: signal =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            withdrawn = true
            reject(new Error("withdrawn"))
          }),
        ),
    })
    const ended = recorded.RE.run(
      (function* () {
        for (;;) yield* bps.checkpoint()
      })(),
    )
    source.emit("SIGINT")
    await expect.poll(() => recorded.RE.state).toBe("paused")
    source.emit("SIGINT")
    expect((await ended).exitStatus).toBe("abort")
    expect(withdrawn).toBe(true)
  })
})
