import { type Progress, until } from "@ophyd-ts/core"
import { putsOf } from "@ophyd-ts/core/testing"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { EpicsMotor } from "../src/index.ts"
import { randomPrefix } from "./support/prefix.ts"

let beamline: EmbeddedBeamline
let client: CaClient
let m1: EpicsMotor

beforeAll(async () => {
  beamline = await startBeamline({ prefix: randomPrefix() })
  client = new CaClient(beamline.clientConfig().ca)
  m1 = new EpicsMotor(`${beamline.prefix}m1`, { name: "m1", client })
  await m1.connect({ timeout: 20 })
})
afterAll(async () => {
  await client?.close()
  await beamline?.close()
})
beforeEach(async () => {
  beamline.setFault("m1", undefined)
  await until(m1.done, true, { timeout: 20 })
  await m1.velocity.set(50)
  await m1.acceleration.set(0.1)
})

describe("a flight", () => {
  it("starts before its run-up, passes at constant velocity, ends behind its slow-down, and leaves the velocity as it was", async () => {
    await m1.prepare({ start: 0, end: 4, time: 0.4 })
    // 10 mm/s reached in 0.1 s takes half a millimetre.
    expect(await m1.readback.get()).toBeCloseTo(-0.5, 2)
    expect(await m1.velocity.get()).toBeCloseTo(10, 6)
    await m1.kickoff()
    expect(await m1.readback.get()).toBeGreaterThanOrEqual(0)
    const seen: Progress[] = []
    const completing = m1.complete()
    completing.watch(progress => seen.push(progress))
    await completing
    expect(await m1.readback.get()).toBeCloseTo(4.5, 2)
    expect(await m1.velocity.get()).toBe(50)
    expect(seen.at(-1)).toMatchObject({ target: 4.5, fraction: 1 })
  })

  it("backwards has its run-up on the other side", async () => {
    await m1.prepare({ start: 1, end: -1, time: 0.2 })
    expect(await m1.readback.get()).toBeCloseTo(1.5, 2)
    await m1.kickoff()
    await m1.complete()
    expect(await m1.readback.get()).toBeCloseTo(-1.5, 2)
  })

  it("that would leave the limits, or is no flight, moves nothing", async () => {
    await m1.set(0)
    await expect(m1.prepare({ start: 0, end: 24.9, time: 1 })).rejects.toThrow(
      /^m1: prepare to fly to 24.9 mm failed .* is outside its limits -25 to 25 mm$/,
    )
    expect(() => m1.prepare({ start: 1, end: 1, time: 1 })).toThrow("cannot fly from 1 to 1 in 1 s")
    expect(() => m1.prepare({ start: 0, end: 1, time: 0 })).toThrow("in 0 s")
    expect(await m1.setpoint.get()).toBe(0)
    expect(await m1.velocity.get()).toBe(50)
  })

  it("that was not prepared, or not kicked off, says so", async () => {
    expect(() => m1.kickoff()).toThrow("m1: cannot kick off, prepare it first")
    await m1.prepare({ start: 0, end: 1, time: 1 })
    const fresh = new EpicsMotor(`${beamline.prefix}m1`, { name: "m1", client })
    expect(() => fresh.complete()).toThrow("m1: cannot complete, kick it off first")
    await m1.unstage()
    expect(await m1.velocity.get()).toBe(50)
  })

  it("that is stopped fails its completion, and the velocity is as it was", async () => {
    await m1.prepare({ start: 0, end: 5, time: 1 })
    await m1.kickoff()
    const completing = m1.complete()
    await m1.stop()
    await expect(completing).rejects.toThrow(/it was stopped at/)
    expect(await m1.velocity.get()).toBe(50)
  })

  it("of a motor that hangs on its run-up fails the kickoff when it is stopped", async () => {
    await m1.prepare({ start: 0, end: 5, time: 1 })
    beamline.setFault("m1", "stuck")
    await expect(m1.kickoff()).rejects.toThrow(/ran out of retries \(MISS\)/)
    beamline.setFault("m1", undefined)
    await m1.unstage()
  })
})

it("in mock mode the acts are puts", async () => {
  const mock = new EpicsMotor("X:m9", { name: "m9" })
  await mock.connect({ mock: true })
  await mock.velocity.set(7)
  await mock.acceleration.set(1)
  await mock.prepare({ start: 0, end: 10, time: 5 })
  await mock.kickoff()
  await mock.complete()
  expect(putsOf(mock.setpoint).map(put => put.value)).toEqual([-1, 11])
  expect(putsOf(mock.velocity).map(put => put.value)).toEqual([7, 2, 7])
})
