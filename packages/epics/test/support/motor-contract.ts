import { LimitError, type Progress, SetInProgressError, StatusCancelledError, until } from "@ophyd-ts/core"
import type { CaClient } from "node-epics-ca"
import type { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { EpicsMotor } from "../../src/index.ts"

export interface MotorRig {
  /** Of a motor record in mm, with 4 digits and limits of -25 and 25, perhaps with its protocol. */
  readonly pv: string
  readonly client: CaClient | PvaClient
  close(): Promise<void>
}

/** Makes it quick, and brings it to 0. */
export async function restAtZero(motor: EpicsMotor): Promise<void> {
  await Promise.all([motor.velocity.set(100), motor.acceleration.set(0.02)])
  await until(motor.done, true, { timeout: 20 })
  await motor.set(0)
}

/** Sets off for a place so far that there is time to do something. A status given by an async function would be awaited. */
export async function onTheWay(motor: EpicsMotor, to = 20) {
  await motor.velocity.set(5)
  const status = motor.set(to)
  await until(motor.readback, at => at > 0.1, { timeout: 20 })
  return { status }
}

/** What holds for a motor whatever serves the record. */
export function motorContract(server: string, open: () => Promise<MotorRig>): void {
  describe(`a motor on ${server}`, () => {
    let rig: MotorRig
    let m1: EpicsMotor

    beforeAll(async () => {
      rig = await open()
      m1 = new EpicsMotor(rig.pv, { name: "m1", client: rig.client })
      await m1.connect({ timeout: 20 })
    })
    afterAll(async () => {
      await rig?.close()
    })
    beforeEach(() => restAtZero(m1))

    describe("a move", () => {
      it("ends where it should, with progress from 0 to 1 in the motor's unit", async () => {
        const seen: Progress[] = []
        const status = m1.set(2)
        status.watch(progress => seen.push(progress))
        await status
        expect(await m1.locate()).toEqual({ setpoint: 2, readback: expect.closeTo(2, 2) })
        expect(await m1.done.get()).toBe(true)
        expect(status.description).toBe("m1: move to 2 mm")
        expect(seen.at(-1)).toMatchObject({
          name: "m1",
          unit: "mm",
          initial: expect.closeTo(0, 2),
          target: 2,
          fraction: 1,
        })
        const fractions = seen.map(p => p.fraction ?? 0)
        expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
      })

      it("beyond the limits throws before anything is written, with the limits as they are now", async () => {
        await m1.highLimit.set(10)
        await expect.poll(() => m1.highLimit.latest?.value, { timeout: 10_000 }).toBe(10)
        expect(() => m1.set(11)).toThrow(LimitError)
        expect(() => m1.checkValue(-30)).toThrow("m1: -30 mm is outside its limits -25 to 10 mm")
        expect(() => m1.set(Number.NaN)).toThrow(LimitError)
        await m1.highLimit.set(25)
        await expect.poll(() => m1.highLimit.latest?.value, { timeout: 10_000 }).toBe(25)
        expect(await m1.setpoint.get()).toBe(0)
      })

      it("while another one is under way is rejected with who, to where and since when", async () => {
        const { status } = await onTheWay(m1)
        expect(() => m1.set(3)).toThrow(SetInProgressError)
        expect(() => m1.set(3)).toThrow(/^m1: cannot set 3: "m1: move to 20 mm" has been in progress for /)
        status.cancel()
      })

      it("may take over from another one: the motor goes on to the new place without a stop command", async () => {
        const { status: first } = await onTheWay(m1)
        await m1.velocity.set(100)
        const second = m1.set(-1, { whenBusy: "supersede" })
        await expect(first).rejects.toThrow("superseded by move to -1")
        await second
        expect(await m1.readback.get()).toBeCloseTo(-1, 2)
      })

      it("that the record refuses because of its soft limits fails with LVIO, and nothing moves", async () => {
        class Unchecked extends EpicsMotor {
          override checkValue(): void {}
        }
        const unchecked = new Unchecked(rig.pv, { name: "m1", client: rig.client })
        await unchecked.connect({ timeout: 20 })
        const status = unchecked.set(26)
        await expect(status).rejects.toThrow(
          /^m1: move to 26 mm failed after .*the record refused it: outside its soft limits \(LVIO\), it is at 0 mm/,
        )
        expect(status.error?.cause).toMatchObject({ code: "MOTOR_LIMIT_VIOLATION" })
        await unchecked.set(1)
      })
    })

    describe("stop", () => {
      it("ends the move as failed when the motor rests, and says where", async () => {
        const { status } = await onTheWay(m1)
        await m1.stop()
        await expect(status).rejects.toThrow(
          /^m1: move to 20 mm failed after .*: it was stopped at [\d.]+ mm$/,
        )
        expect(status.error?.cause).toMatchObject({ code: "MOTOR_STOPPED" })
        expect(await m1.done.get()).toBe(true)
        expect(await m1.readback.get()).toBeLessThan(19)
      })

      it("with success ends the move as done where it is", async () => {
        const { status } = await onTheWay(m1)
        await m1.stop({ success: true })
        await status
        expect(await m1.done.get()).toBe(true)
        expect(await m1.readback.get()).toBeLessThan(19)
      })

      it("is done when the motor rests, so that a move can follow at once", async () => {
        await m1.acceleration.set(0.4)
        const { status } = await onTheWay(m1)
        await m1.stop()
        expect(status.done).toBe(true)
        expect(await m1.done.get()).toBe(true)
        await m1.set(1)
        expect(await m1.readback.get()).toBeCloseTo(1, 2)
      })

      it("is harmless when nothing moves, and a move can follow", async () => {
        await m1.stop()
        await m1.set(1)
        expect(await m1.readback.get()).toBeCloseTo(1, 2)
      })

      it("comes also with a cancelled move", async () => {
        const { status } = await onTheWay(m1)
        status.cancel(new Error("beam lost"))
        expect(status.error).toBeInstanceOf(StatusCancelledError)
        await until(m1.done, true, { timeout: 20 })
        expect(await m1.readback.get()).toBeLessThan(19)
      })
    })

    describe("documents of a motor", () => {
      it("have the read-back under the motor's name, and its configuration", async () => {
        expect(Object.keys(await m1.read())).toEqual(["m1", "m1_user_setpoint"])
        expect(Object.keys(await m1.readConfiguration())).toEqual([
          ...["m1_user_offset", "m1_user_offset_dir", "m1_velocity", "m1_acceleration", "m1_motor_egu"],
        ])
        expect(m1.hints).toEqual({ fields: ["m1"] })
        expect(await m1.describe()).toMatchObject({
          m1: { source: `${rig.pv}.RBV`, dtype: "number", units: "mm", precision: 4 },
          m1_user_setpoint: { limits: { control: { low: -25, high: 25 } } },
        })
      })
    })

    describe("a flight", () => {
      it("starts before its run-up, passes at constant velocity, ends behind its slow-down, and leaves the velocity as it was", async () => {
        await m1.velocity.set(20)
        await m1.acceleration.set(0.2)
        await m1.prepare({ start: 0, end: 4, time: 0.8 })
        // 5 mm/s reached in 0.2 s takes half a millimetre.
        expect(await m1.readback.get()).toBeCloseTo(-0.5, 1)
        expect(await m1.velocity.get()).toBeCloseTo(5, 6)
        await m1.kickoff()
        expect(await m1.readback.get()).toBeGreaterThanOrEqual(0)
        await m1.complete()
        expect(await m1.readback.get()).toBeCloseTo(4.5, 1)
        expect(await m1.velocity.get()).toBe(20)
      })
    })
  })
}
