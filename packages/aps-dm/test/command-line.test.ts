import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { main, usage } from "../src/cli/program.ts"
import { bar, ProgressBar } from "../src/cli/progress-bar.ts"
import { DmRoutes, DmSpool } from "../src/index.ts"
import { experiment, owner, second, setUp as setUpService, temporaryDirectory } from "./support/service.ts"

/** A service, and the command line on a terminal that is a text. */
async function setUp(options: Parameters<typeof setUpService>[0] = {}) {
  const service = await setUpService(options)
  const spoolDirectory = join(await temporaryDirectory(), "spool")
  const environment: Record<string, string> = {
    ...service.sim.environment(),
    OPHYD_TS_DM_SPOOL: spoolDirectory,
  }
  const dm = async (
    argv: readonly string[],
    more: { tty?: boolean; env?: object; interrupt?: AbortSignal } = {},
  ) => {
    let [out, err] = ["", ""]
    const status = await main(argv, {
      out: text => {
        out += text
      },
      err: text => {
        err += text
      },
      tty: more.tty ?? false,
      environment: { ...environment, ...more.env },
      interrupt: more.interrupt ?? new AbortController().signal,
    })
    return { status, out, err, lines: out.trimEnd().split("\n") }
  }
  const json = async (argv: readonly string[]) => JSON.parse((await dm([...argv, "--json"])).out)
  return {
    ...service,
    client: service.dm,
    dm,
    json,
    environment,
    spool: new DmSpool({ directory: spoolDirectory }),
  }
}

describe("ophyd-ts dm config", () => {
  it("shows which value came from where, and no secret", async () => {
    const { dm, environment } = await setUp()
    const file = join(await temporaryDirectory(), "dm.setup.sh")
    await writeFile(
      file,
      "export DM_STATION_NAME=FROM-FILE\nexport DM_APS_DB_WEB_SERVICE_URL=http://127.0.0.1:1\n",
    )
    const env = { DM_STATION_NAME: "", DM_DS_WEB_SERVICE_URL: "" }
    const { status, out } = await dm(["config", "--setup", file, "--request-timeout", "5"], { env })
    const rows = Object.fromEntries(
      out.split("\n").map(line => [line.slice(0, 10).trim(), line.slice(12).trim().split(/ {2,}/)]),
    )
    expect(status).toBe(0)
    expect(rows["station"]).toEqual(["FROM-FILE", "setup file"])
    expect(rows["urls.proc"]).toEqual([environment["DM_PROC_WEB_SERVICE_URL"], "environment"])
    expect(rows["urls.ds"]).toEqual(["-", "not set (DM_DS_WEB_SERVICE_URL)"])
    expect(rows["username"]).toEqual([owner, "login file"])
    expect(rows["password"]).toEqual(["-", "login file (not shown)"])
    expect(rows["timeout"]).toEqual(["5 s", "explicit"])
    expect(rows["setup file"]).toEqual([file, "explicit"])
    expect(out).not.toContain("simulated")
  })

  it("says so when the login file cannot be read, and is no failure", async () => {
    const { dm } = await setUp()
    const { status, out } = await dm(["config"], { env: { DM_LOGIN_FILE: "/no/such" } })
    expect([status, out]).toEqual([
      0,
      expect.stringMatching(/username +- +cannot read the DM login file \/no\/such/),
    ])
  })
})

