import { SimDetector } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { EpicsMotor } from "@ophyd-ts/epics"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { bp, bpp, bps, type Plan } from "@ophyd-ts/run-engine"
import { CaClient } from "node-epics-ca"
import { describe, expect, it, onTestFinished } from "vitest"
import { collectStreaming } from "../src/index.ts"
import { consumer, setUpStream } from "./support/stream.ts"

/** The embedded beamline's camera without a file, and what a workflow finds in its frames: all counts. */
async function setUp() {
  const base = await setUpStream(
    consumer(({ data }) => {
      let sum = 0
      for (let i = 0; i < data.length; i++) sum += Number(data[i])
      return { sum }
    }),
  )
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  const beamline = await startBeamline({ prefix, areaDetector: { sensor: [32, 32] } })
  onTestFinished(() => beamline.close())
  const client = new CaClient(beamline.clientConfig().ca)
  onTestFinished(() => client.close())
  const motor = new EpicsMotor(`${prefix}m1`, { name: "m1", client })
  const camera = new SimDetector(`${prefix}ad:`, { name: "ad", client, plugins: { stats: true, pva: true } })
  await connect(motor, camera, { timeout: 10 })
  await camera.cam.acquireTime.set(0.002)
  const stream = {
    data: { pv: `${prefix}ad:Pva1:Image`, address: `127.0.0.1:${beamline.ports.pva}` },
    link: { results: { sum: { units: "counts" } }, heartbeatTimeout: 20 },
  }
  return { ...base, motor, camera, stream }
}

describe("streaming from an area detector", { timeout: 60_000 }, () => {
  it("has for each point of a scan what the workflow found in its frame", async () => {
    const { RE, collect, motor, camera, stream, events } = await setUp()
    const acquire = () => bp.scan([camera], motor, 0, 1, 6)
    const { value } = await RE.run(collectStreaming(collect(acquire, { ...stream, frames: 6 })))
    expect(value?.report).toMatchObject({ state: "finished", received: 6, missed: 0 })
    const totals = events("primary").map(data => data["ad_stats_total"])
    expect(events("dm_results").map(data => data["dm_results_sum"])).toEqual(totals)
    // Twice with the same detector, which counts its frames anew.
    const again = await RE.run(collectStreaming(collect(acquire, { ...stream, frames: 6 })))
    expect(again.value?.report).toMatchObject({ received: 6, missed: 0 })
  })

  it("loses no frame of a flight", async () => {
    const { RE, collect, camera, stream, events } = await setUp()
    const number = 150
    function* flight(): Plan<string> {
      return yield* bpp.stage([camera], () =>
        bpp.run({ plan_name: "flight" }, function* (uid) {
          yield* bps.prepare(camera, { numberOfEvents: number, livetime: 0.005 }, { wait: true })
          yield* bps.kickoff(camera, { wait: true })
          yield* bps.complete(camera, { wait: true })
          return uid
        }),
      )
    }
    const { value } = await RE.run(collectStreaming(collect(flight, { ...stream, frames: number })))
    expect(value).toMatchObject({
      results: number,
      report: { received: number, missed: 0, processed: number },
    })
    expect(events("dm_results")).toHaveLength(number)
  })
})
