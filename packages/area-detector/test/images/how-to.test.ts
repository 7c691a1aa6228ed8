import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { decode } from "fast-png"
import { expect, it } from "vitest"
import { programsOf } from "../../../../test/support/page-blocks.ts"

const root = fileURLToPath(new URL("../../../..", import.meta.url))

it("the programs of the page about images run one after the other", { timeout: 120_000 }, async () => {
  const page = await readFile(join(root, "docs/how-to/images.md"), "utf8")
  const programs = programsOf(page)
  await mkdir(join(root, ".cache"), { recursive: true })
  const folder = await mkdtemp(join(root, ".cache/images-"))
  try {
    await using beamline = await startBeamline()
    const printed: Record<string, string> = {}
    for (const { file, text } of programs) {
      await writeFile(join(folder, file), text)
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--import", "tsx", "--conditions=@ophyd-ts/source", join(folder, file)],
        { cwd: folder, env: { ...process.env, ...beamline.clientEnvironment() } },
      )
      printed[file] = stdout
    }
    // The light wanders over the sensor as the sample moves.
    const means = [...printed["step.ts"]!.matchAll(/-?\d+\.\d+/g)].map(Number)
    expect(means).toHaveLength(3)
    expect(means).toEqual([...means].sort((a, b) => a - b))
    const png = decode(await readFile(join(folder, "frame-0.png")))
    expect(png).toMatchObject({ width: 256, height: 256, channels: 1, depth: 8 })
    expect(new Set(png.data).size).toBeGreaterThan(20)
    expect(printed["fly.ts"]).toBe("spot_unique_id spot_brightest spot_exposure 20\n20 frames, 0 lost\n")
    expect(printed["watch.ts"]).toMatch(/^256 × 256 uint\d+ Mono, id \d+ 20\d\d-/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
