import { connect } from "@ophyd-ts/core"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { afterAll, beforeAll, expect, it } from "vitest"
import { DoseDetector, MotorSlit } from "../src/index.ts"

let beamline: EmbeddedBeamline
let client: CaClient
let detector: DoseDetector
let slit: MotorSlit

beforeAll(async () => {
  beamline = await startBeamline({ prefix: "s1:" })
  client = new CaClient(beamline.clientConfig().ca)
  detector = new DoseDetector("s1:det:", { name: "det", client })
  slit = new MotorSlit("s1:", { name: "slit", blades: ["m1", "m2"], client })
  await connect(detector, slit, { timeout: 20 })
})
afterAll(async () => {
  await client?.close()
  await beamline?.close()
})

it("a slit opens around a centre", async () => {
  for (const blade of [slit.negative, slit.positive]) await blade.velocity.set(100)
  await slit.set({ gap: 2, centre: 1 })
  expect(await slit.gap.get()).toBeCloseTo(2, 2)
  expect(await slit.centre.get()).toBeCloseTo(1, 2)
  expect(() => slit.set({ gap: 60, centre: 0 })).toThrow("outside its limits -25 to 25 mm")
})

it("a detector counts for its exposure", async () => {
  await detector.acquireTime.set(0.02)
  await detector.trigger()
  const counts = await detector.counts.get()
  expect(counts).toBeGreaterThan(0)
  expect(await detector.dose.get()).toBeCloseTo(counts / 1000, 9)
})
