import { choice, double, integer, type NotConnectedError, string, until } from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import { EpicsDevice } from "@ophyd-ts/epics"
import { type SoftIoc, startSoftBeamline, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signalContract } from "../packages/core/test/contract/signal-contract.ts"
import { ContractDevice, contractSignals } from "../packages/epics/test/support/contract-device.ts"
import { motorContract } from "../packages/epics/test/support/motor-contract.ts"
import { randomPrefix } from "../packages/epics/test/support/prefix.ts"
import { peers } from "./peers.ts"

const clientOf = (ioc: SoftIoc): CaClient =>
  new CaClient({ nameServers: [`127.0.0.1:${ioc.ports.ca}`], addressList: [], autoAddressList: false })

const pvaClientOf = (ioc: SoftIoc): PvaClient =>
  new PvaClient({ nameServers: [`127.0.0.1:${ioc.ports.pva}`], addressList: [], autoAddressList: false })

const contractRecords = `
record(ao, "$(P)gain") { field(VAL, "1.5") field(PINI, "YES") field(EGU, "V") field(PREC, "2")
                         field(DRVL, "0") field(DRVH, "10") }
record(longout, "$(P)count") { field(VAL, "3") field(PINI, "YES") }
record(bo, "$(P)enabled") { field(ZNAM, "Off") field(ONAM, "On") field(VAL, "0") field(PINI, "YES") }
record(stringout, "$(P)title") { field(VAL, "first") field(PINI, "YES") }
record(mbbo, "$(P)mode") { field(ZRST, "Slow") field(ONST, "Medium") field(TWST, "Fast") field(VAL, "0") field(PINI, "YES") }
record(waveform, "$(P)spectrum") { field(FTVL, "DOUBLE") field(NELM, "10") field(INP, [1, 2, 3]) field(PINI, "YES") }
record(waveform, "$(P)bytes") { field(FTVL, "UCHAR") field(NELM, "10") field(INP, [1, 2]) field(PINI, "YES") }
record(waveform, "$(P)labels") { field(FTVL, "STRING") field(NELM, "10") field(INP, ["a", "b"]) field(PINI, "YES") }
record(longin, "$(P)fixed") { field(VAL, "7") field(PINI, "YES") }`

