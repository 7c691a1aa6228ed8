/** Where the project's private Python environment is, and how a Python is found to make it from. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { IocSimError } from "../errors.ts"

const run = promisify(execFile)

/** The folder of this package, which holds `db/` and `python/`. */
export const packageFolder = fileURLToPath(new URL("../../", import.meta.url))

/** The oldest Python that all pinned requirements accept. */
export const oldestPython = [3, 11] as const

/**
 * The folder of the private virtual environment: `OPHYD_TS_VENV`, else `.venv` in the root of the repository, else
 * (the package was installed by npm) `.venv` in the current folder.
 */
export function venvFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const wanted = environment["OPHYD_TS_VENV"]
  if (wanted !== undefined && wanted !== "") return resolve(wanted)
  return isInstalled() ? resolve(".venv") : join(packageFolder, "..", ".venv")
}

/** Whether npm put this package where it is; else this is the repository. */
export const isInstalled = (folder: string = packageFolder): boolean =>
  folder.split(sep).includes("node_modules")

/** The interpreter inside a virtual environment. Windows puts it elsewhere than everybody else. */
export function venvPython(
  venv: string = venvFolder(),
  platform: NodeJS.Platform = process.platform,
): string {
  return platform === "win32" ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python")
}

/** The interpreter of the private virtual environment if there is one. */
export function installedPython(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const python = venvPython(venvFolder(environment))
  return existsSync(python) ? python : undefined
}

/** Version of an interpreter, or `undefined` when it cannot be run. */
export async function pythonVersion(python: string): Promise<readonly [number, number] | undefined> {
  try {
    const { stdout } = await run(
      python,
      ["-c", "import sys; print(sys.version_info[0], sys.version_info[1])"],
      { timeout: 30_000, windowsHide: true },
    )
    const [major, minor] = stdout.trim().split(" ").map(Number)
    return major === undefined || minor === undefined ? undefined : [major, minor]
  } catch {
    return undefined
  }
}

/**
 * The first Python on the `PATH` that is new enough.
 * @throws IocSimError `python-not-found` naming each candidate and what was wrong with it.
 */
export async function findPython(candidates: readonly string[] = pythonCandidates()): Promise<string> {
  const seen: string[] = []
  for (const candidate of candidates) {
    const version = await pythonVersion(candidate)
    if (version === undefined) seen.push(`${candidate}: not found`)
    else if (isNewEnough(version)) return candidate
    else seen.push(`${candidate}: version ${version.join(".")}`)
  }
  throw new IocSimError(
    "python-not-found",
    `no Python ${oldestPython.join(".")} or newer was found (${seen.join(", ")}); install one, or name it in PYTHON`,
  )
}

function isNewEnough([major, minor]: readonly [number, number]): boolean {
  return major > oldestPython[0] || (major === oldestPython[0] && minor >= oldestPython[1])
}

function pythonCandidates(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = environment["PYTHON"]
  const usual = process.platform === "win32" ? ["python", "python3"] : ["python3", "python"]
  return named === undefined || named === "" ? usual : [named]
}
