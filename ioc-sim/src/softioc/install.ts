/** Makes the private virtual environment that holds the genuine softIoc and, on request, the peers of the interop tests. */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { IocSimError } from "../errors.ts"
import { findPython, packageFolder, pythonVersion, venvFolder, venvPython } from "./python.ts"

/** What to install, where, and who is told about progress. Everything has a default. */
export interface InstallOptions {
  /** Besides the genuine softIoc all that the interop tests and benchmarks use; some 200 packages. Default false. */
  readonly peers?: boolean
  /** Folder of the virtual environment. Default: {@link venvFolder}. */
  readonly venv?: string
  /** The pinned lists. Default: the ones this package ships. */
  readonly lists?: { readonly softIoc: string; readonly peers: string }
  /** Gets each line of progress. Default: nobody. */
  readonly report?: (line: string) => void
}

/** What {@link installPython} found or made. */
export interface Installed {
  readonly venv: string
  readonly python: string
  /** False when everything was there already. */
  readonly changed: boolean
}

const shipped = {
  softIoc: join(packageFolder, "python", "requirements-softioc.txt"),
  peers: join(packageFolder, "python", "requirements-peers.txt"),
}

/**
 * Makes the environment complete. Does nothing, quickly, when the same lists have been installed before.
 * @throws IocSimError `python-not-found` or `install-failed` with the end of the installer's output.
 */
export async function installPython(options: InstallOptions = {}): Promise<Installed> {
  const { peers = false, venv = venvFolder(), lists = shipped, report = () => {} } = options
  const wanted = peers ? [lists.softIoc, lists.peers] : [lists.softIoc]
  const python = venvPython(venv)
  // One stamp for each list: who has the peers has the softIoc, and does not lose them by asking for it.
  const stamps = await Promise.all(
    wanted.map(async list => ({
      file: join(venv, `ophyd-ts-${basename(list, ".txt")}.sha256`),
      sum: createHash("sha256")
        .update(await readFile(list))
        .digest("hex"),
    })),
  )

  const works = existsSync(python) && (await pythonVersion(python)) !== undefined
  const found = await Promise.all(stamps.map(({ file }) => readFile(file, "utf8").catch(() => "")))
  if (works && stamps.every(({ sum }, index) => found[index] === sum)) return { venv, python, changed: false }
  if (!works) {
    const host = await findPython()
    report(`making ${venv} with ${host}`)
    // --clear: an interrupted first attempt, or a Python that has moved, leaves a folder that looks complete.
    await step(host, ["-m", "venv", "--clear", venv], report)
  }
  report(`installing ${wanted.join(" and ")}`)
  const from = wanted.flatMap(list => ["-r", list])
  await step(python, ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", ...from], report)
  for (const { file, sum } of stamps) await writeFile(file, sum)
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
