import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { describe, expect, it } from "vitest"
import {
  buildRunMetadataDict,
  DmError,
  DmExperimentSignals,
  type DmTransferError,
  DmWaitTimeout,
  dmAddWorkflow,
  dmDaqWaitUploadPlan,
  dmEnsureDaq,
  dmExperimentsTable,
  dmFileReadyToProcess,
  dmGetDaqs,
  dmGetExperimentDatadirActiveDaq,
  dmGetExperimentFile,
  dmGetExperimentPath,
  dmGetExperiments,
  dmGetWorkflow,
  dmSetup,
  dmStartDaq,
  dmStopDaq,
  dmUpdateWorkflow,
  dmUpload,
  getWorkflowLastStage,
  RunDocuments,
  type RunMetadata,
  runDataset,
  setupUser,
  shareBlueskyMetadataWithDm,
  shareRunMetadata,
  untilUploaded,
  validateExperimentDataDirectory,
  waitDmUpload,
} from "../src/index.ts"
import { experiment, owner, setUp, temporaryDirectory } from "./support/service.ts"

const quick = { period: 0.02, timeout: 10 }

describe("an experiment", () => {
  it("is valid when it exists and has a data directory", async () => {
    const { dm, sim } = await setUp({
      experiments: [{ name: experiment }, { name: "unmanaged", managedDirectoryStructure: false }],
    })
    const found = await validateExperimentDataDirectory(dm, experiment)
    expect(found.dataDirectory.startsWith(sim.dataRoot)).toBe(true)
    expect(found.dataDirectory.startsWith(await dmGetExperimentPath(dm, experiment))).toBe(true)
    await expect(validateExperimentDataDirectory(dm, "no-such")).rejects.toMatchObject({
      code: "ObjectNotFound",
    })
    await expect(validateExperimentDataDirectory(dm, "unmanaged")).rejects.toThrow(
      /"unmanaged" has no data directory/,
    )
  })

  it.each(["", "a b", "a/b", "a$b", "a'b", "#1", "a:b"])(
    "cannot be called %j, and DM is not even asked",
    async name => {
      const { dm, sim } = await setUp()
      await expect(validateExperimentDataDirectory(dm, name)).rejects.toMatchObject({
        code: "InvalidArgument",
      })
      expect(sim.control.requests).toEqual([])
    },
  )

  it("is listed with the others of the station, as rows or as a table", async () => {
    const { dm } = await setUp({ experiments: [{ name: "a", description: "first" }, { name: "b" }] })
    const rows = await dmGetExperiments(dm, {
      keys: ["name", "experimentStation", "nothing"],
      defaultValue: "?",
    })
    expect(rows.map(row => row["name"]).sort()).toEqual(["a", "b"])
    expect(rows[0]).toMatchObject({ nothing: "?" })
    expect(rows[0]?.["experimentStation"]).not.toContain("{")
    const table = (await dmExperimentsTable(dm)).split("\n")
    expect(table[0]).toMatch(/^id +name +startDate +experimentType +experimentStation$/)
    expect(table).toHaveLength(4)
  })
})

