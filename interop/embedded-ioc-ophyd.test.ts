/** The devices of ophyd and ophyd-async, made for real motors and scalers, work on both IOCs. */
import { startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

interface Ioc extends AsyncDisposable {
  clientEnvironment(): Readonly<Record<string, string>>
}

const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
const iocs: [name: string, start: () => Promise<Ioc>, here: boolean][] = [
  ["embedded IOC", () => startBeamline({ prefix }), true],
  ["genuine IOC", () => startSoftBeamline({ prefix }), peers().pvxs],
]

const motorOfOphyd = `
import json, sys, threading, time
from ophyd import EpicsMotor
m = EpicsMotor(sys.argv[1] + "m1", name="m1")
m.wait_for_connection(timeout=30)
say = lambda value: print(json.dumps(value))
say({k: v["value"] for k, v in m.read_configuration().items()})
moved = m.set(2.0)
moved.wait(30)
say([moved.success, m.position, list(m.limits)])
stopped = m.set(20)
end = time.monotonic() + 20
while not m.moving and time.monotonic() < end: time.sleep(0.01)
m.stop()
stopped.wait(30)  # ophyd calls a stopped move successful
say([m.moving, m.position < 20])
try:
    m.set(30)
except Exception as error:
    say(type(error).__name__)
`

const motorOfOphydAsync = `
import asyncio, json, sys
from ophyd_async.core import init_devices
from ophyd_async.epics.motor import Motor
say = lambda value: print(json.dumps(value))
async def main():
    async with init_devices(timeout=30):
        m = Motor("ca://" + sys.argv[1] + "m2", name="m2")
    await m.set(-1.5)
    say([await m.user_readback.get_value(), await m.motor_done_move.get_value()])
    try:
        await m.set(30)
    except Exception as error:
        say(type(error).__name__)
asyncio.run(main())
`

const scalerOfOphyd = `
import json, sys
from ophyd.scaler import ScalerCH
s = ScalerCH(sys.argv[1] + "scaler1", name="scaler")
s.wait_for_connection(timeout=30)
s.match_names()
s.select_channels(None)
s.stage_sigs.update([("preset_time", 0.2)])
s.stage()
s.trigger().wait(30)
print(json.dumps({k: v["value"] for k, v in s.read().items()}))
s.unstage()
`

describe.each(iocs)("on the %s", (_name, start, here) => {
  describe.skipIf(!here)("a device made for real hardware", () => {
    it.skipIf(!peers().ophyd)("ophyd's EpicsMotor moves, stops, and knows its limits", async () => {
      await using ioc = await start()
      const seen = await python(motorOfOphyd, { env: ioc.clientEnvironment(), args: [prefix] })
      expect(seen).toEqual([
        expect.objectContaining({
          m1_velocity: 5,
          m1_acceleration: 0.1,
          m1_motor_egu: "mm",
          m1_user_offset: 0,
        }),
        [true, 2, [-25, 25]],
        [false, true],
        "LimitError",
      ])
    })

    it.skipIf(!peers().ophydAsync || !peers().aioca)(
      "ophyd-async's Motor moves and knows its limits",
      async () => {
        await using ioc = await start()
        const seen = await python(motorOfOphydAsync, { env: ioc.clientEnvironment(), args: [prefix] })
        expect(seen).toEqual([[-1.5, 1], "MotorLimitsError"])
      },
    )

    it.skipIf(!peers().ophyd)("ophyd's ScalerCH names its channels and counts", async () => {
      await using ioc = await start()
      const [counts] = await python<Record<string, number>>(scalerOfOphyd, {
        env: ioc.clientEnvironment(),
        args: [prefix],
      })
      expect(counts?.["I0"]).toBeGreaterThan(39_000)
      expect(counts?.["detector"]).toBeGreaterThan(10_000)
      expect(counts?.["scaler_time"]).toBeCloseTo(0.2, 6)
    })
  })
})