describe("ophyd-ts dm experiments, workflows, daqs, uploads, jobs", () => {
  it("list what DM has, as a table or as JSON", async () => {
    const { dm, json, client } = await setUp()
    const watched = await temporaryDirectory()
    await client.daq.startDaq(experiment, watched)
    const { id } = await client.proc.startProcessingJob(owner, "count-lines", { filePath: "/dev/null" })
    expect((await dm(["experiments"])).lines[0]).toMatch(/^id +name +type +start +end +description$/)
    expect(await json(["experiments"])).toMatchObject([{ name: experiment }])
    expect((await dm(["workflows"])).lines[2]).toMatch(/^count-lines +1 +01-START, 02-COUNT, 03-NOTE/)
    expect((await dm(["daqs"])).lines[2]).toMatch(new RegExp(`${experiment} +running +0/0 +0 .*${watched}$`))
    expect((await dm(["daqs", "--experiment", "other"])).err).toBe("there are no DAQs\n")
    expect(await json(["uploads"])).toEqual([])
    expect((await dm(["jobs"])).lines[2]).toMatch(new RegExp(`^${id} +(pending|running|finalizing|done) `))
    await expect.poll(() => json(["jobs", "--active"])).toEqual([])
    expect(await json(["jobs", "--limit", "1"])).toMatchObject([{ id, status: "done" }])
  })

  it("show one experiment or workflow in full, and add and replace workflows", async () => {
    const { dm, json } = await setUp({
      experiments: [{ name: experiment }, { name: "unmanaged", managedDirectoryStructure: false }],
    })
    expect((await dm(["experiments", experiment])).out).toMatch(/^dataDirectory +\/.*tomo-2026-1/m)
    const [{ id }] = await json(["experiments"])
    expect(await json(["experiments", `${id}`])).toMatchObject({ id, name: "unmanaged" })
    expect(await dm(["experiments", "unmanaged"])).toMatchObject({
      status: 1,
      err: "unmanaged has no data directory: DM cannot store data in it\n",
    })
    const file = join(await temporaryDirectory(), "w.json")
    const document = { name: "mine", owner, stages: { "01-A": { command: "echo $filePath $gain" } } }
    await writeFile(file, JSON.stringify(document))
    expect((await dm(["workflows", "--add", file])).out).toBe("workflow mine was added, version 1\n")
    expect(await dm(["workflows", "--add", file])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/already exists/),
    })
    expect((await dm(["workflows", "--update", file])).out).toBe("workflow mine was updated, version 2\n")
    expect((await dm(["workflows", "mine"])).lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^mine of s255user, version 2/),
      "needs: filePath, gain",
    ])
    expect(await json(["workflows", "mine"])).toMatchObject({ requiredArguments: ["filePath", "gain"] })
  })

  it("write what DM says without its control characters", async () => {
    const { dm, sim } = await setUp({ experiments: [{ name: experiment, description: "a\u001b[2Jb\nc" }] })
    expect((await dm(["experiments"])).out).toMatch(/a \[2Jb c\n$/)
    sim.control.play(second({ exitStatus: 1, stdOut: "\u001b[1mbold", stdErr: "red\u001b[31m\nsecond line" }))
    const { out, err } = await dm(["start", "count-lines", "filePath=/a", "--period", "0.02"])
    expect(out + err).not.toContain("\u001b")
    expect(err).toMatch(/red \[31m\nsecond line\n$/)
  })
})

describe("ophyd-ts dm daqs start and stop", () => {
  it("watch a directory, unless it is watched already, and end that", async () => {
    const { dm, json, client } = await setUp()
    const watched = await temporaryDirectory()
    await writeFile(join(watched, "before.txt"), "x")
    await writeFile(join(watched, "before.part"), "x")
    const begin = ["daqs", "start", experiment, watched, "--dest", "raw", "--existing", "--skip", "*.part"]
    const first = await dm(begin)
    const [{ id }] = await json(["daqs", "--active"])
    expect(first).toMatchObject({ status: 0, out: `${id}\n`, err: "" })
    const again = await dm(begin)
    expect(again).toMatchObject({ status: 0, out: `${id}\n` })
    expect(again.err).toBe("it is active already, and its options stay as they are\n")
    expect(await json(begin)).toMatchObject({ id, destDirectory: "raw", dataDirectory: watched })
    expect(await dm(["daqs", "stop", experiment, watched])).toMatchObject({
      status: 0,
      out: `the DAQ of ${watched} ends when DM has stored what waits\n`,
    })
    await expect.poll(() => json(["daqs", "--active"])).toEqual([])
    const files = (await client.cat.getExperimentFiles(experiment)).map(file => file.experimentFilePath)
    expect(files).toEqual(["raw/before.txt"])
    expect(await dm(["daqs", "stop", experiment, watched])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/stopDaq: no active DAQ of tomo-2026-1 for /),
    })
    // Behind a host the service cannot know, and starts one all the same.
    const nowhere = await dm(["daqs", "start", experiment, "@localhost:/no/such"])
    expect(nowhere).toMatchObject({
      status: 0,
      err: "this machine has no @localhost:/no/such: does DM's machine have it?\n",
    })
  })

  it.each([
    [["daqs", "begin"], '"begin" is none of start, stop'],
    [["daqs", "start", "e"], "start which experiment and directory?"],
    [["daqs", "stop", "e", "/d", "/f"], 'what is "/f"?'],
  ])("%j is called wrongly: %s", async (argv, message) => {
    const { dm } = await setUp()
    expect(await dm(argv)).toMatchObject({ status: 2, err: expect.stringContaining(message) })
  })
})

