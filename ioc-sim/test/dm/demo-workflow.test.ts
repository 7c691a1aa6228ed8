import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { centreOfMass, demoStages, demoWorkflow } from "../../src/dm/index.ts"
import { startSim, temporaryDirectory } from "./support.ts"

const data = "# point position counts\nposition counts\n0 10\n1, 20\n2\t10\n"

async function runDemo(options: Parameters<typeof demoWorkflow>[0] = {}, text = data) {
  const demo = demoWorkflow(options)
  const { dm, client, clock } = await startSim({ workflows: [demo.workflow], commands: demo.commands })
  const experiment = dm.experiments.byName("tomo-2026-1")
  await writeFile(join(String(experiment.dataDirectory), "scan_1.txt"), text)
  const args = { filePath: "scan_1.txt", experimentName: "tomo-2026-1" }
  const { id } = await client.proc.startProcessingJob("s255user", "centre-of-mass", args)
  await clock.advance(5)
  return { client, experiment, job: await client.proc.getProcessingJobById("s255user", id) }
}

describe("the demo's workflow", () => {
  it("reads the data file, and stores the centre of mass in the experiment", async () => {
    const { client, experiment, job } = await runDemo()
    expect(job).toMatchObject({ status: "done", stage: "03-STORE", center: "1", sum: "40" })
    const result = join(String(experiment.analysisDirectory), "scan_1.txt.result.json")
    expect(JSON.parse(await readFile(result, "utf8"))).toEqual({
      job: job.id,
      input: "scan_1.txt",
      center: 1,
      sum: 40,
      points: 3,
    })
    expect(await client.cat.getExperimentFile("tomo-2026-1", "scan_1.txt.result.json")).toBeDefined()
  })

  it.each(demoStages)("can be told to fail in %s", async failStage => {
    const { job } = await runDemo({ failStage })
    expect(job).toMatchObject({ status: "failed", stage: failStage })
    const [child] = Object.values(job.workflow?.stages?.[failStage]?.childProcesses ?? {})
    expect(child).toMatchObject({
      exitStatus: 1,
      stdErr: expect.stringContaining(`${failStage}: failed on request`),
    })
  })

  it("fails by itself when there is nothing to weigh", async () => {
    const { job } = await runDemo({}, "no numbers\n")
    expect(job).toMatchObject({ status: "failed", stage: "02-ANALYZE" })
  })

  it("takes another analysis", async () => {
    const { job } = await runDemo({ analyze: async path => ({ center: path.length, sum: 1 }) })
    expect(job).toMatchObject({ status: "done", sum: "1" })
  })
})

describe("the centre of mass of a text file", () => {
  it.each([
    ["0 1\n1 3\n", { center: 0.75, sum: 4, points: 2 }],
    ["-1,5,2\n-3,5,2\n", { center: -2, sum: 4, points: 2 }],
  ])("%j is %j", async (text, expected) => {
    const file = join(await temporaryDirectory(), "f.txt")
    await writeFile(file, text)
    expect(await centreOfMass(file)).toEqual(expected)
  })

  it("is refused without counts", async () => {
    const file = join(await temporaryDirectory(), "f.txt")
    await writeFile(file, "1 0\n2 0\n")
    await expect(centreOfMass(file)).rejects.toThrow("no counts")
  })
})