describe("a DAQ", () => {
  it("is found by experiment and directory only while it is pending or running", async () => {
    const { dm } = await setUp()
    const watched = await temporaryDirectory()
    expect(await dmGetExperimentDatadirActiveDaq(dm, experiment, watched)).toBeNull()
    const { id } = await dmStartDaq(dm, experiment, watched, { destDirectory: "raw" })
    expect(await dmGetExperimentDatadirActiveDaq(dm, experiment, watched)).toMatchObject({
      id,
      destDirectory: "raw",
    })
    expect(await dmGetExperimentDatadirActiveDaq(dm, experiment, `${watched}/`)).toBeNull()
    expect(await dmGetExperimentDatadirActiveDaq(dm, "other", watched)).toBeNull()
    await dmStopDaq(dm, experiment, watched)
    await expect.poll(() => dmGetExperimentDatadirActiveDaq(dm, experiment, watched)).toBeNull()
    expect(await dmGetDaqs(dm, experiment)).toMatchObject([{ id }])
    expect(await dmGetDaqs(dm, "other")).toEqual([])
  })

  it("is started once, also when the answer to the start is lost", async () => {
    const { dm, sim } = await setUp()
    const watched = await temporaryDirectory()
    sim.control.fault({ kind: "dropAnswer", call: "startDaq" })
    const daq = await dmEnsureDaq(dm, experiment, watched)
    expect(await dmGetDaqs(dm, experiment)).toMatchObject([{ id: daq.id, status: "running" }])
    sim.control.fault({ kind: "dropRequest", call: "startDaq" })
    await expect(dmEnsureDaq(dm, experiment, await temporaryDirectory())).rejects.toMatchObject({
      outcomeUnknown: true,
    })
  })

  it("cannot be started for an unknown experiment or a directory that is not there", async () => {
    const { dm } = await setUp()
    await expect(dmStartDaq(dm, "no-such", await temporaryDirectory())).rejects.toMatchObject({
      code: "ObjectNotFound",
    })
    await expect(dmStartDaq(dm, experiment, "/nowhere/at/all")).rejects.toMatchObject({
      code: "InvalidRequest",
    })
  })
})

describe("an upload", () => {
  it("of a file gives its id, and is done when the file is stored", async () => {
    const { dm, RE } = await setUp()
    const from = await temporaryDirectory()
    await writeFile(join(from, "mask.txt"), "0 1 1\n")
    const id = await dmUpload(dm, experiment, from, {
      experimentFilePath: "mask.txt",
      destDirectory: "parameters",
    })
    const { value } = await RE.run(dmDaqWaitUploadPlan(dm, id, quick))
    expect(value).toMatchObject({ id, status: "done", nProcessedFiles: 1 })
    const files = await dm.cat.getExperimentFiles(experiment)
    const path = String(files[0]?.experimentFilePath)
    expect(path).toMatch(/mask\.txt$/)
    expect(await dmGetExperimentFile(dm, experiment, path)).toMatchObject({ fileSize: 6 })
    expect(await dmFileReadyToProcess(dm, experiment, path)).toBe(true)
    await expect(dmGetExperimentFile(dm, experiment, "other.txt")).rejects.toMatchObject({
      code: "ObjectNotFound",
    })
  })

  it("that ends badly fails the wait with DM's reason", async () => {
    const { dm, RE } = await setUp()
    const id = "00000000-0000-4000-8000-000000000001"
    await expect(RE.run(dmDaqWaitUploadPlan(dm, id, quick))).rejects.toMatchObject({ code: "ObjectNotFound" })
    const answers = [
      { id, status: "running" },
      { id, status: "failed", errorMessage: "disk full" },
      { id, status: "aborting" },
      { id, status: "skipped" },
      { id, status: "done", nProcessingErrors: 2 },
    ]
    const daq = { getUploadInfo: async () => answers.shift() }
    const wait = () =>
      untilUploaded({ daq } as never, id, quick).catch((error: DmTransferError) => error.message)
    expect([await wait(), await wait(), await wait(), await wait()]).toEqual([
      `DM upload ${id} ended as failed: disk full`,
      `DM upload ${id} ended as aborting: no reason given`,
      `DM upload ${id} ended as skipped: no reason given`,
      `DM upload ${id} ended as done: 2 files failed`,
    ])
  })

  it("is waited for on while the service is away, but not for ever", async () => {
    const { dm, sim, RE } = await setUp()
    const waiting = RE.run(
      waitDmUpload(dm, { experiment, file: ["a.txt", "b.txt"], timeout: 0.5, pollPeriod: 0.02 }),
    ).catch(error => error)
    await expect.poll(() => sim.control.count("getExperimentFile")).toBeGreaterThan(0)
    await sim.control.goAway()
    const error = await waiting
    expect(error).toBeInstanceOf(DmWaitTimeout)
    expect(error.message).toMatch(
      /"tomo-2026-1": a.txt, b.txt \(0 of 2 are there\): not within 0.5 s, and at the end there was no answer: .*connection refused/,
    )
  })
})

