import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { File, type Group, ready } from "h5wasm/node"
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

  it("weighs each frame of an HDF5 file, and the motor that was scanned", async () => {
    const demo = demoWorkflow()
    const { dm, client, clock } = await startSim({ workflows: [demo.workflow], commands: demo.commands })
    const experiment = dm.experiments.byName("tomo-2026-1")
    await writeFrames(join(String(experiment.dataDirectory), "scan_1.h5"))
    const args = { filePath: "scan_1.h5", experimentName: "tomo-2026-1" }
    const { id } = await client.proc.startProcessingJob("s255user", "centre-of-mass", args)
    await expect.poll(() => clock.advance(1).then(() => dm.jobs.all()[0]?.status)).toBe("done")
    expect(dm.jobs.all()[0]).toMatchObject({ id, center: "2.5", sum: "24" })
    const result = join(String(experiment.analysisDirectory), "scan_1.h5.result.json")
    expect(JSON.parse(await readFile(result, "utf8"))).toMatchObject({
      motor: "m1",
      points: 4,
      frames: [
        { frame: 1, x: 0, y: 0, sum: 2 },
        { frame: 2, x: 2, y: 1, sum: 10 },
        { frame: 3, x: 1, y: 0.5, sum: 10 },
        { frame: 4, x: 1, y: 0.5, sum: 2 },
      ],
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

/** Four frames of 2 rows and 3 columns as a detector writes them, with the motor at 1, 2, 3, 4 mm. */
async function writeFrames(path: string): Promise<void> {
  await ready
  const file = new File(path, "w")
  for (const group of ["/entry", "/entry/data", "/entry/instrument", "/entry/instrument/NDAttributes"])
    file.create_group(group)
  const frames = [
    [2, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 10],
    [0, 5, 0, 0, 5, 0],
    [0, 1, 0, 0, 1, 0],
  ]
  const add = (name: string, data: Uint16Array | Int32Array | Float64Array, shape: number[]): void => {
    const slash = name.lastIndexOf("/")
    ;(file.get(name.slice(0, slash)) as Group).create_dataset({ name: name.slice(slash + 1), data, shape })
  }
  add("/entry/data/data", Uint16Array.from(frames.flat()), [4, 2, 3])
  add("/entry/instrument/NDAttributes/NDArrayUniqueId", Int32Array.of(1, 2, 3, 4), [4])
  add("/entry/instrument/NDAttributes/m1", Float64Array.of(1, 2, 3, 4), [4])
  add("/entry/instrument/NDAttributes/m2", Float64Array.of(7, 7, 7, 7), [4])
  file.close()
}

describe("a file that is none", () => {
  it("is refused with its name", async () => {
    const file = join(await temporaryDirectory(), "scan.h5")
    await writeFile(file, "no HDF5\n")
    await expect(centreOfMass(file)).rejects.toThrow(/scan.h5/)
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
