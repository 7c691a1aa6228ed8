/** One measurement of ours, in a process of its own: `ours.ts MODE ARGUMENT [EXPOSURE [STATISTICS]]`. Prints one JSON value. Mirrors ../peers/images.py. */
import { FrameCollector, PvaFrames, SimDetector, staticPaths } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { closeDefaultClients, defaultClient } from "@ophyd-ts/epics"
import { bpp, bps, type Plan, RunEngine } from "@ophyd-ts/run-engine"

const [mode = "", argument = "", time = "0", statistics = "total"] = process.argv.slice(2)

const exposure = Number(time)
const points = 300

async function run(plan: Plan<void>): Promise<void> {
  const { exitStatus, reason } = await new RunEngine().run(plan)
  if (exitStatus !== "success") throw new Error(reason)
}

async function steppedDetector(directory: string) {
  const detector = new SimDetector("bench:ad:", {
    name: "det",
    paths: staticPaths(directory),
    plugins: { stats: true },
  })
  await connect(detector, { timeout: 30 })
  const { stats } = detector.plugins
  for (const signal of [stats.total, stats.minValue, stats.maxValue, stats.meanValue, stats.sigma])
    if (!statistics.split(",").some(name => signal.name.endsWith(`_${name}`))) signal.kind = "omitted"
  return detector
}

async function expose(detector: SimDetector, seconds: number): Promise<void> {
  await detector.cam.acquireTime.set(seconds)
  await detector.cam.acquirePeriod.set(seconds)
}

/** A step scan with an HDF5 file: milliseconds of one point, without opening and closing, and without the first ones. */
async function scan(detector: SimDetector, measured: number): Promise<number> {
  let each = 0
  function* plan(): Plan<void> {
    yield* bpp.stage([detector], function* () {
      yield* bpp.run({}, function* () {
        for (let i = 0; i < 20; i += 1) yield* bps.triggerAndRead([detector])
        const start = performance.now()
        for (let i = 0; i < measured; i += 1) yield* bps.triggerAndRead([detector])
        each = (performance.now() - start) / measured
      })
    })
  }
  await run(plan())
  return each
}

/** The same acquisitions and the same file by bare puts with completion: what the IOC itself needs for each, in milliseconds. */
async function bare(detector: SimDetector): Promise<number> {
  await detector.stage()
  await detector.trigger()
  const put = (): Promise<void> => defaultClient("ca").put("bench:ad:cam1:Acquire", 1, { completion: true })
  for (let i = 0; i < 20; i += 1) await put()
  const start = performance.now()
  for (let i = 0; i < points; i += 1) await put()
  const each = (performance.now() - start) / points
  await detector.unstage()
  return each
}

/**
 * Milliseconds of a point of a step scan, of one in a process that has just started, and of a bare acquisition. Node compiles what
 * it has run a thousand times, so only after that many points is a scan as fast as it stays.
 */
async function steps(directory: string): Promise<unknown> {
  const detector = await steppedDetector(directory)
  await expose(detector, exposure)
  const first = await scan(detector, 100)
  await expose(detector, 0.001)
  await scan(detector, 1000)
  await expose(detector, exposure)
  const floor = await bare(detector)
  return { each: await scan(detector, points), first, floor }
}

/** A flight into an HDF5 file, with the least time between two frames: how many were written in a second. */
async function write(directory: string): Promise<unknown> {
  const detector = new SimDetector("bench:ad:", { name: "det", paths: staticPaths(directory) })
  await connect(detector, { timeout: 30 })
  await detector.cam.dataType.set("UInt16")
  const numberOfEvents = 200
  let seconds = 0
  function* plan(): Plan<void> {
    yield* bpp.stage([detector], function* () {
      yield* bpp.run({}, function* () {
        yield* bps.prepare(detector, { numberOfEvents, livetime: exposure }, { wait: true })
        const start = performance.now()
        yield* bps.kickoff(detector, { wait: true })
        yield* bps.complete(detector, { wait: true })
        seconds = (performance.now() - start) / 1000
        yield* bps.collect(detector, { name: "primary" })
      })
    })
  }
  await run(plan())
  return { rate: numberOfEvents / seconds }
}

/** Every frame to a plan, for some seconds. */
async function frames(pv: string): Promise<unknown> {
  const collector = new FrameCollector(new PvaFrames(pv), {
    name: "frames",
    columns: { corner: frame => Number(frame.data[0]) },
    allowSkipped: true,
    queue: 16,
  })
  let result: unknown
  function* plan(): Plan<void> {
    yield* bpp.run({}, function* () {
      yield* bps.kickoff(collector, { wait: true })
      yield* bps.sleep(0.5)
      const { received, skipped } = collector
      const start = performance.now()
      yield* bps.sleep(3)
      const seconds = (performance.now() - start) / 1000
      result = { rate: (collector.received - received) / seconds, lost: collector.skipped - skipped }
      yield* bps.call(() => collector.stop())
      yield* bps.complete(collector, { wait: true })
      yield* bps.collect(collector)
    })
  }
  await run(plan())
  return result
}

const modes: Readonly<Record<string, (argument: string) => Promise<unknown>>> = {
  steps,
  write,
  frames,
}
console.log(JSON.stringify(await modes[mode]!(argument)))
await closeDefaultClients()
