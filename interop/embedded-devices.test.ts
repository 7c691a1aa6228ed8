/** The same devices and the same scan on the embedded IOC and on the genuine one, over both protocols. */
import { choice, connect, double } from "@ophyd-ts/core"
import { EpicsDevice, EpicsMotor } from "@ophyd-ts/epics"
import { type ClientSettings, startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { bp, type Event, RunEngine } from "@ophyd-ts/run-engine"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers } from "./peers.ts"

class PointDetector extends EpicsDevice {
  readonly counts = this.signal.r(double, "Counts", { kind: "hinted", as: "" })
  readonly monitor = this.signal.r(double, "Monitor")
  readonly acquireTime = this.signal.rw(double, "AcquireTime", { kind: "config" })
  readonly acquire = this.signal.rw(choice("Done", "Acquire"), "Acquire", {
    kind: "omitted",
    triggerValue: "Acquire",
  })
}

class Shutter extends EpicsDevice {
  readonly request = this.signal.rw(choice("Close", "Open"), "Request")
  readonly position = this.signal.r(choice("Closed", "Open", "Between"), "Position_RBV", { kind: "hinted" })
  readonly exposure = this.signal.rw(double, "Exposure", { kind: "config" })
}

interface Ioc extends AsyncDisposable {
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings }
}

const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
const iocs: [name: string, start: () => Promise<Ioc>, here: boolean][] = [
  ["embedded IOC", () => startBeamline({ prefix }), true],
  ["genuine IOC", () => startSoftBeamline({ prefix }), peers().pvxs],
]

describe.each(iocs)("devices on the %s", (_name, start, here) => {
  describe.skipIf(!here).each(["ca", "pva"] as const)("over %s", protocol => {
    let ioc: Ioc
    let clients: { ca: CaClient; pva: PvaClient }
    let motor: EpicsMotor
    let detector: PointDetector
    let shutter: Shutter

    beforeAll(async () => {
      ioc = await start()
      const { ca, pva } = ioc.clientConfig()
      clients = { ca: new CaClient(ca), pva: new PvaClient(pva) }
      const options = { client: clients, protocol }
      motor = new EpicsMotor(`${prefix}m1`, { name: "m1", ...options })
      detector = new PointDetector(`${prefix}det:`, { name: "det", ...options })
      shutter = new Shutter(`${prefix}shutter:`, { name: "shutter", ...options })
      await connect(motor, detector, shutter, { timeout: 20 })
    })
    afterAll(async () => {
      await Promise.all([clients?.ca.close(), clients?.pva.close()])
      await ioc?.[Symbol.asyncDispose]()
    })

    it("a scan over the motor finds the detector's peak", async () => {
      const RE = new RunEngine()
      const events: Event[] = []
      RE.subscribe((name, doc) => {
        if (name === "event") events.push(doc)
      })
      const { exitStatus } = await RE.run(bp.scan([detector], motor, -1, 2, 7))
      expect(exitStatus).toBe("success")
      const positions = events.map(event => event.data["m1"] as number)
      const counts = events.map(event => event.data["det"] as number)
      expect(positions.map(x => Math.round(x * 1000) / 1000)).toEqual([-1, -0.5, 0, 0.5, 1, 1.5, 2])
      expect(counts.indexOf(Math.max(...counts))).toBe(3)
      expect(counts[3]).toBeGreaterThan(9000)
    })

    it("a move ends where it should, and says so", async () => {
      await motor.set(1.25)
      expect(await motor.locate()).toEqual({ setpoint: 1.25, readback: expect.closeTo(1.25, 6) })
      expect(motor.units).toBe("mm")
    })

    it("a move beyond the limits fails before anything moves", () => {
      expect(() => motor.set(26)).toThrow(/26/)
    })

    it("a move that is stopped fails, and the motor rests", async () => {
      await motor.velocity.set(0.5)
      const moving = motor.set(10)
      const outcome = moving.then(
        () => "arrived",
        () => "failed",
      )
      await expect.poll(() => motor.moving.get(), { timeout: 10_000 }).toBe(true)
      await motor.stop()
      expect(await outcome).toBe("failed")
      expect(await motor.done.get()).toBe(true)
      expect((await motor.locate()).readback).toBeLessThan(9)
      await motor.velocity.set(5)
    })

    it("the shutter's request completes when the blade has arrived", async () => {
      await shutter.request.set("Close")
      expect(await shutter.position.get()).toBe("Closed")
      await shutter.request.set("Open")
      expect(await shutter.position.get()).toBe("Open")
    })
  })
})