describe("a service that is away while something is waited for", () => {
  const polling = (dm: Parameters<typeof untilUploaded>[0], onAway?: (error: DmError) => void) =>
    untilUploaded(dm, "u", { period: 0.02, onAway })

  it("is said at once, with what is waited for, and anew when it was there meanwhile", async () => {
    const { dm, sim, RE } = await setUp()
    const said: string[] = []
    const waiting = RE.run(
      waitDmUpload(dm, {
        experiment,
        file: "a.txt",
        timeout: 60,
        pollPeriod: 0.02,
        onAway: ({ message }) => void said.push(message),
      }),
    )
    for (const times of [1, 2]) {
      await sim.control.goAway()
      await expect.poll(() => said.length).toBe(times)
      await sim.control.comeBack()
      const before = sim.control.count("getExperimentFile")
      await expect.poll(() => sim.control.count("getExperimentFile")).toBeGreaterThan(before)
    }
    expect(said[0]).toMatch(
      /^files in DM experiment "tomo-2026-1": a\.txt \(0 of 1 are there\): DM is away and is asked again for 60 s in all: .*connection refused/,
    )
    const source = await temporaryDirectory()
    await writeFile(join(source, "a.txt"), "x")
    await dmUpload(dm, experiment, source)
    await waiting
    expect(said).toHaveLength(2)
  })

  it("is asked again a few times when it says itself that it cannot work, and is believed then", async () => {
    const trouble = () => Promise.reject(new DmError("DbError", "the database is locked"))
    const done = () => Promise.resolve({ id: "u", status: "done" })
    const service = (answers: (() => Promise<unknown>)[]) =>
      ({ daq: { getUploadInfo: () => (answers.shift() ?? trouble)() } }) as never
    const said: string[] = []
    const onAway = ({ code }: DmError) => void said.push(code)
    expect(await polling(service([trouble, trouble, done]), onAway)).toMatchObject({ status: "done" })
    expect(said).toEqual(["DbError"])
    await expect(polling(service([]))).rejects.toMatchObject({ code: "DbError" })
    const refusal = () => Promise.reject(new DmError("AuthorizationError", "no"))
    await expect(polling(service([refusal, done]))).rejects.toMatchObject({ code: "AuthorizationError" })
  })
})

