import { join } from "node:path"
import type { CommandFunction } from "@ophyd-ts/ioc-sim"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { PvaServer } from "pvxs-node"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import {
  type CollectStreamingOptions,
  collectStreaming,
  consumeFrames,
  DmSpool,
  DmStreamError,
  type FrameResult,
  type FrameWork,
} from "../src/index.ts"
import { Relay } from "./support/relay.ts"
import { temporaryDirectory } from "./support/service.ts"
import { consumer, exposures, setUpStream, work } from "./support/stream.ts"

describe("a streaming collection", () => {
  it("acquires when the workflow is ready, and has its results in the run", async () => {
    const { RE, camera, collect, events, stop, sim, documents } = await setUpStream(consumer(work))
    const heard: FrameResult[] = []
    const link = { onResult: (result: FrameResult) => void heard.push(result) }
    const { value } = await RE.run(
      collectStreaming(collect(exposures(camera, 20), { frames: 20, title: "stream of numbers", link })),
    )
    expect(heard).toHaveLength(20)
    expect(heard[0]).toEqual({ frame: 1, values: { number: 1, twice: 2 } })
    expect(value).toMatchObject({
      value: expect.any(String),
      job: { status: "done" },
      report: { state: "finished", received: 20, missed: 0, processed: 20, lastFrame: 20 },
      results: 20,
    })
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1)
    expect(events("dm_results")).toEqual(
      numbers.map(n => ({ dm_results_frame: n, dm_results_number: n, dm_results_twice: 2 * n })),
    )
    expect(events("dm_workflow")).toEqual([
      expect.objectContaining({
        dm_workflow_job_id: value?.job?.id,
        dm_workflow_status: "done",
        dm_stream_state: "finished",
        dm_stream_received: 20,
        dm_stream_missed: 0,
      }),
    ])
    expect(stop()).toMatchObject({
      exit_status: "success",
      num_events: { primary: 20, dm_results: 20, dm_workflow: 1 },
    })
    expect(documents[0]?.doc).toMatchObject({
      title: "stream of numbers",
      plan_name: "exposures",
      data_management: {
        experiment: "tomo-2026-1",
        workflow: "follow",
        job_id: value?.job?.id,
        mode: "streaming",
      },
    })
    expect(sim.datasets.list("tomo-2026-1")).toEqual([
      expect.objectContaining({
        workflow_name: "follow",
        job_id: value?.job?.id,
        bluesky_run_uid: value?.runUid,
        bluesky_stop: expect.objectContaining({ exit_status: "success" }),
        bluesky_metadata: expect.objectContaining({ dm_results: expect.anything() }),
      }),
    ])
  })

  it("takes no exposure before the workflow is ready, however long that takes", async () => {
    let open = () => {}
    const opened = new Promise<void>(resolve => {
      open = resolve
    })
    const consume = consumer(work)
    const { RE, camera, collect, connector } = await setUpStream(async context => {
      await context.outside(opened)
      return await consume(context)
    })
    const running = RE.run(collectStreaming(collect(exposures(camera, 3))))
    await expect.poll(() => connector.stageId.get()).toBe("02-CONSUME")
    expect(camera.taken).toBe(0)
    open()
    expect((await running).value?.report).toMatchObject({ received: 3, missed: 0 })
  })

  it("counts the frames that the workflow never got, and fails if that is more than allowed", async () => {
    const { RE, camera, collect, events, stop } = await setUpStream(consumer(work))
    const plan = () => exposures(camera, 4, () => bps.call(() => camera.leaveOut(2)))
    const { value } = await RE.run(collectStreaming(collect(plan, { frames: 12 })))
    expect(value?.report).toMatchObject({ received: 4, missed: 8, lastFrame: 12 })
    expect(events("dm_workflow").at(-1)).toMatchObject({ dm_stream_missed: 8 })
    expect(stop()).toMatchObject({ exit_status: "success" })
    const strict = RE.run(collectStreaming(collect(plan, { frames: 12, maxMissed: 7 })))
    await expect(strict).rejects.toMatchObject({
      fault: "missed",
      message: "the workflow missed 8 of 12 frames, 7 are allowed",
    })
  })

  it("does not wait for ever for frames that were sent and never came", async () => {
    const { RE, camera, collect } = await setUpStream(consumer(work, { quiet: 0.3 }))
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 3), { frames: 5 })))
    expect(value?.report).toMatchObject({ state: "finished", received: 3, missed: 2 })
  })

  it("waits for an analysis that takes long, and for the frames that are held back meanwhile", async () => {
    const slow: FrameWork = async (frame, control) => {
      await new Promise(resolve => setTimeout(resolve, 700))
      return work(frame, control)
    }
    const { RE, camera, collect } = await setUpStream(consumer(slow, { quiet: 0.5, queue: 3 }))
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 6))))
    expect(value?.report).toMatchObject({ state: "finished", received: 6, missed: 0, processed: 6 })
  })

  it("ends well and early when the workflow has enough, and says so in the run", async () => {
    const { RE, camera, collect, stop, sim } = await setUpStream(
      consumer((frame, control) => {
        if (frame.uniqueId === 5) control.finish()
        return work(frame, control)
      }),
    )
    // A long wait is cut short, too.
    const slow = () => bps.sleep(0.05)
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 10_000, slow))))
    expect(value).toMatchObject({ value: undefined, job: { status: "done" } })
    expect(value?.results).toBeGreaterThanOrEqual(5)
    expect(stop()).toMatchObject({
      exit_status: "success",
      reason: expect.stringMatching(/^the workflow finished by itself after \d frames$/),
    })
    expect(sim.datasets.list("tomo-2026-1")).toHaveLength(1)
  })

  it("ends well when the plan is stopped: what was acquired is worked on", async () => {
    const { RE, camera, collect, stop, connector, events, sim } = await setUpStream(consumer(work))
    const acquire = exposures(camera, 10_000, () => bps.sleep(0.02))
    const running = RE.run(collectStreaming(collect(acquire, { frames: 10_000 })))
    await expect.poll(() => camera.taken).toBeGreaterThan(4)
    await RE.stop()
    expect(await running).toMatchObject({ exitStatus: "success" })
    expect(stop()).toMatchObject({ exit_status: "success" })
    expect(events("dm_results")).toHaveLength(camera.taken)
    expect(events("dm_workflow")).toMatchObject([{ dm_stream_state: "finished", dm_stream_missed: 0 }])
    expect(sim.datasets.list("tomo-2026-1")).toHaveLength(1)
    await connector.whenIdle()
    expect(await connector.status.get()).toBe("done")
  })

  it.each(["bpp.run", "openRun and closeRun"])(
    "ends at once when it is aborted while the workflow works on what is left, which gives up then (%s)",
    async how => {
      const stuck: FrameWork = async (_, { signal }) => {
        await new Promise(resolve => signal.addEventListener("abort", resolve))
        return null
      }
      const { RE, camera, collect, stop, connector, documents, sim } = await setUpStream(consumer(stuck))
      let isFinishing = false
      function* frames(): Plan<number> {
        isFinishing = true
        yield* bps.null()
        return 3
      }
      const byHand = function* (): Plan<void> {
        yield* bps.openRun()
        for (let i = 0; i < 3; i++) yield* bps.call(() => camera.expose())
        yield* bps.closeRun()
      }
      const acquire = () => (how === "bpp.run" ? exposures(camera, 3) : byHand()) as Plan<unknown>
      const running = RE.run(collectStreaming(collect(acquire, { frames })))
      await expect.poll(() => isFinishing).toBe(true)
      await RE.abort("enough")
      expect(await running).toMatchObject({ exitStatus: "abort", reason: "enough", problems: [] })
      expect(stop()).toMatchObject({ exit_status: "abort", reason: "enough" })
      expect(documents.filter(({ name }) => name === "stop")).toHaveLength(1)
      await connector.whenIdle()
      expect([await connector.status.get(), await connector.errorMessage.get()]).toEqual([
        "failed",
        expect.stringContaining("the plan has given up: the plan was aborted: enough"),
      ])
      expect(sim.datasets.list("tomo-2026-1")).toEqual([])
    },
  )

  it.each(["abort", "stop"] as const)(
    "does not wait for its job any more after %s: the job goes on, and the run is whole",
    async end => {
      const { RE, camera, collect, stop, connector, events, sim } = await setUpStream(consumer(work))
      sim.control.play({ stage: "03-STORE", play: { seconds: 60 } })
      const running = RE.run(collectStreaming(collect(exposures(camera, 3), { frames: 3 })))
      await expect.poll(() => connector.job?.stage).toBe("03-STORE")
      const began = performance.now()
      await RE[end]("enough")
      const exitStatus = end === "abort" ? "abort" : "success"
      expect(await running).toMatchObject({ exitStatus, reason: "enough", problems: [] })
      expect(performance.now() - began).toBeLessThan(10_000)
      expect(stop()).toMatchObject({ exit_status: exitStatus, reason: "enough" })
      expect([events("dm_results").length, events("dm_workflow").length]).toEqual([3, 1])
      expect(sim.datasets.list("tomo-2026-1")).toHaveLength(end === "abort" ? 0 : 1)
      expect(await connector.status.get()).toBe("running")
    },
  )

  it("measures nothing again after a pause while the workflow works on what is left", async () => {
    let goOn = () => {}
    const held = new Promise<void>(resolve => {
      goOn = resolve
    })
    const slow: FrameWork = async (...frame) => {
      await held
      return work(...frame)
    }
    const { RE, camera, collect, events, sim } = await setUpStream(consumer(slow))
    let isFinishing = false
    function* frames(): Plan<number> {
      isFinishing = true
      yield* bps.null()
      return 3
    }
    const running = RE.run(collectStreaming(collect(exposures(camera, 3), { frames })))
    await expect.poll(() => isFinishing).toBe(true)
    await RE.requestPause({ defer: false })
    goOn()
    await RE.resume()
    expect((await running).value?.report).toMatchObject({ received: 3, missed: 0 })
    expect(events("primary").map(data => data["camera_number"])).toEqual([1, 2, 3])
    expect(sim.control.jobs[0]?.["status"]).toBe("done")
  })

  it("survives a pause: the workflow waits, nothing is counted twice", async () => {
    const { RE, camera, collect, events } = await setUpStream(consumer(work))
    const running = RE.run(collectStreaming(collect(exposures(camera, 8, () => bps.sleep(0.05)))))
    await expect.poll(() => events("dm_results").length).toBeGreaterThan(1)
    await RE.requestPause({ defer: false })
    await RE.resume()
    const { value } = await running
    const ids = events("dm_results").map(data => data["dm_results_frame"])
    expect(ids).toEqual(Array.from({ length: camera.taken }, (_, i) => i + 1))
    expect(value?.report).toMatchObject({ received: camera.taken, missed: 0 })
  })

  it("searches the frames as the variables say where no address is given", async () => {
    const { RE, camera, collect } = await setUpStream(consumer(work))
    vi.stubEnv("EPICS_PVA_NAME_SERVERS", camera.source.address)
    vi.stubEnv("EPICS_PVA_AUTO_ADDR_LIST", "NO")
    onTestFinished(() => void vi.unstubAllEnvs())
    const options = { data: { pv: camera.pv }, frames: 3 }
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 3), options)))
    expect(value?.report).toMatchObject({ received: 3, missed: 0 })
  })

  it("leaves the job to a watcher in the background when it is told not to wait", async () => {
    const { RE, camera, collect, sim, connector } = await setUpStream(consumer(work))
    sim.control.play({ stage: "03-STORE", play: { seconds: 0.5 } })
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 3), { wait: false })))
    expect([value?.report.state, connector.idle]).toEqual(["finished", false])
    await connector.whenIdle()
    expect(await connector.status.get()).toBe("done")
  })

  it("fails after the run when a later stage fails; the run itself is a success", async () => {
    const { RE, camera, collect, stop, sim } = await setUpStream(consumer(work))
    sim.control.play({ stage: "03-STORE", play: { exitStatus: 4, stdErr: "disk full\n" } })
    const running = RE.run(collectStreaming(collect(exposures(camera, 3))))
    await expect(running).rejects.toMatchObject({ outcome: "failed", stage: "03-STORE", exitStatus: 4 })
    expect(stop()).toMatchObject({ exit_status: "success" })
  })
})

