import { parseArgs } from "node:util"
import { isAway } from "../away.ts"
import { ConfigurationError, InvalidArgument } from "../errors.ts"
import { dmErrorBehind } from "../jobs/index.ts"
import { plainLines } from "../jobs/table.ts"
import {
  type Command,
  commonOptions,
  routesVariable,
  setupVariable,
  spoolVariable,
  takeApart,
} from "./command.ts"
import { config } from "./commands/config.ts"
import { experiments } from "./commands/experiments.ts"
import { jobs } from "./commands/jobs.ts"
import { start, watch } from "./commands/run-jobs.ts"
import { spool } from "./commands/spool.ts"
import { daqs, upload, uploads } from "./commands/transfers.ts"
import { workflows } from "./commands/workflows.ts"
import { type Terminal, UsageError } from "./terminal.ts"

const commands: Readonly<Record<string, Command>> = {
  config,
  experiments,
  daqs,
  uploads,
  upload,
  workflows,
  jobs,
  start,
  watch,
  spool,
}

/** What `ophyd-ts dm` ends with. */
export const exitStatus = { good: 0, failed: 1, usage: 2, away: 3, interrupted: 130 } as const

const list = Object.values(commands)
  .map(({ usage, what }) => `  ophyd-ts dm ${usage}\n      ${what}\n`)
  .join("")

export const usage = `Usage:
${list}
Options of every command:
  --setup FILE            the site's dm.setup.sh, read and never run; default $${setupVariable}, else the DM_… variables
  --station NAME          in place of DM_STATION_NAME
  --ca FILE               authority of the services' certificates, PEM
  --insecure              accept any certificate
  --request-timeout S     for one request, default 30
  --routes FILE           rows of the route table that the site corrects, JSON; default $${routesVariable}
  --spool DIR             default $${spoolVariable}, else ~/.ophyd-ts/dm-spool
  --json                  JSON in place of tables

Ctrl-C ends the watch of a job or an upload, which goes on in DM. Exit status: 0 good, 1 a job failed or DM says no,
2 the command line or the configuration is wrong, 3 DM is away, 130 interrupted.
`

/** Carries out one command line. @returns the exit status; never throws. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const [name, ...rest] = commandFirst(argv)
    if (name === undefined) throw new UsageError(`no command: ${Object.keys(commands).join(", ")}`)
    const asksForHelp = rest.includes("--help") || rest.includes("-h")
    if (asksForHelp || name === "--help" || name === "-h" || name === "help") {
      terminal.out(usage)
      return exitStatus.good
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined)
      throw new UsageError(`"${name}" is no command: ${Object.keys(commands).join(", ")}`)
    using invocation = takeApart(command, rest, terminal)
    return await command.run(invocation)
  } catch (thrown) {
    if (terminal.interrupt.aborted) {
      terminal.err("interrupted; what DM has begun goes on\n")
      return exitStatus.interrupted
    }
    terminal.err(plainLines(describe(thrown)))
    return statusOf(thrown)
  }
}

/** The options of every command may stand before it, too. */
function commandFirst(argv: readonly string[]): string[] {
  if (!argv[0]?.startsWith("--") || argv[0] === "--help") return [...argv]
  const { tokens } = parseArgs({ args: [...argv], options: commonOptions, strict: false, tokens: true })
  const at = tokens.find(({ kind }) => kind === "positional")?.index
  return at === undefined ? [...argv] : [argv[at] ?? "", ...argv.slice(0, at), ...argv.slice(at + 1)]
}

function statusOf(thrown: unknown): number {
  if (thrown instanceof UsageError || dmErrorBehind(thrown) instanceof ConfigurationError)
    return exitStatus.usage
  return isAway(thrown) ? exitStatus.away : exitStatus.failed
}

/** For the operator: what happened and why, without the stack. */
function describe(thrown: unknown): string {
  if (thrown instanceof UsageError) return `${thrown.message}\nSee: ophyd-ts dm --help\n`
  const error = dmErrorBehind(thrown) ?? thrown
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof InvalidArgument ? "" : causeOf(error, message)
  return `${message}\n${hint}`
}

function causeOf(error: unknown, said: string): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ""
  return cause === "" || said.includes(cause) || cause.includes("\n") ? "" : `  because: ${cause}\n`
}
