import { connect, StatusTimeoutError, until } from "@ophyd-ts/core"
import { onPut, putsOf, setMockValue } from "@ophyd-ts/core/testing"
import type { EmbeddedBeamline } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest"
import { EpicsMotor, type ToleratedAlarm } from "../src/index.ts"
import { type BeamlineRig, beamlineRig } from "./support/beamline-rig.ts"
import { motorContract, onTheWay, restAtZero } from "./support/motor-contract.ts"

describe.each(["ca", "pva"] as const)("over %s", protocol => {
  motorContract("the embedded IOC", () => beamlineRig(protocol, "m1"))
})

describe.each(["ca", "pva"] as const)("a motor over %s", protocol => {
  let rig: BeamlineRig
  let beamline: EmbeddedBeamline
  let m1: EpicsMotor

  beforeAll(async () => {
    rig = await beamlineRig(protocol, "m1")
    beamline = rig.beamline
    m1 = new EpicsMotor(rig.pv, { name: "m1", client: rig.client })
    await m1.connect({ timeout: 20 })
  })
  afterAll(async () => {
    await rig?.close()
  })
  beforeEach(async () => {
    beamline.setFault("m1", undefined)
    await restAtZero(m1)
  })

  describe("a move", () => {
    it("that runs out of retries fails with MISS and where it is", async () => {
      beamline.setFault("m1", "stuck")
      const status = m1.set(3)
      await expect(status).rejects.toThrow(
        /^m1: move to 3 mm failed after .*ran out of retries \(MISS\), it is at 0 mm/,
      )
      expect(status.error?.cause).toMatchObject({ code: "MOTOR_MISSED" })
    })

    it("that never ends is timed out, by distance, velocity and acceleration or by the caller, and stopped", async () => {
      beamline.setFault("m1", "hung")
      const status = m1.set(3, { timeout: 0.3 })
      await expect(status).rejects.toBeInstanceOf(StatusTimeoutError)
      beamline.setFault("m1", undefined)
      await until(m1.done, true, { timeout: 20 })
      await m1.set(1)
      expect(await m1.readback.get()).toBeCloseTo(1, 2)
    })
  })

  it("a move against a limit switch fails with where it is, and the way back is open", async () => {
    await Promise.all([m1.highLimit.set(0), m1.lowLimit.set(0)])
    await expect.poll(() => m1.highLimit.latest?.value, { timeout: 10_000 }).toBe(0)
    const status = m1.set(30)
    await expect(status).rejects.toThrow(
      /^m1: move to 30 mm failed after .*: it is on its high limit switch, at 26 mm$/,
    )
    expect(status.error?.cause).toMatchObject({ code: "MOTOR_LIMIT_SWITCH" })
    await m1.set(20)
    expect(await m1.readback.get()).toBeCloseTo(20, 2)
    await Promise.all([m1.highLimit.set(25), m1.lowLimit.set(-25)])
    await expect.poll(() => m1.highLimit.latest?.value, { timeout: 10_000 }).toBe(25)
  })

  it("a set fails with outcome unknown when the motor vanishes, and works when it is back", async () => {
    const { status } = await onTheWay(m1)
    beamline.disconnect(`${beamline.prefix}m1`)
    await expect(status).rejects.toThrow(
      /m1: move to 20 mm failed.*(ECA_DISCONN|outcome.* unknown|destroyed|disconnect)/,
    )
    beamline.reconnect(`${beamline.prefix}m1`)
    await expect.poll(() => m1.setpoint.connected, { timeout: 15_000 }).toBe(true)
    await m1.stop()
    await until(m1.done, true, { timeout: 20 })
    await m1.set(1)
  })
})

it("in mock mode a motor arrives at once and records where it was sent", async () => {
  const mock = new EpicsMotor("X:m9", { name: "m9" })
  await connect(mock, { mock: true })
  await mock.set(3)
  expect(putsOf(mock.setpoint)).toEqual([{ value: 3, completion: true }])
  await mock.stop()
  expect(putsOf(mock.stopCommand)).toEqual([{ value: true, completion: false }])
})

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "%s is no position, also of a motor without limits, and nothing is written",
  async position => {
    const mock = new EpicsMotor("X:m9", { name: "m9" })
    await connect(mock, { mock: true })
    expect(() => mock.set(position)).toThrow(/^m9: .* is no position$/)
    expect(putsOf(mock.setpoint)).toEqual([])
  },
)

describe("a move that ends in alarm", () => {
  it.each<[ToleratedAlarm | undefined, number, boolean]>([
    [undefined, 1, true],
    [undefined, 2, false],
    [undefined, 3, false],
    ["none", 1, false],
    ["major", 2, true],
    ["major", 3, false],
    ["invalid", 3, true],
  ])("tolerated up to %s, with severity %i: arrived %s", async (toleratedAlarm, alarm_severity, arrived) => {
    const mock = new EpicsMotor("X:m9", { name: "m9", toleratedAlarm })
    await mock.connect({ mock: true })
    onPut(mock.setpoint, value => setMockValue(mock.readback, value, { alarm_severity, message: "COMM" }))
    const status = mock.set(3)
    await status.then(
      () => {},
      () => {},
    )
    expect([status.success, status.error?.cause]).toEqual(
      arrived ? [true, undefined] : [false, expect.objectContaining({ code: "MOTOR_ALARM" })],
    )
    if (!arrived) expect(status.error?.message).toMatch(/it ended in (minor|major|invalid) alarm COMM at 3$/)
  })
})

it("types: a motor is set to numbers only", () => {
  const m1 = new EpicsMotor("X:m1")
  expectTypeOf(m1.set).parameter(0).toEqualTypeOf<number>()
  expectTypeOf(m1.readback).not.toHaveProperty("set")
  expectTypeOf(m1.offsetDir.set).parameter(0).toEqualTypeOf<"Pos" | "Neg">()
})
