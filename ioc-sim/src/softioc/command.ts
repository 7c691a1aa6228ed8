/** Which genuine IOC this machine has. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { IocSimError } from "../errors.ts"
import { installedPython, isInstalled, packageFolder, venvFolder, venvPython } from "./python.ts"

/** How to start one, and how to say something to its shell. */
export interface SoftIocCommand {
  /** For people: `softIocPVX` or `pvxslibs`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** A command of the IOC shell as this IOC's standard input wants it. */
  readonly line: (shellCommand: string) => string
}

/** What a database asks of an IOC. */
export interface SoftIocNeeds {
  /**
   * pvAccess: true, the default, by QSRV2 (the library pvxs); "qsrv1" by the older QSRV of EPICS Base (the library
   * pvAccessCPP), which can only be searched by UDP.
   */
  readonly pva?: boolean | "qsrv1"
  /** The motor, scaler and busy record types, which EPICS Base has not. Default false. */
  readonly motor?: boolean
}

/**
 * An EPICS installation on the `PATH` first, then the wheels of the private environment.
 * @throws IocSimError `bad-argument` for needs that no IOC meets, and `softioc-not-found` that says what was looked for and how to get it.
 */
export function softIocCommand(
  needs: SoftIocNeeds = {},
  environment: NodeJS.ProcessEnv = process.env,
): SoftIocCommand {
  const { pva = true, motor = false } = needs
  if (motor && pva === "qsrv1")
    throw new IocSimError("bad-argument", "the motor, scaler and busy records come with QSRV2 only")
  // Only the wheels' IOC can be given record types without a compiler.
  const wanted = motor ? [] : onPathOf(pva)
  for (const name of wanted) {
    const found = onPath(name, environment)
    if (found !== undefined) return { name, command: found, args: [], line: text => `${text}\n` }
  }
  const python = installedPython(environment)
  if (python !== undefined) {
    const name = pva === true || motor ? "pvxslibs" : "epicscorelibs"
    const args = motor ? [join(packageFolder, "python", "softioc.py")] : ["-m", `${name}.ioc`]
    return { name, command: python, args, line: text => `ioc(${JSON.stringify(text)})\n` }
  }
  throw new IocSimError(
    "softioc-not-found",
    `no genuine IOC here: looked for ${wanted.map(name => `${name} on the PATH, `).join("")}a Python environment in ` +
      `${venvFolder(environment)}; ${howToInstall(venvFolder(environment))}`,
  )
}

/** In the repository a script makes the environment; a project that uses this package has no such script. */
export function howToInstall(venv: string, folder = packageFolder): string {
  if (!isInstalled(folder)) return "`npm run ioc:install` makes that one"
  const list = join(folder, "python", "requirements-softioc.txt")
  return `\`python3 -m venv ${venv}\` and \`${venvPython(venv)} -m pip install -r ${list}\` make that one`
}

function onPathOf(pva: boolean | "qsrv1"): readonly string[] {
  if (pva === "qsrv1") return ["softIocPVA"]
  return pva ? ["softIocPVX"] : ["softIocPVX", "softIoc"]
}

function onPath(name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const file = process.platform === "win32" ? `${name}.exe` : name
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue
    const candidate = join(folder, file)
    try {
      accessSync(candidate, constants.X_OK)
      return candidate
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
