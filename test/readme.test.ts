import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { describe, expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"
import { codeOf } from "./support/page-blocks.ts"

const readme = readFileSync(join(root, "README.md"), "utf8")

describe("the README", () => {
  it("shows ten lines that run", { timeout: 60_000 }, async () => {
    const [code = ""] = codeOf(readme, "ts")
    const file = join(root, ".cache", "readme.ts")
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, code)
    await using beamline = await startBeamline()
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--conditions=@ophyd-ts/source", file],
      { cwd: root, env: { ...process.env, ...beamline.clientEnvironment() } },
    )
    expect(stdout).toMatch(/\| +seq_num \| +time \| +x \| +y \|/)
    expect(stdout.match(/^\| +\d \|/gm)).toHaveLength(5)
  })

  it.each(["README.md", ...pages("docs"), ...pages("examples"), "CONTRIBUTING.md"])(
    "%s links to what exists",
    page => {
      const text = readFileSync(join(root, page), "utf8")
      const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(match => match[1] ?? "")
      expect(links.filter(link => !existsSync(join(root, dirname(page), link)))).toEqual([])
    },
  )
})

function pages(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.name.endsWith(".md") && !entry.parentPath.includes("node_modules"))
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
}