describe("ophyd-ts dm start and watch", () => {
  it("start a job, follow it to its end and show its stages", async () => {
    const { dm, sim } = await setUp()
    const { status, out, err } = await dm(["start", "count-lines", "filePath=/a", "n=3", "--period", "0.02"])
    expect([status, sim.control.jobs[0]]).toMatchObject([0, { filePath: "/a", n: "3", status: "done" }])
    expect(out).toMatch(/^workflow count-lines, job [0-9a-f]{8}, done\nstage_id +process/)
    // No terminal, so one line for each state.
    expect(err).toMatch(/^job [0-9a-f]{8}: pending\n(job .*\n)*job [0-9a-f]{8}: done.*\n$/)
    expect(err).not.toContain("\u001b")
  })

  it("draw a bar on a terminal", async () => {
    const { dm, sim } = await setUp()
    sim.control.play(second({ seconds: 0.3 }))
    const { err } = await dm(["start", "count-lines", "filePath=/a", "--period", "0.02"], { tty: true })
    expect(err).toContain(`\r\u001b[K${bar(1 / 3)} job`)
    expect(err).toContain(`${bar(1)} job`)
    expect(err.endsWith("\n")).toBe(true)
    expect([bar(-1), bar(2)]).toEqual([`[${".".repeat(30)}]`, `[${"#".repeat(30)}]`])
  })

  it("leave the bar out on a narrow terminal, and draw nothing after its end", () => {
    let err = ""
    const write = (text: string) => {
      err += text
    }
    const interrupt = new AbortController().signal
    const shown = new ProgressBar({
      out: write,
      err: write,
      tty: true,
      columns: 20,
      environment: {},
      interrupt,
    })
    shown.show(0.5, "job 0123abcd: running, stage 02-ANALYZE")
    shown[Symbol.dispose]()
    shown.show(1, "job 0123abcd: done")
    expect(err).toBe("\r\u001b[Kjob 0123abcd: runni\n")
  })

  it("end with status 1 when the job fails, and show where and why", async () => {
    const { dm, sim } = await setUp()
    sim.control.play(second({ exitStatus: 3, stdErr: "no such file\n" }))
    const { status, out, err } = await dm(["start", "count-lines", "filePath=/a", "--period", "0.02"])
    expect([status, out]).toEqual([1, expect.stringMatching(/02-COUNT +1 .* failed .* 3 +no such file/)])
    expect(err).toMatch(/failed in stage 02-COUNT with exit status 3 after .*: no such file\n$/)
  })

  it("follow a job by its id, by the start of it, or by its file", async () => {
    const { dm, json, client } = await setUp()
    const start = (filePath: string) => client.proc.startProcessingJob(owner, "count-lines", { filePath })
    const [one, two] = [await start("/a"), await start("/b")]
    expect((await json(["watch", one.id, "--period", "0.02"])).filePath).toBe("/a")
    expect((await json(["watch", two.id.slice(0, 12), "--period", "0.02"])).filePath).toBe("/b")
    expect((await json(["watch", "--file", "/b", "--period", "0.02"])).id).toBe(two.id)
    expect(await dm(["watch", "zzz"])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^0 jobs of s255user have an id that begins/),
    })
    expect(await dm(["watch", ""])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^2 jobs of s255user have an id that begins/),
    })
  })

  it("leave the job alone when they are not to wait, or are interrupted, or run out of time", async () => {
    const { dm, sim } = await setUp()
    sim.control.play(second({ seconds: 60 }))
    const start = ["start", "count-lines", "filePath=/a", "--period", "0.02"]
    const { status, out } = await dm([...start, "--no-wait"])
    expect([status, out.trim()]).toEqual([0, sim.control.jobs[0]?.["id"]])
    const interrupt = new AbortController()
    const watching = dm(["watch", out.trim(), "--period", "0.02"], { interrupt: interrupt.signal })
    await expect.poll(() => sim.control.count("getProcessingJobById")).toBeGreaterThan(2)
    interrupt.abort(new Error("interrupted"))
    expect(await watching).toMatchObject({
      status: 130,
      err: expect.stringMatching(/interrupted; what DM has begun goes on\n$/),
    })
    expect(await dm(["watch", out.trim(), "--timeout", "0.1"])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/it goes on in DM/),
    })
    expect(sim.control.jobs[0]?.["status"]).toMatch(/pending|running/)
  })

  it("refuse a job at once whose arguments do not fit, or that another one is in the way of", async () => {
    const { dm, sim } = await setUp()
    sim.control.play(second({ seconds: 60 }))
    expect(await dm(["start", "count-lines"])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/missing: filePath/),
    })
    expect(await dm(["start", "count-lines", "filePath=/a b"])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/holds " "/),
    })
    await dm(["start", "count-lines", "filePath=/a", "--no-wait"])
    const again = await dm(["start", "count-lines", "filePath=/a", "--policy", "reject"])
    expect(again).toMatchObject({ status: 1, err: expect.stringMatching(/its policy is reject/) })
    expect(sim.control.jobs).toHaveLength(1)
    const queued = dm(["start", "count-lines", "filePath=/a", "--policy", "queue", "--period", "0.02"])
    await expect.poll(() => sim.control.count("listProcessingJobs")).toBeGreaterThan(4)
    sim.control.play(second({}))
    const [first] = sim.control.jobs
    await sim.control.abortJob(String(first?.["id"]))
    expect(await queued).toMatchObject({
      status: 0,
      err: expect.stringMatching(/^dm: workflow count-lines waits for/),
    })
  })
})

