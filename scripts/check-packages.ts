/** Packs every package as npm would publish it and asks publint and attw whether a user could import the result. */
import { execFileSync } from "node:child_process"
import { packages, root } from "./workspace.ts"

const run = (command: string, args: string[], cwd: string): void => {
  execFileSync(command, args, { cwd, stdio: "inherit", shell: process.platform === "win32" })
}

run("npx", ["tsc", "-b"], root)
for (const { folder, manifest } of packages()) {
  if (manifest.private) continue
  console.log(`\n${manifest.name}`)
  run("npx", ["publint", "run", "--strict", folder], root)
  run("npx", ["attw", "--pack", folder, "--profile", "esm-only", "--format", "ascii"], root)
}
