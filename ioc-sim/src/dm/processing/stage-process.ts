import { spawn } from "node:child_process"
import { DmSimError } from "../errors.ts"
import type { CommandFunction } from "./commands.ts"

/** What is started in place of the command's first word. */
export interface StageProgram {
  /** Executable, for example `process.execPath`. */
  readonly file: string
  /** In front of the command's own arguments. */
  readonly args?: readonly string[]
  readonly cwd?: string
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Characters of stdout and of stderr that are kept: the last ones. */
const outputLimit = 1_000_000
/** Seconds between asking a process of a cancelled job to end and ending it. */
const patience = 2

/**
 * Plays a stage's command with a real process: the program, with the words that follow the command's first as its
 * arguments. No shell is involved, so quotes mean nothing and a word cannot hold blanks. A job that is aborted ends the
 * process, with SIGTERM and then SIGKILL. For `commands` of `startDmService`.
 */
export function stageProcess(program: StageProgram): CommandFunction {
  return async ({ command, signal, outside }) => {
    const words = command.split(/\s+/).slice(1)
    return await outside(run(program, words, signal))
  }
}

function run({ file, args = [], cwd, env }: StageProgram, words: readonly string[], signal: AbortSignal) {
  return new Promise<{ exitStatus: number; stdOut: string; stdErr: string }>((resolve, reject) => {
    const child = spawn(file, [...args, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env: { ...env } }),
    })
    let stdOut = ""
    let stdErr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdOut = (stdOut + text).slice(-outputLimit)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stdErr = (stdErr + text).slice(-outputLimit)
    })
    let killing: ReturnType<typeof setTimeout> | undefined
    const end = (): void => {
      child.kill("SIGTERM")
      killing = setTimeout(() => child.kill("SIGKILL"), patience * 1000)
      killing.unref()
    }
    // This process may end before the patience does.
    const kill = (): void => void child.kill("SIGKILL")
    process.once("exit", kill)
    const over = (): void => {
      clearTimeout(killing)
      process.off("exit", kill)
      signal.removeEventListener("abort", end)
    }
    signal.addEventListener("abort", end, { once: true })
    if (signal.aborted) end()
    child.on("error", cause => {
      over()
      reject(new DmSimError("DM_SIM_NO_PROCESS", `${file} could not be started: ${cause.message}`, { cause }))
    })
    child.on("close", (code, killedBy) => {
      over()
      // As a shell says it: 128 and the number of the signal; nobody here needs the exact one.
      const exitStatus = code ?? 128
      const note = killedBy === null ? "" : `ended by ${killedBy}\n`
      resolve({ exitStatus, stdOut, stdErr: stdErr + note })
    })
  })
}
