import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { bps } from "@ophyd-ts/run-engine"
import { describe, expect, it, onTestFinished } from "vitest"
import { collectStreaming } from "../src/index.ts"
import { experiment } from "./support/service.ts"
import { consumerProcess, exposures, setUpStream } from "./support/stream.ts"

const slowly = () => bps.sleep(0.02)

/** Processes of the consumer for a session; nothing may be left of them. */
const processes = (session: string): string[] =>
  execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .filter(line => line.includes("consumer-process") && line.includes(session))

/** The stage's command as DM shows it holds the session. */
const sessionOf = (job: Record<string, unknown> | null): string => String(job?.["streamSession"])

describe("a workflow in a process of its own", { timeout: 60_000 }, () => {
  it("takes every frame, gives its results to the run, and ends by itself", async () => {
    const { RE, camera, collect, events, connector } = await setUpStream(consumerProcess())
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 50), { frames: 50 })))
    expect(value?.report).toMatchObject({ state: "finished", received: 50, missed: 0, processed: 50 })
    expect(events("dm_results")).toHaveLength(50)
    expect(connector.job).toMatchObject({ status: "done" })
    expect(processes(sessionOf(connector.job))).toEqual([])
  })

  it("that crashes fails the plan with what DM says about it", async () => {
    const { RE, camera, collect, stop } = await setUpStream(consumerProcess("crash", "5"))
    const running = RE.run(collectStreaming(collect(exposures(camera, 10_000, slowly))))
    await expect(running).rejects.toMatchObject({
      fault: "job",
      message: expect.stringMatching(/failed in stage 02-CONSUME with exit status 128 .*ended by SIGKILL/),
    })
    expect(stop()).toMatchObject({ exit_status: "fail", reason: expect.stringContaining("02-CONSUME") })
  })

  it("that stops its heartbeat fails the plan, and is told to give up when it wakes", async () => {
    const { RE, camera, collect, stop, connector } = await setUpStream(
      consumerProcess("stall", "5", "--patience=1"),
    )
    const running = RE.run(
      collectStreaming(
        collect(exposures(camera, 10_000, slowly), { link: { heartbeatTimeout: 1 }, abortTimeout: 0.2 }),
      ),
    )
    await expect(running).rejects.toMatchObject({ fault: "silent" })
    expect(stop()).toMatchObject({
      exit_status: "fail",
      reason: expect.stringMatching(/no heartbeat of the workflow for 1 s: it was running/),
    })
    const [stalled = ""] = processes(sessionOf(connector.job))
    const pid = Number(stalled.trim().split(" ")[0])
    onTestFinished(() => {
      if (processes(sessionOf(connector.job)).length > 0) process.kill(pid, "SIGKILL")
    })
    process.kill(pid, "SIGCONT")
    await connector.whenIdle()
    expect(connector.job).toMatchObject({ status: "failed" })
  })

  it("that never becomes ready is given up after the time that the plan allows", async () => {
    const { RE, camera, collect, connector } = await setUpStream(consumerProcess("never-ready"))
    const running = RE.run(
      collectStreaming(collect(exposures(camera, 3), { readyTimeout: 4, abortTimeout: 0.2 })),
    )
    await expect(running).rejects.toMatchObject({
      fault: "never-ready",
      // A busy machine may not even have started it by then.
      message: expect.stringMatching(
        /^the workflow was not ready after 4 s: (it is starting|nobody has reported)$/,
      ),
    })
    expect(camera.taken).toBe(0)
    await connector.stop()
  })

  it("gives up when the plan is aborted, and so does its job", async () => {
    const { RE, camera, collect, stop, connector } = await setUpStream(consumerProcess())
    const running = RE.run(collectStreaming(collect(exposures(camera, 10_000, slowly))))
    await expect.poll(() => camera.taken, { timeout: 20_000 }).toBeGreaterThan(3)
    await RE.abort("interrupted by the operator")
    expect(await running).toMatchObject({ exitStatus: "abort" })
    expect(stop()).toMatchObject({ exit_status: "abort", reason: "interrupted by the operator" })
    await connector.whenIdle()
    expect(connector.job).toMatchObject({ status: "failed" })
    expect(await connector.errorMessage.get()).toMatch(/the plan has given up: .*interrupted by the operator/)
    expect(processes(sessionOf(connector.job))).toEqual([])
  })

  it("gives up by itself when the plan's process is killed, and its job ends", async () => {
    const { camera, sim } = await setUpStream(consumerProcess("none", "0", "--patience=1"))
    const script = fileURLToPath(new URL("./support/plan-process.ts", import.meta.url))
    const args = [
      "--import",
      "tsx",
      "--conditions=@ophyd-ts/source",
      script,
      experiment,
      camera.pv,
      camera.source.address,
    ]
    const plan = spawn(process.execPath, args, {
      env: { ...process.env, ...sim.environment() },
      stdio: ["ignore", "pipe", "inherit"],
    })
    onTestFinished(() => void plan.kill("SIGKILL"))
    await once(plan.stdout, "data")
    const job = () => sim.control.jobs[0] as Record<string, unknown>
    const [line = ""] = processes(sessionOf(job()))
    expect(line).not.toBe("")
    plan.kill("SIGKILL")
    await expect.poll(() => job()["status"], { timeout: 20_000 }).toBe("failed")
    expect(JSON.stringify(job()["workflow"])).toMatch(/the plan .* has been away for 1 s/)
    expect(processes(sessionOf(job()))).toEqual([])
  })
})
