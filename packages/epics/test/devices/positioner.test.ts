import {
  boolean,
  type ChoiceType,
  choice,
  connect,
  double,
  LimitError,
  type Progress,
  SetInProgressError,
  StatusCancelledError,
  until,
} from "@ophyd-ts/core"
import { holdPuts, onPut, putsOf, setMockMetadata, setMockValue } from "@ophyd-ts/core/testing"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest"
import {
  PVPositioner,
  PVPositionerComparator,
  PVPositionerDone,
  PVPositionerIsClose,
  PVPositionerPC,
} from "../../src/index.ts"
import { randomPrefix } from "../support/prefix.ts"

class Gap extends PVPositioner {
  readonly setpoint = this.signal.rw(double, "Set")
  override readonly readback = this.signal.r(double, "Gap", { kind: "hinted", as: "" })
  override readonly actuate = this.signal.x(boolean, "Start", true, { kind: "omitted" })
  override readonly stopCommand = this.signal.x(boolean, "Stop", true, { kind: "omitted", completion: false })
  readonly done = this.signal.r(choice("Moving", "Done"), "Busy", { kind: "omitted", mockInitial: "Done" })
  override readonly doneValue = "Done"
}

/** A mock gap that moves when it is told to start and arrives when the test says so. */
async function mockGap(options: { startTimeout?: number } = {}) {
  const gap = new Gap("X:", { name: "gap", ...options })
  await gap.connect({ mock: true })
  setMockMetadata(gap.setpoint, { limits: { control: { low: 0, high: 50 } }, units: "mm" })
  setMockMetadata(gap.readback, { units: "mm", precision: 2 })
  onPut(gap.actuate, () => setMockValue(gap.done, "Moving"))
  onPut(gap.stopCommand, () => setMockValue(gap.done, "Done"))
  const arrive = (at: number) => {
    setMockValue(gap.readback, at)
    setMockValue(gap.done, "Done")
  }
  return { gap, arrive }
}

describe("an axis with a done signal", () => {
  it("writes, starts, and is done when the signal says so, with progress", async () => {
    const { gap, arrive } = await mockGap()
    const seen: Progress[] = []
    const status = gap.set(10)
    status.watch(progress => seen.push(progress))
    await until(gap.done, "Moving")
    setMockValue(gap.readback, 4)
    expect(status.done).toBe(false)
    arrive(10)
    await status
    expect(putsOf(gap.setpoint)).toEqual([{ value: 10, completion: true }])
    expect(putsOf(gap.actuate)).toEqual([{ value: true, completion: false }])
    expect(seen).toContainEqual(expect.objectContaining({ fraction: 0.4, target: 10, unit: "mm" }))
    expect(await gap.locate()).toEqual({ setpoint: 10, readback: 10 })
    expect(Object.keys(await gap.read())).toEqual(["gap_setpoint", "gap"])
    expect(gap.hints).toEqual({ fields: ["gap"] })
  })

  it("refuses what is no position, also without limits", async () => {
    const { gap } = await mockGap()
    setMockMetadata(gap.setpoint, {})
    expect(() => gap.set(Number.NaN)).toThrow("gap: NaN is no position")
    expect(putsOf(gap.setpoint)).toEqual([])
  })

  it("sees a pulse of the done signal that is over when the write is", async () => {
    const { gap, arrive } = await mockGap({ startTimeout: 60 })
    onPut(gap.actuate, () => {
      setMockValue(gap.done, "Moving")
      arrive(10)
    })
    await gap.set(10)
  })

  it("is there already when the signal never says otherwise", async () => {
    const { gap } = await mockGap({ startTimeout: 0.02 })
    onPut(gap.actuate, () => {})
    await gap.set(10)
  })

  it("refuses what is outside the limits, and a second move, before anything is written", async () => {
    const { gap, arrive } = await mockGap()
    expect(() => gap.set(51)).toThrow(LimitError)
    expect(putsOf(gap.setpoint)).toEqual([])
    const first = gap.set(10)
    expect(() => gap.set(11)).toThrow(SetInProgressError)
    await until(gap.done, "Moving")
    arrive(10)
    await first
  })

  it("that is stopped ends its move when it rests: as failed, saying where, or with success as done", async () => {
    const { gap } = await mockGap()
    const failing = gap.set(10)
    await until(gap.done, "Moving")
    setMockValue(gap.readback, 3.456)
    await gap.stop()
    await expect(failing).rejects.toThrow(/^gap: move to 10 mm failed after .*: it was stopped at 3.46 mm$/)
    expect(failing.error?.cause).toMatchObject({ code: "POSITIONER_STOPPED" })
    const ending = gap.set(10)
    await until(gap.done, "Moving")
    await gap.stop({ success: true })
    await ending
    expect(putsOf(gap.stopCommand)).toHaveLength(2)
  })

  it("that is cancelled is stopped, but not when a newer target takes over", async () => {
    const { gap, arrive } = await mockGap()
    const first = gap.set(10)
    await until(gap.done, "Moving")
    const second = gap.set(20, { whenBusy: "supersede" })
    await expect(first).rejects.toThrow("superseded by move to 20")
    expect(putsOf(gap.stopCommand)).toEqual([])
    await expect.poll(() => putsOf(gap.actuate)).toHaveLength(2)
    second.cancel(new Error("beam lost"))
    await expect(second).rejects.toBeInstanceOf(StatusCancelledError)
    await expect.poll(() => putsOf(gap.stopCommand)).toHaveLength(1)
    arrive(20)
  })

  it("fails with the server's reason when the setpoint is refused", async () => {
    const { gap } = await mockGap()
    onPut(gap.setpoint, () => Promise.reject(new Error("interlock")))
    await expect(gap.set(10)).rejects.toThrow(/^gap: move to 10 mm failed after .*interlock$/)
    expect(putsOf(gap.actuate)).toEqual([])
  })
})

