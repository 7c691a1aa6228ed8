import { connect, until } from "@ophyd-ts/core"
import type { CaClient } from "node-epics-ca"
import type { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EpicsScaler, ScalerCH } from "../../src/index.ts"

export interface ScalerRig {
  /** Of a scaler record with the names `seconds`, `I0` and `detector`, perhaps with its protocol. */
  readonly pv: string
  readonly client: CaClient | PvaClient
  close(): Promise<void>
}

/** What holds for the scaler devices whatever serves the record. */
export function scalerContract(server: string, open: () => Promise<ScalerRig>): void {
  let rig: ScalerRig
  let fixed: EpicsScaler
  let named: ScalerCH

  beforeAll(async () => {
    rig = await open()
    const { pv, client } = rig
    fixed = new EpicsScaler(pv, { name: "scaler1", client, channels: 4 })
    named = new ScalerCH(pv, { name: "scaler1", client, channels: 4 })
    await connect(fixed, named, { timeout: 20 })
  })
  afterAll(async () => {
    await rig?.close()
  })

  describe(`a scaler with fixed channels on ${server}`, () => {
    it("counts for its preset time, and has a key for each channel", async () => {
      await fixed.presetTime.set(0.1)
      await fixed.trigger()
      expect(await fixed.time.get()).toBeCloseTo(0.1, 6)
      expect(await fixed.channels.at(1).get()).toBe(await fixed.presets.at(1).get())
      expect(await fixed.channels.at(2).get()).toBeGreaterThan(1000)
      expect(Object.keys(await fixed.read())).toEqual([1, 2, 3, 4].map(n => `scaler1_channels_chan${n}`))
      expect(fixed.hints.fields).toContain("scaler1_channels_chan2")
      expect(await fixed.readConfiguration()).toMatchObject({ scaler1_names_name2: { value: "I0" } })
    })

    it("leaves auto-count while it is staged, and goes back to it", async () => {
      await fixed.countMode.set("AutoCount")
      await fixed.stage()
      expect(await fixed.countMode.get()).toBe("OneShot")
      await fixed.unstage()
      expect(await fixed.countMode.get()).toBe("AutoCount")
      await fixed.countMode.set("OneShot")
    })

    it("that is stopped ends its trigger as failed, or with success as done with what was counted", async () => {
      await fixed.presetTime.set(60)
      const failing = fixed.trigger()
      await until(fixed.count, "Count", { timeout: 20 })
      await fixed.stop()
      await expect(failing).rejects.toThrow("scaler1 was stopped")
      await until(fixed.count, "Done", { timeout: 20 })
      const counting = fixed.trigger()
      await until(fixed.count, "Count", { timeout: 20 })
      await fixed.stop({ success: true })
      await counting
      expect(await fixed.time.get()).toBeLessThan(60)
      await fixed.presetTime.set(0.1)
    })
  })

  describe(`a scaler with named channels on ${server}`, () => {
    it("calls the counts what the record calls them, and reads the selected ones only", async () => {
      await named.selectChannels(["I0", "detector"])
      await named.trigger()
      expect(Object.keys(await named.read())).toEqual(["scaler1_time", "I0", "detector"])
      expect(named.hints).toEqual({ fields: ["I0", "detector"] })
      await named.selectChannels()
      expect(Object.keys(await named.read())).toEqual(["scaler1_time", "seconds", "I0", "detector"])
      expect(Object.keys(await named.readConfiguration())).toContain("scaler1_channels_chan02_preset")
    })

    it("refuses a name that no channel has, and says which there are", async () => {
      await named.selectChannels(["I0"])
      await expect(named.selectChannels(["I1"])).rejects.toThrow(
        "scaler1: no channel is called I1; there are seconds, I0, detector",
      )
      expect(Object.keys(await named.read())).toEqual(["scaler1_time", "I0"])
    })
  })
}