describe("trouble while streaming", () => {
  it("no experiment, no stream", async () => {
    const { RE, camera, collect, signals } = await setUpStream(consumer(work))
    await signals.experiment.set("")
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toThrow(
      "no experiment is set up: run setupUser first",
    )
  })

  it("DM that is away at the start is named before anything is acquired", async () => {
    const { RE, camera, collect, sim } = await setUpStream(consumer(work))
    await sim.control.goAway()
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toThrow(
      /workflow follow: refused .*connection refused/,
    )
    expect(camera.taken).toBe(0)
  })

  it("DM that goes away in the middle and comes back costs nothing", async () => {
    const { RE, camera, collect, sim } = await setUpStream(consumer(work))
    const away = function* (): Plan<void> {
      if (camera.taken === 2) yield* bps.call(() => sim.control.awayFor(0.5))
    }
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 6, away))))
    expect(value).toMatchObject({ job: { status: "done" }, results: 6 })
  })

  it("a job that fails before its process is there ends the plan with stage, exit status and stderr", async () => {
    const { RE, camera, collect, stop } = await setUpStream({
      exitStatus: 127,
      stdErr: "consume: not found\n",
    })
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toMatchObject({
      fault: "job",
      message: expect.stringMatching(/failed in stage 02-CONSUME with exit status 127 .*consume: not found/),
    })
    expect([camera.taken, stop()]).toEqual([0, undefined])
  })

  it("a job that ends well without its process having finished is no success", async () => {
    const { RE, camera, collect } = await setUpStream({ stdOut: "nothing to do\n" })
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toMatchObject({
      fault: "job",
      message: expect.stringMatching(/done.*, but its process never reported finished/),
    })
  })

  it("an analysis that throws fails plan and job at once, with its reason in the run", async () => {
    const { RE, camera, collect, stop, connector } = await setUpStream(
      consumer(frame => {
        if (frame.uniqueId === 3) throw new Error("no beam in frame 3")
        return { number: 1, twice: 2 }
      }),
    )
    const running = RE.run(collectStreaming(collect(exposures(camera, 10_000, () => bps.sleep(0.02)))))
    const error = await running.catch(thrown => thrown)
    expect(error).toBeInstanceOf(DmStreamError)
    expect(error).toMatchObject({ fault: "reported", report: { state: "error", received: 3 } })
    expect(error.message).toContain("no beam in frame 3")
    expect(stop()).toMatchObject({
      exit_status: "fail",
      reason: expect.stringContaining("no beam in frame 3"),
    })
    expect(camera.taken).toBeLessThan(100)
    await connector.whenIdle()
    expect(await connector.status.get()).toBe("failed")
  })

  it("results that the plan does not expect are refused, with both sides saying so", async () => {
    const { RE, camera, collect } = await setUpStream(consumer(() => ({ surprise: 1 })))
    const running = RE.run(collectStreaming(collect(exposures(camera, 10_000, () => bps.sleep(0.02)))))
    await expect(running).rejects.toThrow(/the plan expects number, twice, not surprise/)
  })

  it("a frame PV that nobody serves is named", async () => {
    const { RE, camera, collect } = await setUpStream(async context => {
      const {
        streamAddress: address = "",
        streamPrefix: prefix = "",
        streamSession: session = "",
      } = context.variables
      const data = { pv: "nobody:image", address: camera.source.address }
      await context.outside(consumeFrames({ address, prefix, session, data, frameTimeout: 0.5 }, work))
      return {}
    })
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toThrow(
      /no frames from nobody:image at 127.0.0.1:\d+: no such PV was found within 0.5 s/,
    )
  })

  it("a second process that wants the same work is refused", async () => {
    const consume = consumer(work)
    let second: unknown
    const { RE, camera, collect } = await setUpStream(async context => {
      const first = consume(context)
      const both = [first, Promise.resolve(consume(context)).catch(error => (second = error))]
      await Promise.all(both)
      return {}
    })
    const { value } = await RE.run(collectStreaming(collect(exposures(camera, 3, () => bps.sleep(0.05)))))
    expect(value?.report).toMatchObject({ state: "finished", received: 3 })
    expect(second).toMatchObject({
      fault: "refused",
      message: expect.stringContaining("another process does the work"),
    })
  })

  it("a process of an earlier collection finds that it is not wanted", async () => {
    const { RE, camera, collect } = await setUpStream(async context => {
      const { streamAddress: address = "", streamPrefix: prefix = "" } = context.variables
      await context.outside(
        consumeFrames({ address, prefix, session: "of-yesterday", data: camera.source }, work),
      )
      return {}
    })
    await expect(RE.run(collectStreaming(collect(exposures(camera, 3))))).rejects.toThrow(
      /belongs to another collection/,
    )
  })

  it("an acquisition without a run, or with two, is refused", async () => {
    const { RE, camera, collect } = await setUpStream(consumer(work))
    await expect(RE.run(collectStreaming(collect(() => bps.sleep(0))))).rejects.toThrow("has to open a run")
    const twice = function* (): Plan<void> {
      yield* exposures(camera, 1)
      yield* exposures(camera, 1)
    }
    await expect(RE.run(collectStreaming(collect(twice)))).rejects.toThrow("may open one run only")
  })

  it("DM that is away at the end: the run is complete, and its metadata waits in the spool", async () => {
    const { RE, camera, collect, sim, dm, stop } = await setUpStream(consumer(work))
    const spool = new DmSpool({ directory: join(await temporaryDirectory(), "spool") })
    sim.control.fault({ kind: "html", call: "addExperimentDataset", times: 1000 })
    const { value } = await RE.run(
      collectStreaming(collect(exposures(camera, 3), { frames: 3, whenAway: "spool", spool })),
    )
    expect(value).toMatchObject({ job: { status: "done" }, results: 3 })
    expect(stop()).toMatchObject({ exit_status: "success" })
    await spool.settled()
    expect(await spool.list()).toHaveLength(1)
    sim.control.clearFaults()
    await spool.send(dm)
    expect(sim.datasets.list("tomo-2026-1")).toMatchObject([{ bluesky_run_uid: value?.runUid }])
  })

  it("a plan's process that was busy for long hears the reports that came meanwhile before it judges", async () => {
    const { RE, camera, collect } = await setUpStream(consumer(work))
    const busy = function* (): Plan<void> {
      if (camera.taken !== 2) return
      yield* bps.call(() => {
        const end = performance.now() + 800
        while (performance.now() < end);
      })
    }
    const { value } = await RE.run(
      collectStreaming(collect(exposures(camera, 4, busy), { frames: 4, link: { heartbeatTimeout: 0.6 } })),
    )
    expect(value?.report).toMatchObject({ state: "finished", received: 4 })
  })

  it("an error of the acquisition itself is the plan's error, and the workflow gives up", async () => {
    const { RE, camera, collect, stop, connector, sim } = await setUpStream(consumer(work))
    const broken = function* (): Plan<void> {
      if (camera.taken === 3) throw new Error("the shutter is stuck")
      yield* bps.sleep(0)
    }
    await expect(RE.run(collectStreaming(collect(exposures(camera, 6, broken))))).rejects.toThrow(
      "the shutter is stuck",
    )
    expect(stop()).toMatchObject({ exit_status: "fail", reason: "the shutter is stuck" })
    expect(sim.datasets.list("tomo-2026-1")).toMatchObject([{ bluesky_stop: { exit_status: "fail" } }])
    await connector.whenIdle()
    expect(connector.job).toMatchObject({ status: "failed" })
    expect(await connector.errorMessage.get()).toContain("the plan has given up: the shutter is stuck")
  })

  it("a port that is taken, and a heartbeat that cannot be, are errors before DM hears of anything", async () => {
    await using other = await PvaServer.open({ isolated: true })
    const { RE, camera, collect, sim } = await setUpStream(consumer(work))
    const start = (link: CollectStreamingOptions<string>["link"]) =>
      RE.run(collectStreaming(collect(exposures(camera, 3), { ...(link === undefined ? {} : { link }) })))
    await expect(start({ port: other.port })).rejects.toThrow(`port ${other.port} is taken`)
    await expect(start({ heartbeat: 2, heartbeatTimeout: 1 })).rejects.toThrow("the timeout has to be longer")
    expect(sim.control.count("startProcessingJob")).toBe(0)
  })
})

