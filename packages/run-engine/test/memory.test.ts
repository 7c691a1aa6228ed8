import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

it("an hour's worth of points, recorded, does not grow the heap", { timeout: 180_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "long-"))
  const program = fileURLToPath(new URL("./support/long-scan.ts", import.meta.url))
  const options = ["--expose-gc", "--import", "tsx", "--conditions=@ophyd-ts/source"]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...options, program, folder, "100000"])
    const { seen, growth } = JSON.parse(stdout)
    expect(seen).toBe(100_000)
    expect(growth).toBeLessThan(2_000_000)
    expect(statSync(join(folder, readdirSync(folder)[0]!)).size).toBeGreaterThan(100_000 * 200)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