describe("setting up for a user", () => {
  it("checks the experiment, starts a DAQ, uploads parameters and remembers it all; a second time it starts nothing", async () => {
    const { dm, sim, RE } = await setUp()
    const [watched, parameters] = [await temporaryDirectory(), await temporaryDirectory()]
    await writeFile(join(parameters, "recipe.json"), "{}")
    const signals = new DmExperimentSignals({ name: "dm_experiment" })
    const plan = () =>
      setupUser(dm, signals, {
        experiment,
        dataDirectory: watched,
        uploads: [{ dataDirectory: parameters, file: "recipe.json" }],
        ...quick,
      })
    const { value: first } = await RE.run(plan())
    const { value: again } = await RE.run(plan())
    expect(again?.daq.id).toBe(first?.daq.id)
    expect(sim.control.count("startDaq")).toBe(1)
    expect(Object.values(await signals.readConfiguration()).map(reading => reading.value)).toEqual([
      experiment,
      watched,
      first?.daq.id,
      again?.uploadIds[0],
    ])
    // From now on what appears in the directory is carried to the experiment.
    await mkdir(join(watched, "scan"))
    await writeFile(join(watched, "scan", "0001.txt"), "1 2 3\n")
    const file = first?.experiment.dataDirectory ?? ""
    await expect
      .poll(() => readFile(join(file, "scan", "0001.txt"), "utf8").catch(() => ""), { timeout: 10_000 })
      .toBe("1 2 3\n")
    await RE.run(waitDmUpload(dm, { experiment, file: "scan/0001.txt", pollPeriod: 0.02 }))
  })

  it.each([
    ["an unknown experiment", { experiment: "no-such" }, "ObjectNotFound"],
    ["an impossible name", { experiment: "a b" }, "InvalidArgument"],
    ["a directory that is not there", { dataDirectory: "/nowhere/at/all" }, "InvalidRequest"],
  ])("fails for %s before anything is remembered as started", async (_, wrong, code) => {
    const { dm, RE } = await setUp()
    const signals = new DmExperimentSignals({ name: "dm_experiment" })
    const options = { experiment, dataDirectory: await temporaryDirectory(), ...wrong }
    await expect(RE.run(setupUser(dm, signals, options))).rejects.toMatchObject({ code })
    expect(await signals.daqId.get()).toBe("")
  })

  it("fails with one clear error when DM is away", async () => {
    const { dm, RE, sim } = await setUp()
    await sim.control.goAway()
    const signals = new DmExperimentSignals({ name: "dm_experiment" })
    await expect(RE.run(setupUser(dm, signals, { experiment, dataDirectory: "/d" }))).rejects.toMatchObject({
      code: "CommunicationError",
      message: expect.stringContaining("data storage service"),
    })
  })
})

describe("workflows", () => {
  it("come from JSON files, and their stages run in the order of their names", async () => {
    const { dm } = await setUp()
    const file = join(await temporaryDirectory(), "workflow.json")
    const stages = { "02-B": { command: "/bin/true" }, "01-A": { command: "/bin/true" } }
    await writeFile(file, JSON.stringify({ name: "from-file", owner, description: "one", stages }))
    await dmAddWorkflow(dm, file)
    await expect(dmAddWorkflow(dm, file)).rejects.toMatchObject({ code: "ObjectAlreadyExists" })
    await writeFile(file, JSON.stringify({ name: "from-file", owner, description: "two", stages }))
    await dmUpdateWorkflow(dm, file)
    const workflow = await dmGetWorkflow(dm, "from-file")
    expect([workflow.description, getWorkflowLastStage(workflow)]).toEqual(["two", "02-B"])
    for (const [text, why] of [
      ["not JSON", /workflow.json: no DM workflow in JSON/],
      ["[]", /no DM workflow/],
      ['{"stages": {"1": {"command": "x"}}}', /no name/],
      ['{"name": "x", "stages": {}}', /no stages/],
    ] as const) {
      await writeFile(file, text)
      await expect(dmAddWorkflow(dm, file)).rejects.toThrow(why)
    }
  })
})

describe("a site's setup file", () => {
  it("gives a client that works", async () => {
    const { sim } = await setUp()
    const file = join(await temporaryDirectory(), "dm.setup.sh")
    const lines = Object.entries(sim.environment()).map(([name, value]) => `export ${name}="${value}"`)
    await writeFile(file, `#!/bin/bash\n${lines.join("\n")}\n`)
    await using dm = dmSetup(file)
    expect([dm.station, dm.username]).toEqual(["255IDZ", owner])
    expect(await dm.ds.getExperimentByName(experiment)).toMatchObject({ name: experiment })
  })
})

