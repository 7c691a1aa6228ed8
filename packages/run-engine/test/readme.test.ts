import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { codeOf } from "../../../test/support/page-blocks.ts"

it("the README shows code that runs", { timeout: 60_000 }, async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  // Below the workspace, so that the packages are found.
  const cache = fileURLToPath(new URL("../../../.cache/", import.meta.url))
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "readme-"))
  try {
    const code = codeOf(readme, "ts").join("\n").replace("~/.ophyd-ts/metadata.json", join(folder, "md.json"))
    writeFileSync(
      join(folder, "example.ts"),
      `${code}\nconsole.log(JSON.stringify({ value, scans: RE.metadata.get("scan_id") }))`,
    )
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--conditions=@ophyd-ts/source", join(folder, "example.ts")],
      { cwd: folder },
    )
    const { value, scans } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
    expect(value).toBeCloseTo(0)
    expect(scans).toBe(2)
    expect(stdout).toContain("|         1 |")
    expect(readdirSync(join(folder, "runs"))).toHaveLength(2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
