import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { findProgram } from "../../src/cli/other-program.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ophyd-ts-cli-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A program of Node below the folder; what `npm` puts into a bin folder is a link to a script. */
function program(path: string, text: string): string {
  const file = join(folder, path)
  mkdirSync(join(file, ".."), { recursive: true })
  writeFileSync(`${file}.mjs`, text)
  symlinkSync(`${file}.mjs`, file)
  return file
}

/** `ophyd-ts` as a process of its own. */
async function ophydTs(args: string[], path = folder) {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@ophyd-ts/source", main, ...args], {
    env: { ...process.env, PATH: path },
  })
  let [out, err] = ["", ""]
  child.stdout.on("data", chunk => (out += chunk))
  child.stderr.on("data", chunk => (err += chunk))
  const [status] = (await once(child, "close")) as [number | null]
  return { status, out, err }
}

describe("a command of another package", () => {
  it("is a program of its own: it gets the words, has the terminal, and its exit status counts", async () => {
    program("ophyd-ts-walk", "console.log(JSON.stringify(process.argv.slice(2))); process.exit(7)")
    const { status, out, err } = await ophydTs(["walk", "x y", "--json", "-h"])
    expect([status, JSON.parse(out), err]).toEqual([7, ["x y", "--json", "-h"], ""])
  }, 30_000)

  it("that nobody brings is a mistake, and the help says that there may be some", async () => {
    const { status, err } = await ophydTs(["walk"])
    expect([status, err]).toEqual([2, expect.stringContaining("there is no program ophyd-ts-walk")])
    expect((await ophydTs(["--help"])).out).toContain("ophyd-ts dm of @ophyd-ts/aps-dm")
  }, 30_000)

  it("is looked for beside this program, then in the project, then on the PATH", () => {
    const places = {
      self: join(folder, "bin", "ophyd-ts"),
      cwd: join(folder, "project", "deep"),
      path: ["", join(folder, "path")].join(process.platform === "win32" ? ";" : ":"),
    }
    expect(findProgram("walk", places)).toBeNull()
    const onPath = program("path/ophyd-ts-walk", "")
    expect(findProgram("walk", places)).toBe(onPath)
    const inProject = program("project/node_modules/.bin/ophyd-ts-walk", "")
    expect(findProgram("walk", places)).toBe(inProject)
    const beside = program("bin/ophyd-ts-walk", "")
    expect(findProgram("walk", places)).toBe(beside)
  })

  it.skipIf(process.platform === "win32")("is a file that can be run, and no folder", () => {
    const places = { self: undefined, cwd: folder, path: folder }
    const file = join(folder, "ophyd-ts-walk")
    mkdirSync(file)
    expect(findProgram("walk", places)).toBeNull()
    rmSync(file, { recursive: true })
    writeFileSync(file, "#!/bin/sh\n", { mode: 0o644 })
    expect(findProgram("walk", places)).toBeNull()
    chmodSync(file, 0o755)
    expect(findProgram("walk", places)).toBe(file)
  })

  it.each(["../walk", "a/b", "", "-x", "Walk", "a b"])("has a plain name, which %j is not", name => {
    expect(findProgram(name, { self: undefined, cwd: folder, path: folder })).toBeNull()
  })
})
