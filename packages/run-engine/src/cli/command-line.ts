import { parseArgs } from "node:util"

/** What the operator asks for, as text. */
export interface CommandLine {
  command: "run" | "summarize" | "list"
  file: string
  /** Empty for `list`. */
  plan: string
  /** Given one after another. */
  values: string[]
  /** `--arg name=value`. */
  named: Map<string, string>
  /** `--md name=value`. */
  metadata: Map<string, string>
  /** Folder of `--record`. */
  record: string | undefined
  /** File of `--store`. */
  store: string | undefined
  table: boolean
}

/** A command line that says nothing that can be done. The message is for the operator. */
export class UsageError extends Error {
  override name = "UsageError"
}

export const usage = `Usage:
  ophyd-ts run FILE PLAN [VALUE …] [--arg name=value …]   run a plan
  ophyd-ts summarize FILE PLAN [VALUE …] [--arg …]        say what it would do; no device is touched
  ophyd-ts list FILE                                      the plans and devices of a file
  ophyd-ts NAME …                                         run the program ophyd-ts-NAME that another package brings,
                                                          for example ophyd-ts dm of @ophyd-ts/aps-dm

Options of run:
  --md name=value     into the start document
  --store FILE        metadata that is kept from run to run, scan_id with it
  --record FOLDER     each run into a file of its own, one document per line
  --no-table          no table of the readings

A VALUE is JSON (3, true, "text", [1, 2]), else the name of a device (det, stage.x), a list of values ([det, stage.x]), else
text. VALUEs become the plan's arguments; the --arg ones together one object, the last argument. A VALUE that begins with
a minus sign and is no number stands after --, or in --arg.

Ctrl-C once: pause at the next checkpoint, then ask. Twice: pause at once. Exit status: 0 done or stopped, 1 failed,
2 cannot be run, 130 aborted or halted.
`

export const commands = ["run", "summarize", "list"] as const

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[]): CommandLine | "help" {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(argv)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  const { values: options, positionals } = parsed
  if (options.help) return "help"
  const [name, file, plan, ...values] = positionals
  if (name === "help") return "help"
  if (name === undefined) throw new UsageError("no command: run, summarize or list")
  const command = commands.find(c => c === name)
  if (command === undefined)
    throw new UsageError(
      `"${name}" is no command: run, summarize or list; and there is no program ophyd-ts-${name}`,
    )
  if (file === undefined) throw new UsageError(`${name}: which file?`)
  if (command !== "list" && plan === undefined)
    throw new UsageError(`${name} ${file}: which plan? See: ophyd-ts list ${file}`)
  if (command === "list" && plan !== undefined) throw new UsageError(`list: one file, not also "${plan}"`)
  if (command !== "run")
    for (const option of ["md", "store", "record", "no-table"] as const)
      if (options[option] !== undefined) throw new UsageError(`--${option} is for run`)
  return {
    command,
    file,
    plan: plan ?? "",
    values,
    named: pairs("arg", options.arg ?? []),
    metadata: pairs("md", options.md ?? []),
    record: options.record,
    store: options.store,
    table: !options["no-table"],
  }
}

/** No option begins with a digit, so a number is a value wherever it stands. */
const negative = /^-(?=\.?\d[\d.e+-]*$)/i
/** A minus sign that no option begins with. */
const minus = "\u2212"

const parse = (argv: readonly string[]) => {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length
  const { values, positionals } = parseWords(
    argv.map((word, i) => (i < end ? word.replace(negative, minus) : word)),
  )
  return { values, positionals: positionals.map(word => word.replace(minus, "-")) }
}

const parseWords = (args: string[]) =>
  parseArgs({
    args,
    allowPositionals: true,
    options: {
      arg: { type: "string", multiple: true, short: "a" },
      md: { type: "string", multiple: true },
      record: { type: "string" },
      store: { type: "string" },
      "no-table": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  })

function pairs(option: string, given: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const text of given) {
    const at = text.indexOf("=")
    if (at < 1) throw new UsageError(`--${option} ${text}: it is name=value`)
    const name = text.slice(0, at)
    if (found.has(name)) throw new UsageError(`--${option} ${name} is given twice`)
    found.set(name, text.slice(at + 1))
  }
  return found
}
