import { accessSync, constants } from "node:fs"
import { liveTable } from "../callbacks/live-table.ts"
import type { Subscriber } from "../documents/types.ts"
import { RunEngine } from "../engine/run-engine.ts"
import { errorOf } from "../errors.ts"
import type { Plan } from "../messages.ts"
import { fileMetadata } from "../node/file-metadata.ts"
import { makeFolder } from "../node/folder.ts"
import { handleInterrupts, type InterruptOptions } from "../node/interrupt.ts"
import { jsonLinesRecorder } from "../node/json-lines.ts"
import { summarizePlan } from "../simulators/summarize.ts"
import { type CommandLine, commands, parseCommandLine, UsageError, usage } from "./command-line.ts"
import { findProgram, type Places, runProgram } from "./other-program.ts"
import { loadPlansFile, type PlansFile } from "./plans-file.ts"
import { valueOfWord } from "./values.ts"

/** The program's surroundings. */
export interface Terminal {
  out: (text: string) => void
  err: (text: string) => void
  /** Where interrupts come from and how a paused plan is decided upon; default this process and its terminal. */
  interrupts?: Pick<InterruptOptions, "source" | "ask" | "now">
  /** Where programs for other commands are; default beside this one, in the project, on the PATH. */
  places?: Places
}

/** Carries out one command line. @returns the exit status; never throws. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  let file: PlansFile | null = null
  try {
    const other = otherProgram(argv, terminal)
    if (other !== null) return await runProgram(other, argv.slice(1))
    const line = parseCommandLine(argv)
    if (line === "help") {
      terminal.out(usage)
      return 0
    }
    file = await loadPlansFile(line.file, { command: line.command })
    if (line.command === "list") return list(file, terminal)
    const plan = makePlan(line, file)
    if (line.command === "run") return await run(plan, line, file, terminal)
    terminal.out(`${summarizePlan(plan)}\n`)
    return 0
  } catch (thrown) {
    terminal.err(describe(thrown))
    return thrown instanceof UsageError ? 2 : 1
  } finally {
    await file?.close().catch((error: unknown) => terminal.err(`close: ${describe(error)}`))
  }
}

/** The program for a command that is none of ours. */
function otherProgram([name]: readonly string[], { places }: Terminal): string | null {
  if (name === undefined || commands.some(command => command === name)) return null
  return findProgram(name, places ?? { self: process.argv[1], cwd: process.cwd(), path: process.env["PATH"] })
}

function list({ plans, devices }: PlansFile, { out }: Terminal): number {
  out("Plans\n")
  for (const [name, plan] of plans) out(`  ${name}${parametersOf(plan)}\n`)
  if (devices.size > 0) out("Devices\n")
  for (const [name, device] of devices) out(`  ${name}: ${device.constructor.name}\n`)
  return 0
}

/** The parameters as the source has them, without what is too long to read. */
function parametersOf(fn: (...args: never[]) => unknown): string {
  const text = String(fn)
  const start = text.indexOf("(")
  let depth = 0
  for (let i = start; i >= 0 && i < text.length; i++) {
    if ("([{".includes(text[i]!)) depth++
    if (")]}".includes(text[i]!) && --depth === 0) {
      const parameters = text.slice(start, i + 1).replace(/\s+/g, " ")
      return parameters.length > 100 ? "(…)" : parameters
    }
  }
  return "(…)"
}

function makePlan(
  { file, plan: name, values, named }: CommandLine,
  { plans, devices }: PlansFile,
): Plan<unknown> {
  const make = plans.get(name)
  if (make === undefined)
    throw new UsageError(`${file}: no plan "${name}"; there are: ${[...plans.keys()].join(", ")}`)
  const args = values.map(text => valueOfWord(text, devices))
  if (named.size > 0)
    args.push(Object.fromEntries([...named].map(([key, text]) => [key, valueOfWord(text, devices)])))
  try {
    return make(...(args as never[]))
  } catch (error) {
    // What a plan says of its arguments itself is said better.
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(`${name}${parametersOf(make)} cannot be made: ${error.message}`, { cause: error })
  }
}

async function run(
  plan: Plan<unknown>,
  line: CommandLine,
  file: PlansFile,
  terminal: Terminal,
): Promise<number> {
  if (file.RE !== undefined && line.store !== undefined)
    throw new UsageError("--store: the engine that setup() gave has a store of its own")
  const RE = file.RE ?? new RunEngine(line.store === undefined ? {} : { metadata: fileMetadata(line.store) })
  if (line.table) RE.subscribe(liveTable({ write: terminal.out }))
  if (line.record !== undefined) RE.subscribe(recorder(line.record), { strict: true })
  const metadata = Object.fromEntries(
    [...line.metadata].map(([key, text]) => [key, valueOfWord(text, new Map())]),
  )
  const reasons: string[] = []
  RE.subscribe((name, doc) => {
    if (name === "stop" && doc.exit_status === "fail" && doc.reason) reasons.push(doc.reason)
  })
  using _interrupts = handleInterrupts(RE, { write: terminal.err, ...terminal.interrupts })
  using _termination = onTermination(RE)
  try {
    const { exitStatus, reason } = await RE.run(plan, metadata)
    if (exitStatus !== "success") terminal.err(`The plan was ended: ${reason || exitStatus}.\n`)
    return exitStatus === "success" ? 0 : 130
  } catch (thrown) {
    const text = describe(thrown)
    // When the clean-up fails, too, its error is what the plan ends with.
    const before = reasons.filter(reason => !text.includes(reason)).map(reason => `  and before: ${reason}\n`)
    terminal.err(`The plan failed.\n${text}${before.join("")}`)
    return 1
  } finally {
    const { runUids = [], problems = [] } = RE.lastResult ?? {}
    for (const problem of problems) terminal.err(`Problem: ${describe(problem)}`)
    for (const uid of runUids) terminal.out(`run ${uid}\n`)
  }
}

/** A folder that cannot be written is told before anything moves. */
function recorder(folder: string): Subscriber {
  try {
    makeFolder(folder)
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new UsageError(`--record ${folder}: ${(cause as Error).message}`, { cause })
  }
  return jsonLinesRecorder(folder)
}

/** A supervisor that ends the process, or a terminal that is closed, gets a plan that cleans up. */
function onTermination(RE: RunEngine): Disposable {
  const end = (signal: NodeJS.Signals) => {
    const why = signal === "SIGHUP" ? "the terminal was closed" : "the process was told to end"
    RE.abort(why).catch(() => {})
  }
  const signals = ["SIGTERM", "SIGHUP"] as const
  for (const signal of signals) process.on(signal, end)
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, end)
    },
  }
}

/** For the operator: what happened and why, without the stack. */
function describe(thrown: unknown): string {
  const lines: string[] = []
  for (let error: unknown = thrown; error !== undefined && error !== null && lines.length < 5; ) {
    const { message, cause } = errorOf(error)
    if (!lines.some(line => line.includes(message)))
      lines.push(lines.length === 0 ? message : `  because: ${message}`)
    error = cause
  }
  return `${lines.join("\n")}\n`
}