describe.skipIf(!peers().softIoc)("against a genuine IOC", () => {
  for (const protocol of ["ca", "pva"] as const) {
    signalContract(`${protocol}:// from a genuine IOC`, async () => {
      const P = randomPrefix()
      const ioc = await startSoftIoc({ text: contractRecords, macros: { P } })
      const client = protocol === "ca" ? clientOf(ioc) : pvaClientOf(ioc)
      return {
        signals: contractSignals(new ContractDevice(`${protocol}://${P}`, { client })),
        change: (signal, value) => ioc.shell(`dbpf "${P}${signal}" ${value}`),
        close: async () => {
          await client.close()
          await ioc[Symbol.asyncDispose]()
        },
      }
    })
  }

  describe.each(["ca", "pva"] as const)("signals over %s", protocol => {
    const records = `
record(ao, "$(P)Gain") { field(VAL, "1") field(PINI, "YES") field(FLNK, "$(P)Gain_RBV") }
record(calc, "$(P)Gain_RBV") { field(INPA, "$(P)Gain") field(CALC, "A/2") }
record(ao, "$(P)locked") { field(VAL, "1") field(PINI, "YES") field(DISP, "1") }
record(calcout, "$(P)slow") { field(CALC, "A") field(ODLY, "1") field(OUT, "$(P)slowDone PP") field(OOPT, "Every Time") }
record(longout, "$(P)slowDone") {}
record(ao, "$(P)quick") { field(VAL, "1") field(PINI, "YES") }
record(bo, "$(P)shutter") { field(ZNAM, "Shut") field(ONAM, "Open") }
record(waveform, "$(P)chars") { field(FTVL, "CHAR") field(NELM, "300") }
record(waveform, "$(P)form") { field(FTVL, "CHAR") field(NELM, "300") info(Q:form, "String") }
record(lso, "$(P)lso") { field(SIZV, "300") }`
    let P: string
    let ioc: SoftIoc
    let client: CaClient | PvaClient

    class Probe extends EpicsDevice {
      readonly gain = this.signal.rbv(double, "Gain")
      readonly locked = this.signal.rw(double, "locked")
      readonly slow = this.signal.rw(double, "slow.A", { whenBusy: "supersede" })
      readonly slowDelay = this.signal.rw(double, "slow.ODLY")
      readonly slowDone = this.signal.r(integer, "slowDone")
      readonly quick = this.signal.rw(double, "quick")
      readonly impatient = this.signal.r(double, "quick", { onDisconnect: "fail" })
    }
    let probe: Probe

    beforeAll(async () => {
      P = randomPrefix()
      ioc = await startSoftIoc({ text: records, macros: { P } })
      client = protocol === "ca" ? clientOf(ioc) : pvaClientOf(ioc)
      probe = new Probe(`${protocol}://${P}`, { client, name: "probe" })
      await probe.connect({ timeout: 30 })
    })
    afterAll(async () => {
      await client?.close()
      await ioc?.[Symbol.asyncDispose]()
    })

    it("with a read-back of their own write one record and read the other", async () => {
      await probe.gain.set(3, { timeout: 20 })
      expect(await probe.gain.locate()).toEqual({ setpoint: 3, readback: 1.5 })
    })

    it("hold texts longer than a record's string, in characters and in long strings", async () => {
      class Texts extends EpicsDevice {
        readonly chars = this.signal.rw(string, "chars")
        readonly form = this.signal.rw(string, "form")
        readonly long = this.signal.rw(string, "lso.VAL$")
      }
      const texts = new Texts(`${protocol}://${P}`, { client, name: "texts" })
      await texts.connect({ timeout: 20 })
      const path = "/data/Gerät/".repeat(20)
      for (const signal of [texts.chars, texts.form, texts.long]) {
        expect(await signal.get()).toBe("")
        await signal.set(path, { timeout: 20 })
        expect(await signal.get()).toBe(path)
        await signal.set("short", { timeout: 20 })
        expect(await signal.get()).toBe("short")
        expect(await signal.describe()).toEqual({
          [signal.name]: { source: signal.source, dtype: "string", shape: [] },
        })
      }
    })

    it("fail a refused write with the server's reason", async () => {
      await expect(probe.locked.set(2)).rejects.toThrow(
        protocol === "ca"
          ? /^probe_locked: set 2 failed after .*ECA_PUTFAIL/
          : /^probe_locked: set 2 failed after .*S_db_putDisabled/,
      )
    })

    it("never have two writes with completion on a channel, so that others are not held up", async () => {
      const ended: string[] = []
      const firstWrite = until(probe.slowDone, 1, { timeout: 20 }).then(() => ended.push("slow"))
      const first = probe.slow.set(1)
      await until(probe.slow, 1, { timeout: 20 })
      const second = probe.slow.set(2)
      await probe.quick.set(5)
      ended.push("quick")
      await expect(first).rejects.toThrow("superseded")
      expect(second.done).toBe(false)
      await firstWrite
      expect(ended).toEqual(["quick", "slow"])
      await second
      expect(await probe.slow.get()).toBe(2)
    })

    it("are refused at connect when their labels differ, naming both lists", async () => {
      class Shutter extends EpicsDevice {
        readonly request = this.signal.rw(choice("Close", "Open"), "shutter")
      }
      const shutter = new Shutter(`${protocol}://${P}`, { client, name: "shutter" })
      await expect(shutter.connect({ timeout: 20 })).rejects.toThrow(
        'declared labels "Close", "Open" (strict) differ from the server\'s "Shut", "Open"',
      )
    })

    it("50 of them, three absent: one error that names the three, within one time-out", async () => {
      class Many extends EpicsDevice {
        constructor() {
          super(`${protocol}://${P}`, { client, name: "many" })
          for (let i = 0; i < 50; i++) {
            const name = [3, 17, 42].includes(i) ? `absent${i}` : "quick.PREC"
            Object.assign(this, { [`s${i}`]: this.signal.r(integer, name) })
          }
        }
      }
      const many = new Many()
      const clock = new TestClock()
      const connecting = many.connect({ timeout: 5, clock }).catch(e => e)
      const up = () => [...many.signals()].filter(signal => signal.connected).length
      await expect.poll(up, { timeout: 40_000 }).toBe(47)
      clock.advance(5)
      const error: NotConnectedError = await connecting
      expect(error.message).toMatch(/^3 of 50 signals did not connect within 5 s:/)
      expect(error.failures.map(f => f.component.name)).toEqual(["many_s3", "many_s17", "many_s42"])
    })

    it("fail a pending set with outcome unknown when the IOC is killed, and go on when it is back", async () => {
      const waiting = until(probe.quick, 9, { timeout: 60 })
      const failing = until(probe.impatient, 9, { timeout: 60 })
      // It would be done long after the end of this test.
      await probe.slowDelay.set(600, { timeout: 20 })
      const pending = probe.slow.set(7)
      await until(probe.slow, 7, { timeout: 20 })
      await ioc.kill()
      await expect(pending).rejects.toThrow(/outcome (is )?unknown/)
      await expect(failing).rejects.toThrow(`the connection to ${probe.impatient.source} is lost`)
      await expect(probe.impatient.get()).rejects.toThrow("is lost")
      await ioc.restart()
      await expect.poll(() => probe.slow.connected && probe.quick.connected, { timeout: 40_000 }).toBe(true)
      await probe.slow.set(8, { timeout: 20 })
      await probe.quick.set(9, { timeout: 20 })
      expect(await waiting).toBe(9)
    })
  })

  describe.each(["ca", "pva"] as const)("a motor record over %s", protocol => {
    motorContract("a genuine IOC", async () => {
      const prefix = randomPrefix()
      const ioc = await startSoftBeamline({ prefix })
      const client = protocol === "ca" ? clientOf(ioc) : pvaClientOf(ioc)
      return {
        pv: `${protocol}://${prefix}m1`,
        client,
        close: async () => {
          await client.close()
          await ioc[Symbol.asyncDispose]()
        },
      }
    })
  })
})
