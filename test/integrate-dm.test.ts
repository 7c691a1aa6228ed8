import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { demoWorkflow, stageProcess, startBeamline, startDmService } from "@ophyd-ts/ioc-sim"
import { describe, expect, it, onTestFinished } from "vitest"
import { root } from "../scripts/workspace.ts"
import { blocksOf } from "./support/page-blocks.ts"

const page = readFileSync(join(root, "docs", "integrate-dm.md"), "utf8")

/** What the page has for a file, its blocks one below the other. */
const fileOf = (name: string): string =>
  blocksOf(page)
    .filter(({ file }) => file === name)
    .map(({ text }) => text)
    .join("\n")

describe("the guide to DM in plans", () => {
  it("is one program that runs, block by block", { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "ophyd-ts-guide-"))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const place = (name: string) => join(folder, name)
    for (const name of ["local", "parameters", "etc"]) mkdirSync(place(name))
    writeFileSync(join(place("parameters"), "analysis.json"), "{}\n")
    writeFileSync(place("package.json"), '{ "type": "module" }\n')
    symlinkSync(join(root, "node_modules"), place("node_modules"), "junction")
    for (const name of ["follow-frames.json", "consume.ts"]) writeFileSync(place(name), fileOf(name))

    const node = ["--import", "tsx", "--conditions=@ophyd-ts/source"]
    const demo = demoWorkflow({ stageSeconds: 0.1 })
    const consume = stageProcess({ file: process.execPath, args: [...node, place("consume.ts")], cwd: root })
    await using dm = await startDmService({
      dataRoot: place("dm"),
      experiments: [{ name: "tomo-2026-1" }],
      workflows: [demo.workflow],
      commands: [{ workflow: "follow-frames", stage: "02-CONSUME", play: consume }, ...demo.commands],
    })
    await using beamline = await startBeamline({ areaDetector: { sensor: [64, 64] } })
    const exports = Object.entries(dm.environment()).map(([name, value]) => `export ${name}=${value}\n`)
    writeFileSync(join(place("etc"), "dm.setup.sh"), exports.join(""))

    const program = fileOf("beamline.ts")
      .replaceAll("/home/dm/etc", place("etc"))
      .replaceAll("/local/tomo", place("local"))
      .replaceAll("/home/user/parameters", place("parameters"))
    writeFileSync(place("beamline.ts"), program)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...node, place("beamline.ts")], {
      cwd: folder,
      env: { ...process.env, ...beamline.clientEnvironment() },
    })
    expect(stderr).toBe("")
    expect(stdout).toMatch(/tomo-2026-1/)
    expect(stdout).toMatch(/files \[ 'raw\/[0-9a-f-]{36}\.h5' \] job done/)
    expect(stdout).toMatch(/frames 11 results 11/)
    expect(stdout).toMatch(/waiting 0/)
    const datasets = dm.datasets.list("tomo-2026-1")
    expect(datasets.map(({ workflow_name }) => workflow_name)).toEqual([
      "centre-of-mass",
      "follow-frames",
      "",
    ])
  })
})
