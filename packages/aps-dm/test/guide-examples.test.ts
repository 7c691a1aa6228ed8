import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { startDmService } from "@ophyd-ts/ioc-sim"
import { expect, it, onTestFinished } from "vitest"
import { codeOf } from "../../../test/support/page-blocks.ts"
import * as entry from "../src/index.ts"
import { temporaryDirectory } from "./support/service.ts"

const guide = fileURLToPath(new URL("../../../docs/dm.md", import.meta.url))
// Below the workspace, so that the packages are found.
const cache = fileURLToPath(new URL("../../../.cache/", import.meta.url))

/** What the examples take for granted: an engine, a detector that writes files, names. */
const preamble = (watched: string) => `
import { writeFileSync } from "node:fs"
import { bp, bps, RunEngine } from "@ophyd-ts/run-engine"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
const RE = new RunEngine()
const allRuns = new RunDocuments()
RE.subscribe(allRuns.receive)
let run
let frames = 0
const detector = simDetector("det", {
  value: () => {
    for (let i = 0; i < 10; i++) writeFileSync(${JSON.stringify(watched)} + "/frame_" + String(++frames) + ".tif", "x")
    writeFileSync(${JSON.stringify(watched)} + "/scan_0001.h5", "data")
    writeFileSync(${JSON.stringify(watched)} + "/dark.h5", "dark")
    return frames
  },
})
const motor = simMotor("motor")
const [experiment, workflow, daq_id] = ["tomo-2026-1", "xpcs", "1"]
const filePath = "/data/scan_0001.h5"
const darkMd5 = "a82fd95db10ff25dfad39f07372ebe37"
const fractions = []
const show = fraction => fractions.push(fraction)
`

/** Each part between blank lines as it stands; what yields becomes a plan that is run. */
function program(blocks: readonly string[]): string {
  const imports = new Set<string>()
  const parts: string[] = []
  for (const block of blocks) {
    const body = block.replace(/^import \{ ([^}]*) \} from "@ophyd-ts\/aps-dm"\n/gm, (_, names: string) => {
      for (const name of names.split(", ")) imports.add(name)
      return ""
    })
    for (const part of body.split(/\n{2,}/).filter(text => text.trim() !== "")) {
      // One job at a time: the one before has been left to the background.
      if (part.includes("runDmWorkflow")) parts.push("await dmWorkflow.whenIdle()")
      parts.push(part.includes("yield*") ? `await RE.run((function* () {\n${part}\n})())` : part)
      parts.push("run = allRuns.last")
    }
  }
  const used = Object.keys(entry).filter(name => new RegExp(`\\b${name}\\b`).test(blocks.join("\n")))
  const names = new Set([...imports, ...used, "RunDocuments"])
  return `import { ${[...names].join(", ")} } from "@ophyd-ts/aps-dm"\n${parts.join("\n")}`
}

it("every example of the DM guide runs, one after the other, against the simulated service", async () => {
  const stages = { "01": { command: "correlate $filePath" } }
  const sim = await startDmService({
    dataRoot: await temporaryDirectory(),
    experiments: [{ name: "tomo-2026-1" }],
    workflows: [{ name: "xpcs", stages }],
    commands: [{ play: { stdOut: "good\n" } }],
    esafs: [{ document: { esafId: 300_123, esafTitle: "Grains" } }],
    proposals: [{ document: { id: "0071234", title: "Grains" } }],
    timing: { pending: 0.02, finalizing: 0.02, command: 0.02, poll: 0.05 },
  })
  onTestFinished(() => sim.close())
  const watched = await temporaryDirectory()
  const parameters = await temporaryDirectory()
  for (const folder of [watched, parameters]) await writeFile(join(folder, "mask.h5"), "mask")
  const setup = join(await temporaryDirectory(), "dm.setup.sh")
  const variables = Object.entries(sim.environment())
  await writeFile(setup, variables.map(([name, value]) => `export ${name}="${value}"\n`).join(""))
  const paths: Record<string, string> = {
    "/home/dm/etc/dm.setup.sh": setup,
    "/local/tomo": watched,
    "/home/user/parameters": parameters,
    "/home/user/.ophyd-ts/dm-spool": join(await temporaryDirectory(), "spool"),
  }
  const text = await readFile(guide, "utf8")
  const blocks = codeOf(text, "ts").map(block =>
    Object.entries(paths).reduce((code, [from, to]) => code.replaceAll(from, to), block),
  )
  expect(blocks.length).toBeGreaterThan(8)
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, "dm-guide-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [first = "", ...rest] = program(blocks).split("\n")
  const code = `${first}\n${preamble(watched)}\n${rest.join("\n")}
await spool.settled()
await dmWorkflow.whenIdle()
const files = (await dm.cat.getExperimentFiles(experiment)).length
const datasets = (await dm.cat.getExperimentDatasets(experiment)).length
process.stdout.write("@@" + JSON.stringify({ files, datasets, left: await spool.list(), fractions, md, arrived: arrived.success }))
process.exit(0)
`
  await writeFile(join(folder, "examples.ts"), code)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--conditions=@ophyd-ts/source", join(folder, "examples.ts")],
    { env: { ...process.env, ...sim.environment() }, timeout: 90_000 },
  )
  const found = JSON.parse(stdout.split("@@").at(-1) ?? "")
  expect(found).toMatchObject({ datasets: 1, left: [], arrived: true, md: { esaf: { title: "Grains" } } })
  expect(found.files).toBeGreaterThan(200)
  expect(found.fractions.at(-1)).toBe(1)
  expect(sim.control.jobs).toMatchObject([{ filePath: "/data/scan_0001.h5" }, { experiment: "tomo-2026-1" }])
}, 120_000)
