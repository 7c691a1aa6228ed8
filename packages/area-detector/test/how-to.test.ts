import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as entry from "@ophyd-ts/area-detector"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { expect, it } from "vitest"
import { codeOf, programsOf } from "../../../test/support/page-blocks.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const read = (page: string) => readFile(join(root, page), "utf8")

it("the programs of the page about cameras run, and a camera takes about 25 lines", {
  timeout: 120_000,
}, async () => {
  const page = await read("docs/how-to/area-detector.md")
  const programs = programsOf(page)
  await mkdir(join(root, ".cache"), { recursive: true })
  const folder = await mkdtemp(join(root, ".cache/area-detector-"))
  try {
    await using beamline = await startBeamline()
    const env = { ...process.env, ...beamline.clientEnvironment(), DATA: join(folder, "data") }
    const printed: Record<string, string> = {}
    for (const { file, text } of programs) {
      await writeFile(join(folder, file), text)
      if (file === "my-camera.ts") continue
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--import", "tsx", "--conditions=@ophyd-ts/source", join(folder, file)],
        { cwd: folder, env },
      )
      printed[file] = stdout
    }
    expect(printed["step.ts"]).toMatch(
      /^camera_image application\/x-hdf5 \/entry\/data\/data\n(-?[\d.]+ \d+\n){5}$/,
    )
    expect(printed["fly.ts"]).toBe("3 × 256 × 256\n1 × 256 × 256\n2 and 15 events\n")
    const lines =
      programs
        .find(({ file }) => file === "my-camera.ts")
        ?.text.trim()
        .split("\n") ?? []
    expect(lines.filter(line => line !== "").length).toBeLessThan(33)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it("the README shows lines that run", { timeout: 60_000 }, async () => {
  const [code = ""] = codeOf(await read("packages/area-detector/README.md"), "ts")
  await mkdir(join(root, ".cache"), { recursive: true })
  const folder = await mkdtemp(join(root, ".cache/area-detector-"))
  try {
    await using beamline = await startBeamline()
    const file = join(folder, "readme.ts")
    const end = 'import { closeDefaultClients } from "@ophyd-ts/epics"\nawait closeDefaultClients()\n'
    await writeFile(file, code.replace('"/data"', JSON.stringify(folder)) + end)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--conditions=@ophyd-ts/source", file],
      { cwd: folder, env: { ...process.env, ...beamline.clientEnvironment() } },
    )
    expect(stdout).toMatch(/^file:\/\/localhost\/.*\.h5\n1 \d+\n2 \d+\n3 \d+\n$/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it.each(["docs/how-to/area-detector.md", "packages/area-detector/README.md"])(
  "%s names only what the package has",
  async page => {
    const text = await read(page)
    const named = [...text.matchAll(/`([a-z]+Paths|\w+Error|triggerModes|isPresent|\w+Plugin)\b/g)].map(
      m => m[1] ?? "",
    )
    expect(named.length).toBeGreaterThan(5)
    for (const name of named) expect(Object.keys(entry)).toContain(name)
    const codes = await read("packages/area-detector/src/errors.ts")
    for (const [, code] of text.matchAll(/`([A-Z]+_[A-Z_]+)`/g)) expect(codes).toContain(`"${code}"`)
  },
)