describe("an axis without a done signal", () => {
  it("with put completion is done with it", async () => {
    class Energy extends PVPositionerPC {
      readonly setpoint = this.signal.rw(double, "E", { as: "" })
    }
    const energy = new Energy("X:", { name: "energy" })
    await energy.connect({ mock: true })
    const held = holdPuts(energy.setpoint)
    const status = energy.set(8)
    await expect.poll(() => held.pending).toBe(1)
    expect(status.done).toBe(false)
    held.end()
    await status
    expect(putsOf(energy.setpoint)).toEqual([{ value: 8, completion: true }])
    expect(await energy.locate()).toEqual({ setpoint: 8, readback: 8 })
  })

  it("that is near its target has arrived: by its tolerances, or by the last digit of the read-back", async () => {
    class Temperature extends PVPositionerIsClose {
      readonly setpoint = this.signal.rw(double, "Set")
      override readonly readback = this.signal.r(double, "T", { as: "" })
    }
    const cases: [Partial<Record<"absoluteTolerance" | "relativeTolerance", number>>, number, number][] = [
      [{ absoluteTolerance: 0.5 }, 99.4, 99.5],
      [{ relativeTolerance: 0.01 }, 98.9, 99],
      [{ absoluteTolerance: 1, relativeTolerance: 0.01 }, 97.9, 98],
      [{}, 99.8, 99.9],
    ]
    for (const [options, before, after] of cases) {
      const temperature = new Temperature("X:", { name: "t", ...options })
      await temperature.connect({ mock: true })
      setMockMetadata(temperature.readback, { precision: 1 })
      const status = temperature.set(100)
      await expect.poll(() => putsOf(temperature.setpoint)).toEqual([{ value: 100, completion: false }])
      setMockValue(temperature.readback, before)
      expect(status.done).toBe(false)
      setMockValue(temperature.readback, after)
      await status
    }
  })

  it("may have a comparison of its own, or none", async () => {
    class Heater extends PVPositionerComparator {
      readonly setpoint = this.signal.rw(double, "Set")
      override readonly readback = this.signal.r(double, "T")
      protected isThere(readback: number, target: number): boolean {
        return readback >= target
      }
    }
    class Attenuation extends PVPositionerDone {
      readonly setpoint = this.signal.rw(double, "Set")
    }
    const heater = new Heater("X:", { name: "heater" })
    const attenuation = new Attenuation("X:", { name: "attenuation" })
    await connect(heater, attenuation, { mock: true })
    const heating = heater.set(80)
    setMockValue(heater.readback, 85)
    await Promise.all([heating, attenuation.set(3)])
    // Without a stop command a stop ends the waiting and writes nothing.
    const again = heater.set(90)
    await expect.poll(() => putsOf(heater.setpoint)).toHaveLength(2)
    await heater.stop()
    await expect(again).rejects.toThrow("it was stopped at 85")
  })
})

describe("a motor record as an axis of chosen PVs, on an IOC", () => {
  let beamline: EmbeddedBeamline
  let client: CaClient
  beforeAll(async () => {
    beamline = await startBeamline({ prefix: randomPrefix() })
    client = new CaClient(beamline.clientConfig().ca)
    await client.put(`${beamline.prefix}m1.VELO`, 100)
    await client.put(`${beamline.prefix}m2.VELO`, 5)
  })
  afterAll(async () => {
    await client?.close()
    await beamline?.close()
  })

  it("arrives by its done signal, its put completion, or its read-back", async () => {
    class ByDone extends PVPositioner {
      readonly setpoint = this.signal.rw(double, ".VAL")
      override readonly readback = this.signal.r(double, ".RBV", { as: "" })
      readonly done = this.signal.r(boolean, ".DMOV")
    }
    class ByCompletion extends PVPositionerPC {
      readonly setpoint = this.signal.rw(double, ".VAL")
      override readonly readback = this.signal.r(double, ".RBV", { as: "" })
    }
    class ByReadback extends PVPositionerIsClose {
      readonly setpoint = this.signal.rw(double, ".VAL")
      override readonly readback = this.signal.r(double, ".RBV", { as: "" })
    }
    const options = { client, name: "x", absoluteTolerance: 0.001 }
    const axes = [ByDone, ByCompletion, ByReadback].map(Axis => new Axis(`${beamline.prefix}m1`, options))
    await connect(...axes, { timeout: 20 })
    for (const [i, axis] of axes.entries()) {
      await axis.set(i + 1, { timeout: 30 })
      expect((await axis.locate()).readback).toBeCloseTo(i + 1, 2)
      expect(() => axis.set(26)).toThrow("x_setpoint: 26 mm is outside its limits -25 to 25 mm")
    }
  })

  it("stops on the way", async () => {
    class Axis extends PVPositionerPC {
      readonly setpoint = this.signal.rw(double, ".VAL")
      override readonly readback = this.signal.r(double, ".RBV", { as: "" })
      override readonly stopCommand = this.signal.x(boolean, ".STOP", true, { completion: false })
    }
    const axis = new Axis(`${beamline.prefix}m2`, { client, name: "y" })
    await axis.connect({ timeout: 20 })
    const status = axis.set(20)
    await until(axis.readback, at => at > 0.2, { timeout: 20 })
    await axis.stop()
    await expect(status).rejects.toThrow(/it was stopped at [\d.]+ mm/)
  })
})

it("types: an axis takes numbers", () => {
  expectTypeOf<Gap["set"]>().parameter(0).toEqualTypeOf<number>()
  expectTypeOf<Gap["done"]["datatype"]>().toMatchTypeOf<Pick<ChoiceType<"Moving" | "Done">, "initial">>()
})
