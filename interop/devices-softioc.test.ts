/** The ready devices against records of a genuine IOC. */
import {
  boolean,
  connect,
  DeviceVector,
  double,
  type NotConnectedError,
  restoreSettings,
  saveSettings,
  until,
} from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import {
  BusyRecord,
  CalcoutRecord,
  EpicsDevice,
  EpicsShutter,
  epicsSignalDevice,
  PVPositioner,
  PVPositionerIsClose,
  PVPositionerPC,
} from "@ophyd-ts/epics"
import { type SoftIoc, startSoftBeamline, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { randomPrefix } from "../packages/epics/test/support/prefix.ts"
import { scalerContract } from "../packages/epics/test/support/scaler-contract.ts"
import { peers } from "./peers.ts"

const prefix = `t${Math.random().toString(36).slice(2, 8)}:`

describe.skipIf(!peers().pvxs).each(["ca", "pva"] as const)(
  "devices of the beamline on a genuine IOC over %s",
  protocol => {
    let ioc: SoftIoc
    let client: CaClient | PvaClient
    beforeAll(async () => {
      ioc = await startSoftBeamline({ prefix: P })
      const { ca, pva } = ioc.clientConfig()
      client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
    })
    const P = randomPrefix()
    const prefix = `${protocol}://${P}`
    afterAll(async () => {
      await client?.close()
      await ioc?.[Symbol.asyncDispose]()
    })

    it("a shutter is open when its blade has arrived", async () => {
      const shutter = new EpicsShutter(`${prefix}shutter:`, { name: "shutter", client })
      await shutter.connect({ timeout: 30 })
      await shutter.set("Close")
      expect(await shutter.position.get()).toBe("Closed")
      await shutter.set("Open")
      expect(await shutter.locate()).toEqual({ setpoint: "Open", readback: "Open" })
    })

    it("a busy record set to Busy is done when somebody writes Done", async () => {
      const busy = new BusyRecord(`${prefix}busy`, { name: "busy", client })
      await busy.connect({ timeout: 30 })
      const working = busy.set("Busy")
      await until(busy.state, "Busy", { timeout: 20 })
      expect(working.done).toBe(false)
      await busy.set("Done")
      await working
    })

    it("axes of chosen PVs arrive by done signal, put completion or read-back", async () => {
      class ByDone extends PVPositioner {
        readonly setpoint = this.signal.rw(double, ".VAL")
        override readonly readback = this.signal.r(double, ".RBV", { as: "" })
        readonly done = this.signal.r(boolean, ".DMOV")
      }
      class ByCompletion extends PVPositionerPC {
        readonly setpoint = this.signal.rw(double, ".VAL")
        override readonly readback = this.signal.r(double, ".RBV", { as: "" })
        override readonly stopCommand = this.signal.x(boolean, ".STOP", true, { completion: false })
      }
      class ByReadback extends PVPositionerIsClose {
        readonly setpoint = this.signal.rw(double, ".VAL")
        override readonly readback = this.signal.r(double, ".RBV", { as: "" })
      }
      const options = { client, name: "x", absoluteTolerance: 0.01 }
      const pv = `${prefix}m2`
      const axes = [new ByDone(pv, options), new ByReadback(pv, options), new ByCompletion(pv, options)]
      const speed = epicsSignalDevice(
        pv,
        { velocity: { pv: ".VELO", type: "double", access: "rw" } },
        { client },
      )
      await connect(speed, ...axes, { timeout: 30 })
      await speed.velocity.set(50)
      for (const [i, axis] of axes.entries()) {
        await axis.set(i + 1, { timeout: 40 })
        expect((await axis.locate()).readback).toBeCloseTo(i + 1, 1)
      }
      await speed.velocity.set(5)
      const last = axes[2] as ByCompletion
      const status = last.set(20)
      await until(last.readback, at => at > 3.5, { timeout: 30 })
      await last.stop()
      await expect(status).rejects.toThrow(/^x: move to 20 mm failed after .*: it was stopped at [\d.]+ mm$/)
    })
  },
)

describe.skipIf(!peers().pvxs).each(["ca", "pva"] as const)(
  "the scaler record of a genuine IOC over %s",
  protocol => {
    scalerContract("a genuine IOC", async () => {
      const P = randomPrefix()
      const ioc = await startSoftBeamline({ prefix: P })
      const { ca, pva } = ioc.clientConfig()
      const client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
      return {
        pv: `${protocol}://${P}scaler1`,
        client,
        close: async () => {
          await client.close()
          await ioc[Symbol.asyncDispose]()
        },
      }
    })
  },
)

it.skipIf(!peers().softIoc).each(["ca", "pva"] as const)(
  "5,000 signals over %s, 37 of them absent: one error that names the 37, within one time-out",
  async protocol => {
    const absent = new Set(Array.from({ length: 37 }, (_, i) => i * 131 + 17))
    const numbers = Array.from({ length: 5000 }, (_, i) => i)
    const there = numbers.filter(i => !absent.has(i))
    await using ioc = await startSoftIoc({
      text: there.map(i => `record(ao, "${prefix}many${i}") { field(PINI, "YES") }`).join("\n"),
    })
    class Hall extends EpicsDevice {
      readonly x = new DeviceVector(numbers, i => this.signal.rw(double, `many${i}`))
    }
    const { ca, pva } = ioc.clientConfig()
    const client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
    try {
      const hall = new Hall(`${protocol}://${prefix}`, { name: "hall", client })
      const clock = new TestClock()
      const connecting = hall.connect({ timeout: 8, clock }).catch(e => e)
      const up = () => [...hall.signals()].filter(signal => signal.connected).length
      await expect.poll(up, { timeout: 50_000 }).toBe(there.length)
      clock.advance(8)
      const error: NotConnectedError = await connecting
      expect(error.message).toMatch(/^37 of 5000 signals did not connect within 8 s:/)
      expect(error.failures.map(f => f.component.name)).toEqual([...absent].map(i => `hall_x_${i}`))
      expect(await hall.x.at(4999).get()).toBe(0)
    } finally {
      await client.close()
    }
  },
)

it.skipIf(!peers().softIoc).each(["ca", "pva"] as const)(
  "a calcout record connects over %s with all its fields, calculates, and keeps long expressions whole",
  async protocol => {
    await using ioc = await startSoftIoc({
      text: `record(calcout, "${prefix}c") { field(CALC, "A+B") field(A, "1") field(OOPT, "On Change") field(PREC, "3") }`,
    })
    const { ca, pva } = ioc.clientConfig()
    const client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
    try {
      const calc = new CalcoutRecord(`${protocol}://${prefix}c`, { name: "c", client })
      await calc.connect({ timeout: 30 })
      await calc.channels["B"]?.inputValue.set(2)
      await calc.calculation.set("A+10*B")
      await calc.processRecord.trigger()
      expect(await calc.calculatedValue.get()).toBe(21)
      expect(await calc.outputExecuteOption.get()).toBe("On Change")
      await calc.scanningRate.set("1 second")
      expect(await calc.readConfiguration()).toMatchObject({
        c_scanning_rate: { value: "1 second" },
        c_calculation: { value: "A+10*B" },
        c_channels_B_input_value: { value: 2 },
      })
      await calc.scanningRate.set("Passive")
      const long = `A+${"10*B+".repeat(12)}1`
      const link = `${prefix}${"a_rather_long_name_".repeat(2)}x.VAL CP MS`
      await calc.calculation.set(long)
      await calc.channels["C"]?.inputLink.set(link)
      await calc.processRecord.trigger()
      expect(await calc.calculatedValue.get()).toBe(242)
      expect(await calc.channels["C"]?.inputLink.get()).toBe(link)
      const saved = await saveSettings(calc)
      await calc.calculation.set("0")
      expect((await restoreSettings(calc, saved)).failed).toEqual([])
      expect(await calc.calculation.get()).toBe(long)
    } finally {
      await client.close()
    }
  },
)