describe("a run's metadata", () => {
  /** Runs a plan with two streams and gives what was gathered. */
  async function gathered(
    RE: Awaited<ReturnType<typeof setUp>>["RE"],
    md: Record<string, unknown> = {},
  ): Promise<RunMetadata> {
    const documents = new RunDocuments()
    const signals = new DmExperimentSignals({ name: "dm_experiment" })
    await RE.run(
      (function* (): Plan<void> {
        yield* bps.subscribe(documents.receive)
        yield* bps.openRun(md)
        yield* bps.triggerAndRead([signals.experiment])
        yield* bps.triggerAndRead([signals.daqId], "extra")
        yield* bps.closeRun()
      })(),
    )
    return documents.last as RunMetadata
  }

  it("begins with what every run should say, and the user has the last word", () => {
    const md = buildRunMetadataDict({ title: "mine" }, { experiment }, new Date("2026-05-28T20:26:40Z"))
    expect(md).toEqual({
      title: "mine",
      description: "not given",
      datetime: "2026-05-28T20:26:40.000Z",
      data_management: { experiment },
    })
  })

  it("is stored as a dataset named after the run; a second time is no error", async () => {
    const { dm, RE } = await setUp()
    const run = await gathered(RE, buildRunMetadataDict({}, { experiment }))
    const { value } = await RE.run(shareRunMetadata(dm, { experiment, workflow: "count-lines", run }))
    expect(value).toMatchObject({ datasetName: `run_uid8_${run.start.uid.slice(0, 8)}` })
    const [dataset] = await dm.cat.getExperimentDatasets(experiment)
    expect(dataset).toMatchObject({
      bluesky_run_uid: run.start.uid,
      workflow_name: "count-lines",
      bluesky_start: { data_management: { experiment } },
      bluesky_stop: { exit_status: "success" },
      bluesky_metadata: {
        primary: { descriptors: [{ name: "primary" }] },
        extra: { descriptors: [{ name: "extra" }] },
      },
    })
    expect(await shareBlueskyMetadataWithDm(dm, { experiment, workflow: "w", run })).toBeNull()
  })

  it("that DM does not take is an error, or a note, as the caller wants", async () => {
    const { dm, RE } = await setUp()
    const run = await gathered(RE)
    const options = { experiment: "no-such", workflow: "w", run }
    await expect(shareBlueskyMetadataWithDm(dm, options)).rejects.toMatchObject({ code: "ObjectNotFound" })
    const problems: string[] = []
    const onProblem = (error: { code: string }) => problems.push(error.code)
    expect(await shareBlueskyMetadataWithDm(dm, { ...options, shouldRaise: false, onProblem })).toBeNull()
    expect(problems).toEqual(["ObjectNotFound"])
  })

  it("that is too long for a request loses its bulk first, says so, and is refused only at the end", async () => {
    const { dm, RE } = await setUp()
    const run = await gathered(RE)
    const descriptors = new Map([
      ["primary", [{ ...run.descriptors.get("primary")?.[0], configuration: { big: "x".repeat(90_000) } }]],
    ])
    await shareBlueskyMetadataWithDm(dm, { experiment, workflow: "w", run: { ...run, descriptors } as never })
    const [dataset] = await dm.cat.getExperimentDatasets(experiment)
    expect(dataset).toMatchObject({ left_out: ["configuration"] })
    const huge = { ...run, start: { ...run.start, notes: "x".repeat(90_000) } }
    await expect(shareBlueskyMetadataWithDm(dm, { experiment, workflow: "w", run: huge })).rejects.toThrow(
      /bytes are too long for a request/,
    )
  })

  it("is written as JSON can hold it", async () => {
    const { RE } = await setUp()
    const run = await gathered(RE, { a: new Float64Array([1, 2]), b: 5n, c: 2n ** 70n, d: undefined })
    expect(runDataset({ experiment, workflow: "w", run })["bluesky_start"]).toMatchObject({
      a: [1, 2],
      b: 5,
      c: String(2n ** 70n),
    })
  })

  it("of the last runs is kept, and no more", async () => {
    const documents = new RunDocuments({ limit: 2 })
    for (const uid of ["a", "b", "c"]) documents.receive("start", { uid, time: 0 })
    expect([documents.get("a"), documents.last?.start.uid]).toEqual([undefined, "c"])
  })
})
