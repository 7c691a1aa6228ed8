import { compareSettings, connect, restoreSettings, saveSettings } from "@ophyd-ts/core"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { expect, it, onTestFinished } from "vitest"
import { EpicsMotor, EpicsScaler } from "../src/index.ts"
import { randomPrefix } from "./support/prefix.ts"

it("settings of records come back: only what differs is written, the motor moves last, and a refusal is reported", async () => {
  const beamline = await startBeamline({ prefix: randomPrefix() })
  const client = new CaClient(beamline.clientConfig().ca)
  onTestFinished(async () => {
    await client.close()
    await beamline.close()
  })
  const m1 = new EpicsMotor(`${beamline.prefix}m1`, { name: "m1", client })
  const scaler = new EpicsScaler(`${beamline.prefix}scaler1`, { name: "scaler1", client, channels: 4 })
  await connect(m1, scaler, { timeout: 20 })
  const saved = await saveSettings(m1)
  expect(saved).toContain("\nvelocity: 5\n")
  expect(saved).toMatch(/^setpoint: 0\n/)
  expect(await compareSettings(m1, saved)).toMatchObject({ different: [], impossible: [], unsaved: [] })

  await m1.velocity.set(100)
  await m1.set(2)
  await m1.highLimit.set(20)
  const { restored, failed } = await restoreSettings(m1, saved)
  expect(failed).toEqual([])
  expect(restored.map(r => r.path)).toEqual(["velocity", "highLimit", "setpoint"])
  expect(await m1.readback.get()).toBeCloseTo(0, 2)
  expect(await saveSettings(m1)).toBe(saved)

  const counting = await saveSettings(scaler, { select: path => !path.startsWith("count") })
  await scaler.presetTime.set(3)
  const back = await restoreSettings(scaler, `${counting}\nnames.at: 7`, { select: path => path !== "count" })
  expect(back.failed.map(f => f.path)).toEqual(["names.at"])
  expect(await scaler.presetTime.get()).toBe(1)
  const refused = await restoreSettings(scaler, "freq: -1")
  expect(refused.failed[0]?.error.message).toMatch(/^scaler1_freq: set -1 failed after .*/)
})
