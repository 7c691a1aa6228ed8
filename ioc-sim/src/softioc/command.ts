/** Which genuine IOC this machine has. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { IocSimError } from "../errors.ts"
import { installedPython, venvFolder } from "./python.ts"

/** How to start one, and how to say something to its shell. */
export interface SoftIocCommand {
  /** For people: `softIocPVX` or `pvxslibs`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** A command of the IOC shell as this IOC's standard input wants it. */
  readonly line: (shellCommand: string) => string
}

/**
 * An EPICS installation on the `PATH` first, then the wheels of the private environment.
 * @param pva whether QSRV2 (pvAccess by pvxs) has to be in it.
 * @throws IocSimError `softioc-not-found` that says what was looked for and how to get it.
 */
export function softIocCommand(pva: boolean, environment: NodeJS.ProcessEnv = process.env): SoftIocCommand {
  const wanted = pva ? ["softIocPVX"] : ["softIocPVX", "softIoc"]
  for (const name of wanted) {
    const found = onPath(name, environment)
    if (found !== undefined) return { name, command: found, args: [], line: text => `${text}\n` }
  }
  const python = installedPython(environment)
  if (python !== undefined) {
    const name = pva ? "pvxslibs" : "epicscorelibs"
    return {
      name,
      command: python,
      args: ["-m", `${name}.ioc`],
      line: text => `ioc(${JSON.stringify(text)})\n`,
    }
  }
  throw new IocSimError(
    "softioc-not-found",
    `no genuine IOC here: looked for ${wanted.join(" and ")} on the PATH and for a Python environment in ` +
      `${venvFolder(environment)}; \`npm run ioc:install\` makes that one`,
  )
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