describe("a lost connection", () => {
  /** The workflow reaches the plan through a relay. */
  const throughRelay = (patience: number) => {
    let relay: Relay | undefined
    const consume = consumer(work, { patience })
    const play: CommandFunction = async context => {
      const { streamAddress = "" } = context.variables
      relay = await Relay.to(Number(streamAddress.split(":")[1]))
      return await consume({ ...context, variables: { ...context.variables, streamAddress: relay.address } })
    }
    return { play, relay: () => relay }
  }

  it("is survived when it comes back within the workflow's patience: no frame and no result is lost", async () => {
    const { play, relay } = throughRelay(10)
    const { RE, camera, collect, events } = await setUpStream(play)
    const trouble = function* (): Plan<void> {
      if (camera.taken % 10 === 3) yield* bps.call(() => relay()?.cut())
      yield* bps.sleep(0.01)
    }
    const { value } = await RE.run(
      collectStreaming(
        collect(exposures(camera, 30, trouble), { frames: 30, link: { heartbeatTimeout: 10 } }),
      ),
    )
    expect(value?.report).toMatchObject({ state: "finished", received: 30, missed: 0 })
    const numbers = Array.from({ length: 30 }, (_, i) => i + 1)
    expect(events("dm_results").map(data => data["dm_results_frame"])).toEqual(numbers)
  })

  it("that stays fails the plan when the heartbeat is missed, and the workflow gives up by itself", async () => {
    const { play, relay } = throughRelay(1)
    const { RE, camera, collect, connector, stop } = await setUpStream(play)
    const trouble = function* (): Plan<void> {
      if (camera.taken === 3) yield* bps.call(() => relay()?.close())
      yield* bps.sleep(0.02)
    }
    const running = RE.run(
      collectStreaming(
        collect(exposures(camera, 10_000, trouble), { abortTimeout: 0.2, link: { heartbeatTimeout: 0.6 } }),
      ),
    )
    await expect(running).rejects.toMatchObject({
      fault: "silent",
      message: expect.stringMatching(
        /^no heartbeat of the workflow for 0.6 s: it was running, with \d of \d frames processed$/,
      ),
    })
    expect(stop()).toMatchObject({ exit_status: "fail", reason: expect.stringMatching(/^no heartbeat/) })
    await connector.whenIdle()
    expect(await connector.errorMessage.get()).toMatch(/the plan .* has been away for 1 s/)
  })
})
