import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it } from "vitest"
import {
  DmExperimentSignals,
  lookUpExperiment,
  RunDocuments,
  runDataset,
  setupUser,
  shareRunMetadata,
} from "../src/index.ts"
import { experiment, setUp, temporaryDirectory } from "./support/service.ts"

const esaf = {
  esafId: 300_123,
  esafTitle: "Grains under load",
  esafStatus: "Approved",
  experimentUsers: [
    { badgeNumber: "900001", firstName: "Ada", lastName: "Example", email: "ada@example.org", piFlag: "Yes" },
    { badge: 900_002, firstName: "Ben", piFlag: "No" },
  ],
}
const proposal = {
  id: "0071234",
  title: "Grains",
  experimenters: [{ id: 5, badge: "900001", firstName: "Ada", lastName: "Example", piFlag: "Y" }, {}],
}

const setUpScheduled = () =>
  setUp({
    experiments: [{ name: experiment, users: ["d900001", "d900002"] }],
    esafs: [{ document: esaf }],
    proposals: [
      { document: { ...proposal, title: "An older one" }, runName: "2020-1" },
      { document: proposal },
    ],
  })

describe("whose an experiment is", () => {
  it("is looked up with its ESAF and proposal, in one form for both", async () => {
    const { dm } = await setUpScheduled()
    const found = await lookUpExperiment(dm, { experiment, esaf: 300_123, proposal: 71_234 })
    expect(found).toEqual({
      experiment: {
        name: experiment,
        id: expect.stringMatching(/^\d+$/),
        type: "TEST",
        station: "255IDZ",
        start: expect.any(String),
        end: expect.any(String),
      },
      users: ["d900001", "d900002"],
      esaf: {
        id: "300123",
        title: "Grains under load",
        status: "Approved",
        users: [
          { badge: "900001", name: "Ada Example", email: "ada@example.org", pi: true },
          { badge: "900002", name: "Ben", email: "", pi: false },
        ],
      },
      proposal: {
        id: "0071234",
        title: "Grains",
        cycle: (await dm.aps.getCurrentRun()).name,
        users: [
          { badge: "900001", name: "Ada Example", email: "", pi: true },
          { badge: "", name: "", email: "", pi: false },
        ],
      },
    })
    const older = await lookUpExperiment(dm, { experiment, proposal: 71_234, cycle: "2020-1" })
    expect(older.proposal).toMatchObject({ title: "An older one", cycle: "2020-1" })
    expect(older).not.toHaveProperty("esaf")
  })

  it("asks for nothing that was not wanted, and says what is not there", async () => {
    const { dm, sim } = await setUpScheduled()
    await lookUpExperiment(dm, { experiment })
    expect([sim.control.count("getStationEsafById"), sim.control.count("getCurrentRun")]).toEqual([0, 0])
    await expect(lookUpExperiment(dm, { experiment, esaf: 1 })).rejects.toMatchObject({
      code: "ObjectNotFound",
    })
    await expect(lookUpExperiment(dm, { experiment: "a b" })).rejects.toMatchObject({
      code: "InvalidArgument",
    })
  })

  it("is part of a run's metadata and of what DM stores about the run", async () => {
    const { dm, RE } = await setUpScheduled()
    const documents = new RunDocuments()
    const plan = function* (): Plan<void> {
      const md = yield* bps.call(() => lookUpExperiment(dm, { experiment, esaf: 300_123 }))
      yield* bps.subscribe(documents.receive)
      yield* bps.openRun({ ...md })
      yield* bps.closeRun()
      const run = documents.last
      if (run === undefined) throw new Error("no run")
      yield* shareRunMetadata(dm, {
        experiment,
        workflow: "w",
        run,
        catalog: "255idz_data",
        extra: { ...md },
      })
    }
    await RE.run(plan())
    const [dataset] = await dm.cat.getExperimentDatasets(experiment)
    expect(dataset).toMatchObject({
      bluesky_run_uid: documents.last?.start.uid,
      bluesky_catalog: "255idz_data",
      bluesky_streams: [],
      bluesky_start: { esaf: { title: "Grains under load" }, users: ["d900001", "d900002"] },
      esaf: { id: "300123" },
    })
  })

  it("cannot replace what a dataset has to say itself", () => {
    const run = { start: { uid: "0123456789", time: 0 }, stop: null, descriptors: new Map() }
    const dataset = runDataset({
      experiment,
      workflow: "w",
      run,
      extra: { experimentName: "other", note: 1 },
    })
    expect(dataset).toMatchObject({ experimentName: experiment, note: 1 })
  })
})

describe("the experiment that was set up", () => {
  it("survives a restart when it is asked to", async () => {
    const { dm, RE } = await setUp()
    const file = join(await temporaryDirectory(), "deep", "experiment.json")
    const dataDirectory = await temporaryDirectory()
    const before = new DmExperimentSignals({ name: "dm_experiment" })
    const { value } = await RE.run(setupUser(dm, before, { experiment, dataDirectory, rememberIn: file }))
    // Another program, later.
    const after = new DmExperimentSignals({ name: "dm_experiment" })
    expect(await after.recall(file)).toBe(true)
    expect(await after.readConfiguration()).toMatchObject({
      dm_experiment_experiment: { value: experiment },
      dm_experiment_data_directory: { value: dataDirectory },
      dm_experiment_daq_id: { value: value?.daq.id },
    })
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ experiment })
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o077).toBe(0)
  })

  it("is not there at the first start, and a damaged file is an error that names it", async () => {
    const signals = new DmExperimentSignals({ name: "dm_experiment" })
    const file = join(await temporaryDirectory(), "experiment.json")
    expect(await signals.recall(file)).toBe(false)
    await writeFile(file, '{"experiment": 3}')
    await expect(signals.recall(file)).rejects.toMatchObject({
      code: "ConfigurationError",
      message: expect.stringContaining(file),
    })
  })
})
