import { PvaClient } from "pvxs-node"
import { describe, expect, it, onTestFinished } from "vitest"
import { PlanSide, type PlanSideOptions, WorkflowSide } from "../src/index.ts"

async function both(options: PlanSideOptions = {}, patience = 1) {
  const plan = await PlanSide.open({ results: { a: {} }, heartbeat: 0.1, heartbeatTimeout: 5, ...options })
  onTestFinished(() => plan.close())
  const workflow = await WorkflowSide.open({ ...plan.address, patience })
  onTestFinished(() => workflow.close())
  return { plan, workflow }
}

describe("plan and workflow", () => {
  it("know of each other what they have said, in order", async () => {
    const { plan, workflow } = await both()
    expect(plan.report.state).toBe("starting")
    await workflow.reportReady("subscribed")
    expect(plan.report).toMatchObject({ state: "ready", message: "subscribed" })
    plan.start()
    await expect.poll(() => workflow.order.command).toBe("start")
    workflow.count({ received: 1, missed: 0, processed: 1, lastFrame: 7 })
    await workflow.result(7, { a: 1.5 })
    await expect.poll(() => plan.report).toMatchObject({ state: "running", received: 1, lastFrame: 7 })
    plan.stop({ frames: 1 })
    await expect.poll(() => workflow.order).toEqual({ command: "stop", reason: "", frames: 1 })
    await workflow.finish("all done")
    expect(await plan.finished({ timeout: 1 })).toMatchObject({ state: "finished", message: "all done" })
    expect(plan.results.collect()).toMatchObject([{ data: { dm_results_frame: 7, dm_results_a: 1.5 } }])
  })

  it("part as friends: a plan that closes at once lets the workflow hear that it was understood", async () => {
    const { plan, workflow } = await both()
    await workflow.reportReady()
    plan.start()
    plan.stop({ frames: 0 })
    const finishing = workflow.finish().then(() => workflow.close())
    await plan.finished({ timeout: 5 })
    await Promise.all([plan.close(), finishing])
    expect(workflow.state).toBe("finished")
  })

  it("a workflow whose plan vanishes at the last word has done its work all the same", async () => {
    const { plan, workflow } = await both({}, 0.3)
    await workflow.reportReady()
    await plan.close()
    await workflow.finish()
    expect(workflow.signal.aborted).toBe(true)
  })

  it.each([
    ["another session", { session: "of-yesterday", state: "ready" }, "belongs to another collection"],
    ["another process", { consumer: "b", state: "ready" }, "another process does the work"],
    ["a state that does not follow", { state: "finished" }, '"finished" cannot be reported after "starting"'],
    ["a state that nobody knows", { state: "happy" }, '"happy" cannot be reported'],
  ])("refuses %s", async (_, changes, why) => {
    const plan = await PlanSide.open()
    onTestFinished(() => plan.close())
    await using client = new PvaClient({
      nameServers: [plan.address.address],
      addressList: [],
      autoAddressList: false,
    })
    const put = (value: object) =>
      client.put(`${plan.address.prefix}report`, { session: plan.address.session, consumer: "a", ...value })
    await put({ state: "starting", received: 0 })
    await expect(put(changes)).rejects.toThrow(why)
    // What a put leaves out stays as it was.
    await put({ message: "still here" })
    expect(plan.report).toMatchObject({ state: "starting", message: "still here" })
  })

  it.each([
    [
      "more values than it says",
      { frames: [1], names: ["a"], values: [1, 2] },
      "1 frames with 1 results each are not 2 values",
    ],
    ["other names", { frames: [1], names: ["b"], values: [1] }, "the plan expects a, not b"],
    [
      "too many at once",
      { frames: Array.from({ length: 10_001 }, () => 1), names: ["a"], values: [] },
      "up to 10000 frames",
    ],
  ])("refuses results with %s, and counts a batch that comes twice once", async (_, batch, why) => {
    const plan = await PlanSide.open({ results: { a: {} } })
    onTestFinished(() => plan.close())
    await using client = new PvaClient({
      nameServers: [plan.address.address],
      addressList: [],
      autoAddressList: false,
    })
    const { prefix, session } = plan.address
    const put = (value: object) => client.put(`${prefix}results`, { session, consumer: "a", ...value })
    await expect(put({ batch: 1, ...batch })).rejects.toThrow(why)
    for (let i = 0; i < 2; i++) await put({ batch: 1, frames: [4, 5], names: ["a"], values: [1, 2] })
    expect(plan.results.total).toBe(2)
  })

  it("a plan that nobody finds is named with its address", async () => {
    const address = { address: "127.0.0.1:9", prefix: "nobody:", session: "s" }
    await expect(WorkflowSide.open({ ...address, patience: 0.2 })).rejects.toThrow(
      "the plan (nobody:command at 127.0.0.1:9) was not found for 0.2 s",
    )
  })
})
