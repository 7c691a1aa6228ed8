import { spawn } from "node:child_process"
import { accessSync, constants, realpathSync, statSync } from "node:fs"
import { delimiter, dirname, join, resolve } from "node:path"

/** Where programs `ophyd-ts-NAME` are looked for. */
export interface Places {
  /** This program as it was called; others installed with it lie beside it. */
  self: string | undefined
  /** The project's own programs win over those of the system. */
  cwd: string
  /** Folders as in the variable PATH. */
  path: string | undefined
}

const windows = process.platform === "win32"

/**
 * The program that carries out `ophyd-ts NAME`: another package brings it, as `ophyd-ts-NAME`. Looked for beside this
 * program, in `node_modules/.bin` of this folder and of those above, and on the PATH. Null when there is none.
 */
export function findProgram(name: string, places: Places): string | null {
  // A name and nothing that leads elsewhere.
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return null
  const file = `ophyd-ts-${name}${windows ? ".cmd" : ""}`
  for (const folder of folders(places)) {
    const program = join(folder, file)
    if (isProgram(program)) return program
  }
  return null
}

function* folders({ self, cwd, path = "" }: Places): Generator<string> {
  if (self !== undefined) yield dirname(resolve(self))
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    yield join(folder, "node_modules", ".bin")
    if (folder === dirname(folder)) break
  }
  yield* path.split(delimiter).filter(folder => folder !== "")
}

function isProgram(file: string): boolean {
  try {
    if (!statSync(file).isFile()) return false
    if (!windows && !isScript(file)) accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A script of Node: one that was just built may not be executable yet. */
const isScript = (file: string): boolean => /\.[cm]?js$/.test(realpathSync(file))

/**
 * Runs it in place of this program: it has the terminal, Ctrl-C is its own business, and its exit status is ours.
 * @throws an error of the system when it cannot be started
 */
export async function runProgram(program: string, args: readonly string[]): Promise<number> {
  const script = isScript(program)
  const command = script ? process.execPath : program
  const child = spawn(command, [...(script ? [program] : []), ...args], {
    stdio: "inherit",
    shell: windows && !script,
  })
  // The terminal sends it to both.
  const leaveAlone = () => {}
  const end = () => void child.kill("SIGTERM")
  process.on("SIGINT", leaveAlone)
  process.on("SIGTERM", end)
  try {
    return await new Promise((done, fail) => {
      child.once("error", fail)
      child.once("exit", (code, signal) => done(code ?? (signal === "SIGINT" ? 130 : 1)))
    })
  } finally {
    process.off("SIGINT", leaveAlone)
    process.off("SIGTERM", end)
  }
}
