/** dmax is a DM client that others wrote for the real service; here it talks to the simulated one. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type DmServiceSim, demoWorkflow, startDmService } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type PythonScript, peers, startPython } from "./peers.ts"

type Answer = { readonly result: unknown } | { readonly error: string; readonly message: string }

const person = { badge: "900001", firstName: "Ada", lastName: "Example", email: "ada@example.org" }
const esaf = {
  esafId: 250001,
  esafTitle: "Invented",
  description: "An invented ESAF",
  sector: "255",
  esafStatus: "Approved",
  experimentStartDate: "2026-02-01 08:00:00",
  experimentEndDate: "2026-02-05 08:00:00",
  experimentUsers: [{ ...person, badgeNumber: "900001", piFlag: "Yes" }],
}
const proposal = {
  id: 12345,
  title: "Invented as well",
  startTime: "2026-02-01 08:00:00-06:00",
  endTime: "2026-02-05 08:00:00-06:00",
  duration: 345_600,
  mailInFlag: "No",
  proprietaryFlag: "No",
  experimenters: [{ ...person, id: 1, institution: "Example University", piFlag: "Y" }],
}
const counting = {
  name: "count-lines",
  owner: "s255user",
  userAccount: "s255user",
  description: "invented",
  id: "",
  stages: { "01-START": { command: "/bin/date +%s", outputVariableRegexList: ["(?P<t0>\\d+)"] } },
}

const transports = [
  { over: "HTTP", tls: false },
  { over: "TLS", tls: true },
]

describe.skipIf(!peers().dmax).each(transports)(
  "dmax against the simulated DM service over $over",
  ({ tls }) => {
    let directory: string
    let dm: DmServiceSim
    let client: PythonScript<Answer>
    let station: string

    /** What dmax returns, as JSON. */
    const call = async (name: string, args: Record<string, unknown> = {}): Promise<unknown> => {
      client.send({ call: name, args })
      const answer = await client.next()
      if ("error" in answer) throw new Error(`${answer.error}: ${answer.message}`)
      return answer.result
    }

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "ophyd-ts-dmax-"))
      const demo = demoWorkflow({ stageSeconds: 0.05 })
      dm = await startDmService({
        dataRoot: join(directory, "storage"),
        tls,
        experiments: [{ name: "tomo-2026-1", rootPath: "2026-1" }, { name: "tomo-2026-2" }],
        esafs: [{ document: esaf, station: "255IDZ", beamline: "255-ID-Z" }],
        proposals: [{ document: proposal, station: "255IDZ", beamline: "255-ID-Z", runName: "2026-1" }],
        workflows: [demo.workflow],
        commands: demo.commands,
      })
      station = dm.station
      const script = await readFile(new URL("./python/dm_dmax.py", import.meta.url), "utf8")
      client = startPython<Answer>(script, {
        args: [JSON.stringify({ username: "s255user", password: "simulated", station_name: station })],
        env: { ...dm.environment(), DM_LOGIN_FILE: "" },
      })
    })

    afterAll(async () => {
      await client?.[Symbol.asyncDispose]()
      await dm?.close()
      await rm(directory, { recursive: true, force: true })
    })

    it("finds experiments by station, name and id", async () => {
      const list = (await call("experiments")) as { name: string }[]
      expect(list.map(e => e.name)).toEqual(["tomo-2026-2", "tomo-2026-1"])
      expect(list[0]).not.toHaveProperty("data_path")
      const byName = (await call("experiment", { name: "tomo-2026-1" })) as { id: number }
      expect(byName).toMatchObject({
        name: "tomo-2026-1",
        root_path: "2026-1",
        station: { name: "255IDZ" },
        data_path: join(dm.dataRoot, "255IDZ", "2026-1", "tomo-2026-1", "data"),
        folders_are_managed: true,
      })
      expect(await call("experiment", { id: String(byName.id) })).toEqual(byName)
    })

    it("gets DM's error for an experiment that does not exist", async () => {
      await expect(call("experiment", { name: "none" })).rejects.toThrow(
        /HTTPStatusError: .*does not exist \(14\)/,
      )
    })

    it("starts a DAQ that copies files", async () => {
      const source = await mkdtemp(join(directory, "source-"))
      const args = { source_directory: source, experiment_name: "tomo-2026-1", skip: "*.tmp" }
      const daq = await call("start_data_archive_queue", args)
      expect(daq).toMatchObject({
        experiment_name: "tomo-2026-1",
        data_directory: source,
        status: "running",
        skip_file_path_pattern: "*.tmp",
        workflow_job_owner: "s255user",
      })
      await writeFile(join(source, "scan_1.txt"), "0 1\n1 2\n2 1\n")
      await writeFile(join(source, "x.tmp"), "")
      await vi.waitFor(
        () => expect(dm.files.list("tomo-2026-1", {}).map(f => f.fileName)).toEqual(["scan_1.txt"]),
        10_000,
      )
    })

    it("adds, gets, lists and updates workflows", async () => {
      const added = await call("add_workflow", { workflow: counting })
      expect(added).toMatchObject({
        name: "count-lines",
        owner: "s255user",
        user_account: "s255user",
        version: 1,
        id: expect.stringMatching(/^[0-9a-f]{24}$/),
        stages: {
          "01-START": { command: "/bin/date +%s", output_variable_regular_expressions: ["(?P<t0>\\d+)"] },
        },
      })
      expect(await call("workflow", { name: "count-lines" })).toEqual(added)
      const names = ((await call("workflows")) as { name: string }[]).map(w => w.name)
      expect(names).toEqual(["centre-of-mass", "count-lines"])
      const updated = await call("update_workflow", {
        name: "count-lines",
        update: { description: "changed" },
      })
      expect(updated).toMatchObject({ description: "changed", version: 2 })
      const set = await call("set_workflow", { name: "count-lines", workflow: counting })
      expect(set).toMatchObject({ description: "invented", version: 3 })
      await expect(call("add_workflow", { workflow: counting })).rejects.toThrow(/already exists \(15\)/)
    })

    it("submits a job, watches it to its end, and lists it", async () => {
      const args = { workflow: "centre-of-mass", filePath: "scan_1.txt", experimentName: "tomo-2026-1" }
      const submitted = (await call("submit_processing_job", args)) as { id: string }
      expect(submitted).toMatchObject({ status: "pending", owner: "s255user", file_count: 0 })
      const job = () => dm.jobs.get("s255user", submitted.id)
      await vi.waitFor(() => expect(job().status).toBe("done"), 10_000)
      const done = await call("processing_job", { id: submitted.id })
      expect(done).toMatchObject({
        status: "done",
        file_count: 1,
        workflow: {
          stages: {
            "02-ANALYZE": { child_processes_completed: 1, child_processes: { "1": { exit_status: 0 } } },
          },
        },
      })
      expect(await call("processing_jobs")).toEqual([done])
      expect(await call("processing_jobs", { limit: 5, offset: 1 })).toEqual([])
    })

    it("sees why a job without an input file failed", async () => {
      const { id } = (await call("submit_processing_job", { workflow: "centre-of-mass" })) as { id: string }
      await vi.waitFor(() => expect(dm.jobs.get("s255user", id).status).toBe("failed"), 10_000)
      const failed = await call("processing_job", { id })
      expect(failed).toMatchObject({ status: "failed", error_message: "Invalid input file specification." })
    })

    it("reads ESAFs and proposals", async () => {
      const found = {
        id: "250001",
        title: "Invented",
        sector: "255",
        users: [{ last_name: "Example", is_pi: true }],
      }
      expect(await call("esafs", { beamline: "255-ID-Z", year: "2026" })).toMatchObject([found])
      expect(await call("esafs")).toMatchObject([found])
      expect(await call("esafs", { year: "2020" })).toEqual([])
      expect(await call("esaf", { esaf_id: "250001" })).toMatchObject(found)
      const title = { title: "Invented as well", proposal_id: "0012345", users: [{ is_pi: true }] }
      expect(await call("proposals", { beamline: "255-ID-Z", cycle: "2026-1" })).toMatchObject([title])
      expect(await call("proposals", { cycle: "2026-2" })).toEqual([])
      expect(await call("proposal", { proposal_id: "0012345", cycle: "2026-1" })).toMatchObject(title)
    })

    it("logs in again, by itself, after its session has ended", async () => {
      dm.control.expireSessions()
      expect(await call("experiments")).toHaveLength(2)
      expect(await call("workflows")).toHaveLength(2)
      expect(dm.control.problems).toEqual([])
    })
  },
)
