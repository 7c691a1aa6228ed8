import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"
import { programsOf } from "../test/support/page-blocks.ts"
import { peers } from "./peers.ts"

const config = `export default {
  ssr: { resolve: { conditions: ["@ophyd-ts/source"] } },
  test: { testTimeout: 60_000, hookTimeout: 60_000 },
}`

it("the tests of the page about the simulated beamline pass, as far as their IOCs are here", {
  timeout: 600_000,
}, async () => {
  const { softIoc, container } = peers()
  const page = await readFile(join(root, "docs/how-to/simulated-beamline.md"), "utf8")
  const here = programsOf(page).filter(({ file }) => {
    if (file === "test/softioc.test.ts") return softIoc
    return file === "test/container.test.ts" ? container : true
  })
  await mkdir(join(root, ".cache"), { recursive: true })
  const folder = await mkdtemp(join(root, ".cache/beamline-"))
  try {
    for (const { file, text } of [{ file: "vitest.config.ts", text: config }, ...here]) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), text)
    }
    const beamlines = ["embedded", ...(softIoc ? ["softioc"] : []), ...(container ? ["container"] : [])]
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [vitest, "run", "--root", folder, "--no-file-parallelism", "--no-isolate"],
      { env: { ...process.env, BEAMLINES: beamlines.join(","), NO_COLOR: "1" } },
    ).catch(({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${stdout}\n${stderr}`)
    })
    const files = here.filter(({ file }) => file.endsWith(".test.ts")).length
    expect(stdout).toMatch(new RegExp(`Test Files +${files} passed \\(${files}\\)`))
    expect(stdout).not.toMatch(/skipped|failed/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
