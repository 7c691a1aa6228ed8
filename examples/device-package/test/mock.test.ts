import { connect, LimitError } from "@ophyd-ts/core"
import {
  assertConfiguration,
  assertReading,
  putsOf,
  setMockMetadata,
  setMockValue,
} from "@ophyd-ts/core/testing"
import { expect, it } from "vitest"
import { DoseDetector, MotorSlit } from "../src/index.ts"

it("a detector exposes when it is triggered, and reads counts as a dose", async () => {
  const detector = new DoseDetector("X:det:", { name: "det", calibration: 500 })
  await detector.connect({ mock: true })
  await detector.trigger()
  expect(putsOf(detector.acquire)).toEqual([{ value: "Acquire", completion: true }])
  setMockValue(detector.counts, 250)
  await assertReading(detector, { det_counts: 250, det_monitor: 0, det_dose: 0.5 })
  await assertConfiguration(detector, { det_acquire_time: 0, det_calibration: 500 })
  expect(detector.hints).toEqual({ fields: ["det_counts", "det_dose"] })
})

it("a slit moves both blades, or none where one may not go", async () => {
  const slit = new MotorSlit("X:", { name: "slit", blades: ["m1", "m2"] })
  await connect(slit, { mock: true })
  await slit.set({ gap: 2, centre: 5 })
  expect([...putsOf(slit.negative.setpoint), ...putsOf(slit.positive.setpoint)].map(p => p.value)).toEqual([
    4, 6,
  ])
  setMockValue(slit.negative.readback, 4)
  setMockValue(slit.positive.readback, 6)
  expect([await slit.gap.get(), await slit.centre.get()]).toEqual([2, 5])

  setMockMetadata(slit.positive.setpoint, { limits: { control: { low: 0, high: 10 } } })
  setMockValue(slit.positive.highLimit, 10)
  await expect.poll(() => slit.positive.highLimit.latest?.value).toBe(10)
  expect(() => slit.set({ gap: 2, centre: 12 })).toThrow(LimitError)
  expect(putsOf(slit.negative.setpoint)).toHaveLength(1)
})
