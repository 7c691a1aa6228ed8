/** Makes the private virtual environment that holds the genuine softIoc and every peer of the interop tests. */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { IocSimError } from "../errors.ts"
import { findPython, packageFolder, pythonVersion, venvFolder, venvPython } from "./python.ts"

/** Where things are and who is told about progress. Everything has a default. */
export interface InstallOptions {
  /** Folder of the virtual environment. Default: {@link venvFolder}. */
  readonly venv?: string
  /** The pinned list. Default: the one this package ships. */
  readonly requirements?: string
  /** Gets each line of progress. Default: nobody. */
  readonly report?: (line: string) => void
}

/** What {@link installPeers} found or made. */
export interface Installed {
  readonly venv: string
  readonly python: string
  /** False when everything was there already. */
  readonly changed: boolean
}

/**
 * Makes the environment complete. Does nothing, quickly, when the same list has been installed before.
 * @throws IocSimError `python-not-found` or `install-failed` with the end of the installer's output.
 */
export async function installPeers(options: InstallOptions = {}): Promise<Installed> {
  const venv = options.venv ?? venvFolder()
  const requirements = options.requirements ?? join(packageFolder, "python", "requirements.txt")
  const report = options.report ?? (() => {})
  const python = venvPython(venv)
  const stampFile = join(venv, "ophyd-ts-installed.sha256")
  const stamp = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")

  const works = existsSync(python) && (await pythonVersion(python)) !== undefined
  if (works && (await readFile(stampFile, "utf8").catch(() => "")) === stamp) {
    return { venv, python, changed: false }
  }
  if (!works) {
    const host = await findPython()
    report(`making ${venv} with ${host}`)
    // --clear: an interrupted first attempt, or a Python that has moved, leaves a folder that looks complete.
    await step(host, ["-m", "venv", "--clear", venv], report)
  }
  report(`installing ${requirements}`)
  await step(
    python,
    ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", requirements],
    report,
  )
  await writeFile(stampFile, stamp)
  return { venv, python, changed: true }
}

async function step(command: string, args: readonly string[], report: (line: string) => void): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true })
  let tail = ""
  const collect = (chunk: string): void => {
    tail = (tail + chunk).slice(-4_000)
    for (const line of chunk.split(/\r?\n/)) if (line.startsWith("Successfully")) report(line)
  }
  child.stdout.setEncoding("utf8").on("data", collect)
  child.stderr.setEncoding("utf8").on("data", collect)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  }).catch((cause: unknown) => {
    throw new IocSimError("install-failed", `could not run ${command} ${args.join(" ")}`, { cause })
  })
  if (code === 0) return
  const hint = tail.includes("ensurepip")
    ? "; this Python was installed without ensurepip (Debian: apt install python3-venv)"
    : ""
  throw new IocSimError(
    "install-failed",
    `${command} ${args.join(" ")} ended with exit status ${code}${hint}\n${tail.trim()}`,
  )
}
