import { describe, expect, it } from "vitest"
import { DM_WorkflowConnector } from "../src/index.ts"
import { errorOf, setUp } from "./support/fake-connector.ts"
import { FakeProcessing, turn, unreachable } from "./support/fake-processing.ts"

describe("arguments of a workflow", () => {
  it("belong to their connector and are sent as they are, and nothing else is", async () => {
    const dm = new FakeProcessing()
    const a = new DM_WorkflowConnector({
      name: "a",
      client: dm,
      workflow: "w",
      workflowArgs: { filePath: "/a" },
    })
    const b = new DM_WorkflowConnector({ name: "b", client: dm, workflow: "w", kind: "omitted" })
    a.workflowArgs["extra"] = true
    b.startWorkflow({ args: { n: 3 } })
    a.startWorkflow({ args: { filePath: "/b", off: false, none: undefined } })
    await turn()
    const sent = dm.submitted.map(({ args: { submission_tag, ...args } }) => [typeof submission_tag, args])
    expect(sent).toEqual([
      ["string", { n: 3 }],
      ["string", { filePath: "/b", extra: "True", off: "False" }],
    ])
    await Promise.all([a.stop(), b.stop()])
  })

  it.each([
    ["a job's own key", { status: "x" }, /"status" is a key of every job/],
    ["the workflow", { workflow: "x" }, /"workflow" is a key of every job/],
    ["a name that is no variable", { "a-b": "x" }, /"a-b" is no variable name/],
    ["a command", { filePath: "/a; rm -rf /" }, /"filePath" holds ";", which a shell acts upon|holds " "/],
    ["a blank", { filePath: "/a b" }, /"filePath" holds " "/],
    ["a substitution", { filePath: "$(x)" }, /"filePath" holds "\$"/],
    ["not a number", { n: Number.NaN }, /"n" is NaN/],
    ["an object", { o: {} as string }, /"o" is \[object Object\]/],
    ["two mistakes at once", { id: "1", "": "x" }, /"id" is a key .*"" is no variable/],
  ])("are refused before anything is sent: %s", (_, args, message) => {
    const { dm, connector } = setUp()
    expect(() => connector.startWorkflow({ args })).toThrow(message)
    expect([dm.submitted, connector.idle]).toEqual([[], true])
  })

  it("may hold blanks where the workflow is known to quote them", async () => {
    const { dm, connector } = setUp({ trustedArgs: ["title"] })
    connector.startWorkflow({ args: { title: "a b; c" } })
    await turn()
    expect(dm.submitted[0]?.args).toMatchObject({ title: "a b; c" })
  })

  it("need a workflow to go to", () => {
    const { connector } = setUp({ workflow: "" })
    expect(() => connector.startWorkflow()).toThrow("dm_workflow: no workflow is named")
  })
})

describe("a submission whose answer was lost", () => {
  it("is not repeated when the job is there", async () => {
    const { dm, connector, pass, value, reports } = setUp()
    dm.submissions.push(() => {
      dm.take(dm.submitted.at(-1)?.args ?? {})
      unreachable(true)()
    })
    dm.listFailures.push(unreachable(), unreachable())
    const status = connector.startWorkflow()
    await turn()
    // It is said at once, and not when the search is over.
    expect([await value("connected"), await value("status")]).toEqual([false, "starting"])
    expect(reports).toEqual([expect.stringMatching(/no answer of DM, next try in 1 s: connection refused/)])
    await pass(8)
    expect(await value("connected")).toBe(true)
    dm.now({ status: "done" })
    await pass(2)
    expect([status.success, dm.submitted.length, await value("job_id")]).toEqual([true, 1, "00000001-job"])
  })

  it("is repeated once when DM certainly does not have it, with the same tag", async () => {
    const { dm, connector, pass } = setUp()
    dm.submissions.push(unreachable(true))
    const status = connector.startWorkflow()
    await pass(3)
    dm.now({ status: "done" })
    await pass(1)
    expect(status.success).toBe(true)
    expect(dm.submitted).toHaveLength(2)
    expect(dm.submitted[0]?.args).toEqual(dm.submitted[1]?.args)
    expect(dm.lists).toBe(2)
  })

  it("is not repeated while a slow DM may still be at it: it is looked for as long as its answer was waited for", async () => {
    const { dm, clock, connector, pass, value } = setUp()
    dm.submissions.push(async () => {
      await new Promise<void>(resolve => clock.after(30, resolve))
      // DM does what it was asked for long after its client has given up.
      clock.after(25, () => void dm.take(dm.submitted.at(-1)?.args ?? {}))
      unreachable(true)()
    })
    const status = connector.startWorkflow()
    await pass(70)
    dm.now({ status: "done" })
    await pass(2)
    expect([status.success, dm.submitted.length, await value("job_id")]).toEqual([true, 1, "00000001-job"])
  })

  it("is a clear error when DM stays away: nobody knows, and how to find out", async () => {
    const { dm, connector, pass } = setUp()
    dm.submissions.push(unreachable(true))
    dm.listFailures.push(...Array.from({ length: 100 }, () => unreachable()))
    const status = connector.startWorkflow()
    await pass(90)
    const tag = String(dm.submitted[0]?.args["submission_tag"])
    expect(errorOf(status)).toMatchObject({ outcome: "refused", cause: { outcomeUnknown: true } })
    expect(status.error?.message).toContain(`look for a job with submission_tag = ${tag}`)
    expect(dm.submitted).toHaveLength(1)
  })
})