describe("ophyd-ts dm upload", () => {
  it("copies a directory or a file with a bar, waits, and waits for one that runs", async () => {
    const { dm, json, client } = await setUp({ timing: { file: 0.02 } })
    const source = await temporaryDirectory()
    await mkdir(join(source, "deep"))
    for (const name of ["a", "b", "deep/c"]) await writeFile(join(source, name), name)
    const quick = ["--period", "0.02"]
    const { status, out, err } = await dm(["upload", experiment, source, "--mode", "files", ...quick], {
      tty: true,
    })
    expect([status, out]).toEqual([0, expect.stringMatching(/^upload [0-9a-f-]+ is done: 3 files\n$/)])
    expect(err).toContain(`${bar(1)} 3 of 3 files, done`)
    const one = ["upload", experiment, source, "--file", "deep/c", "--dest", "more"]
    expect(await json([...one, ...quick])).toMatchObject({ files: { total: 1, done: 1 }, errors: [] })
    const started = await dm([...one, "--no-wait"])
    expect((await dm(["upload", "--id", started.out.trim(), ...quick])).status).toBe(0)
    const files = (await client.cat.getExperimentFiles(experiment)).map(file => file.experimentFilePath)
    expect(files.sort()).toEqual(["a", "b", "deep/c", "more/deep/c"])
  })

  it("ends with status 1 and the names of the files that were not stored", async () => {
    const { dm, sim } = await setUp()
    const source = await temporaryDirectory()
    await writeFile(join(source, "bad.txt"), "x")
    sim.control.failFile({ file: "bad.txt", times: 9, message: "locked" })
    const { status, err } = await dm(["upload", experiment, source, "--retries", "0", "--period", "0.02"])
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(/ended as failed: not stored: bad.txt \(locked\)\n$/),
    ])
    expect(await dm(["upload", experiment, "/no/such"])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/\/no\/such does not exist/),
    })
  })
})

