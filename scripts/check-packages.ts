/** Packs every package as npm would publish it and asks publint and attw whether a user could import the result. */
import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { packages, root } from "./workspace.ts"

/** Runs a tool of this repository; gives what it printed. */
function run(tool: string, ...args: string[]): Promise<string> {
  const command = join(root, "node_modules", ".bin", tool)
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: root, shell: process.platform === "win32" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr)
      else reject(new Error(`${tool} ${args.join(" ")} failed:\n${stdout}${stderr}`))
    })
  })
}

await run("tsc", "-b")
const waiting = packages().filter(({ manifest }) => !manifest.private)

/** Checks one package after the other, until none is left. */
async function check(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { folder, manifest } = next
    const said = [
      await run("publint", "run", "--strict", folder),
      await run("attw", "--pack", folder, "--profile", "esm-only", "--format", "ascii"),
    ]
    console.log(`\n${manifest.name}\n${said.join("")}`)
  }
}

try {
  await Promise.all(Array.from({ length: availableParallelism() }, check))
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
  waiting.length = 0
}
