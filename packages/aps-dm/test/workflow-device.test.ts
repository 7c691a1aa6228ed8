import { Device } from "@ophyd-ts/core"
import { describe, expect, it } from "vitest"
import { DM_WorkflowConnector } from "../src/index.ts"
import { setUp } from "./support/fake-connector.ts"
import { FakeProcessing, turn, workflow } from "./support/fake-processing.ts"

describe("the connector as a device", () => {
  it("has the signals of its Python namesake under the same names and kinds, and what was missing there", async () => {
    const { connector } = setUp()
    expect(Object.keys(await connector.describeConfiguration())).toEqual(
      ["owner", "polling_period", "reporting_period", "concise_reporting"].map(name => `dm_workflow_${name}`),
    )
    expect(Object.keys(await connector.describe())).toEqual(
      [
        "workflow",
        "job_id",
        "run_time",
        "stage_id",
        "status",
        "stage_index",
        "stage_count",
        "failed_stage",
        "exit_status",
        "error_message",
        "connected",
      ].map(name => `dm_workflow_${name}`),
    )
  })

  it("can be a part of another device", async () => {
    class Beamline extends Device {
      readonly dm = new DM_WorkflowConnector({ client: new FakeProcessing() })
    }
    expect(Object.keys(await new Beamline({ name: "bl" }).read())).toContain("bl_dm_job_id")
  })

  it("is made without DM: neither I/O nor configuration is needed before the first start", () => {
    const nobody = {
      get username(): string {
        throw new Error("not configured")
      },
      proc: new FakeProcessing().proc,
    }
    const connector = new DM_WorkflowConnector({ name: "dm", client: nobody, workflow: "w" })
    expect(connector.idle).toBe(true)
    expect(() => connector.startWorkflow()).toThrow("not configured")
  })

  it("gives jobs and workflows of its account", async () => {
    const { connector, dm } = setUp()
    await expect(connector.getJob()).rejects.toThrow("no job was started")
    dm.take({})
    expect(await connector.processingJobs()).toHaveLength(1)
    await connector.owner.set("s255staff")
    expect(await connector.workflows()).toMatchObject([{ owner: "s255staff" }])
  })
})

describe("reports", () => {
  it("come at every change and once per period, as one line", async () => {
    const { dm, connector, pass, reports } = setUp()
    connector.startWorkflow({ timeout: 999 })
    await turn()
    dm.now({ status: "running", stage: "02-COUNT" })
    await pass(25)
    dm.now({ status: "done", stage: "03-NOTE" })
    await pass(1)
    const line = "dm_workflow: workflow count-lines, job 00000001"
    expect(reports).toEqual([
      `${line}, pending, stage -n/a-, 0.0 s`,
      `${line}, running, stage 02-COUNT (2 of 3), 1.0 s`,
      `${line}, running, stage 02-COUNT (2 of 3), 11.0 s`,
      `${line}, running, stage 02-COUNT (2 of 3), 21.0 s`,
      `${line}, done, stage 03-NOTE (3 of 3), 26.0 s`,
      `${line} is done after 26.0 s`,
    ])
  })

  it("may be a table of the stages", async () => {
    const { dm, connector, pass, reports } = setUp()
    await connector.conciseReporting.set(false)
    connector.startWorkflow()
    await turn()
    dm.now({
      status: "running",
      stage: "02-COUNT",
      workflow: workflow({ status: "running", submitTime: 20, stdErr: "a\nwarning ".repeat(9) }),
    })
    await pass(1)
    expect(reports.at(-1)?.split("\n")).toEqual([
      "invented: workflow count-lines, job 00000001, running: 1.0 s",
      "stage_id  process  processTime  status   runTime  exitStatus  stdOut      stdErr",
      "--------  -------  -----------  -------  -------  ----------  ----------  ----------------------------------------",
      "01-START  0        0.250        done     0.2000   0           1780000001",
      "02-COUNT  1        0.000        running                                   a warning a warning a warning a warning…",
      "03-NOTE",
    ])
    await connector.stop()
  })

  it("reach every listener, also when one of them throws, until it has had enough", async () => {
    const { dm, connector, pass } = setUp()
    const kinds: string[] = []
    connector.onReport(() => {
      throw new Error("a broken listener")
    })
    const listening = connector.onReport(report => kinds.push(report.kind))
    connector.startWorkflow()
    await pass(12)
    listening.unsubscribe()
    dm.now({ status: "done" })
    await pass(1)
    expect(kinds).toEqual(["change", "periodic"])
  })
})