describe("Ctrl-C", () => {
  it.each([
    ["upload", ["upload", experiment, "SOURCE"]],
    ["startDaq", ["daqs", "start", experiment, "SOURCE"]],
    ["listWorkflows", ["workflows"]],
  ])("ends the wait for DM's answer to %s at once", async (call, argv) => {
    const { dm, sim } = await setUp()
    const source = await temporaryDirectory()
    const interrupt = new AbortController()
    const slow = sim.control.fault({ kind: "delay", seconds: 60, call })
    const running = dm(
      argv.map(word => (word === "SOURCE" ? source : word)),
      { interrupt: interrupt.signal },
    )
    await expect.poll(() => slow.hits).toBe(1)
    interrupt.abort(new Error("interrupted"))
    expect(await running).toMatchObject({ status: 130, err: "interrupted; what DM has begun goes on\n" })
  })
})

describe("ophyd-ts dm spool", () => {
  it("lists, sends and drops", async () => {
    const { dm, json, spool, sim } = await setUp()
    expect((await dm(["spool"])).err).toMatch(/^nothing waits in /)
    expect(await dm(["spool", "send"])).toMatchObject({
      status: 0,
      err: expect.stringMatching(/^nothing waits in /),
    })
    const dataset = (experimentName: string, datasetName: string) => ({ experimentName, datasetName })
    await spool.add({ kind: "dataset", dataset: dataset(experiment, "a") })
    const wrong = await spool.add({ kind: "dataset", dataset: dataset("no-such", "b") })
    expect((await dm(["spool", "list"])).lines[2]).toMatch(/ dataset a of experiment tomo-2026-1 +\d+ +0/)
    await sim.control.goAway()
    expect(await dm(["spool", "send"])).toMatchObject({
      status: 3,
      err: expect.stringMatching(/^waits: dataset a .*connection refused/),
    })
    await sim.control.comeBack()
    const sent = await dm(["spool", "send"])
    expect([sent.status, sent.out]).toEqual([1, `sent: dataset a of experiment ${experiment}\n`])
    expect(sent.err).toMatch(/^refused: dataset b of experiment no-such: /)
    expect(await json(["spool"])).toMatchObject([{ id: wrong.id, refused: 1 }])
    expect((await dm(["spool", "drop", wrong.id])).status).toBe(0)
    expect(await dm(["spool", "drop", wrong.id])).toMatchObject({
      status: 1,
      err: expect.stringMatching(/has no item/),
    })
    expect((await dm(["spool", "send"])).status).toBe(0)
  })
})

describe("a command line", () => {
  it.each([
    [[], "no command: config, experiments"],
    [["walk"], '"walk" is no command'],
    [["toString"], '"toString" is no command'],
    [["jobs", "--colour"], "Unknown option '--colour'"],
    [["jobs", "x"], 'what is "x"?'],
    [["jobs", "--limit", "many"], '--limit needs a number, not "many"'],
    [["watch"], "which job?"],
    [["start"], "which workflow?"],
    [["start", "w", "x"], '"x": an argument is name=value'],
    [["start", "w", "a=1", "a=2"], "the argument a is given twice"],
    [["start", "w", "--policy", "hope"], '--policy is one of parallel, queue, reject, not "hope"'],
    [["upload", "e"], "which experiment and directory?"],
    [["upload", "e", "--id", "1"], "--id names an upload that runs"],
    [["workflows", "--add", "a", "--update", "b"], "--add or --update, not both"],
    [["spool", "eat"], '"eat" is none of list, send, drop'],
    [["spool", "drop"], "drop which items?"],
  ])("%j is refused with status 2 and says why", async (argv, message) => {
    const { dm } = await setUp()
    const { status, out, err } = await dm(argv)
    expect([status, out]).toEqual([2, ""])
    expect(err).toContain(message)
    expect(err).toContain("See: ophyd-ts dm --help\n")
  })

  it("tells a service that is away (3) from a wrong configuration (2)", async () => {
    const { dm, sim } = await setUp()
    expect(await dm(["jobs"], { env: { DM_LOGIN_FILE: "/no/such" } })).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^cannot read the DM login file \/no\/such/),
    })
    expect(await dm(["jobs"], { env: { DM_PROC_WEB_SERVICE_URL: "" } })).toMatchObject({
      status: 2,
      err: expect.stringMatching(/set DM_PROC_WEB_SERVICE_URL/),
    })
    await sim.control.goAway("proc")
    expect(await dm(["start", "count-lines", "filePath=/a"])).toMatchObject({ status: 3 })
    expect(await dm(["jobs"])).toMatchObject({
      status: 3,
      err: expect.stringMatching(/processing service.*connection refused/),
    })
  })

  it("uses the routes that the site has corrected", async () => {
    const routes = new DmRoutes().with({ listDaqs: { path: "/watched" } })
    const { dm } = await setUp({ routes })
    const file = join(await temporaryDirectory(), "routes.json")
    expect((await dm(["daqs"])).status).toBe(1)
    await writeFile(file, '{"listDaqs": {"path": "/watched"}}')
    expect((await dm(["daqs", "--routes", file])).status).toBe(0)
    expect((await dm(["daqs"], { env: { OPHYD_TS_DM_ROUTES: file } })).status).toBe(0)
    for (const [text, message] of [
      ['{"listDaqs": {"verb": "FETCH"}}', /^DM routes in .*routes.json: listDaqs.verb: /],
      ['{"listDaqs": {"paht": "/x"}}', /listDaqs: .*paht/],
      ['{"newCall": {}}', /new call newCall needs service, verb and path/],
      ["nothing", /not valid JSON/],
    ] as const) {
      await writeFile(file, text)
      expect(await dm(["daqs", "--routes", file])).toMatchObject({
        status: 2,
        err: expect.stringMatching(message),
      })
    }
    expect(await dm(["config", "--routes", "/no/such"])).toMatchObject({ status: 2 })
  })

  it("trusts a service of its own making by the authority's file only", async () => {
    const { dm, sim } = await setUp({ tls: true })
    expect(await dm(["jobs"])).toMatchObject({
      status: 3,
      err: expect.stringMatching(/certificate is not trusted/),
    })
    expect(await dm(["jobs", "--ca", sim.caFile ?? ""])).toMatchObject({ status: 0 })
    expect(await dm(["jobs", "--ca", "/no/such.pem"])).toMatchObject({ status: 2 })
  })

  it("is explained on demand", async () => {
    const { dm } = await setUp()
    for (const argv of [["--help"], ["-h"], ["help"], ["jobs", "--help"]]) {
      expect(await dm(argv)).toMatchObject({ status: 0, out: usage, err: "" })
    }
  })

  /** The program in a process of its own. */
  function start(environment: object, ...words: string[]) {
    const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url))
    const args = ["--import", "tsx", "--conditions=@ophyd-ts/source", main, ...words]
    return spawn(process.execPath, args, { env: { ...process.env, ...environment } })
  }

  it("takes the options of every command before the command, too", async () => {
    const { dm, spool } = await setUp()
    const after = await dm(["experiments", "--json", "--request-timeout", "9"])
    expect(await dm(["--json", "--request-timeout", "9", "experiments"])).toEqual(after)
    const place = `--spool=${spool.directory}2`
    expect((await dm([place, "spool", "list"])).err).toBe(`nothing waits in ${spool.directory}2\n`)
    expect(await dm(["--json"])).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^"--json" is no command/),
    })
  })

  it("is a program of its own: ophyd-ts-dm", async () => {
    const { environment } = await setUp()
    const child = start(environment, "experiments", "--json")
    let out = ""
    child.stdout.on("data", chunk => (out += chunk))
    const [status] = await once(child, "close")
    expect([status, JSON.parse(out)]).toMatchObject([0, [{ name: experiment }]])
  }, 30_000)

  it("takes it calmly when nobody reads what it says", async () => {
    const child = start({}, "--help")
    child.stdout.destroy()
    let err = ""
    child.stderr.on("data", chunk => (err += chunk))
    const [status] = await once(child, "close")
    expect([status, err]).toEqual([0, ""])
  }, 30_000)
})
