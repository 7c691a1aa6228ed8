import { connect, type MockPut, until } from "@ophyd-ts/core"
import { assertReading, putsOf, setMockValue } from "@ophyd-ts/core/testing"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EpicsScaler, ScalerCH } from "../../src/index.ts"
import { randomPrefix } from "../support/prefix.ts"

describe.each(["ca", "pva"] as const)("over %s", protocol => {
  let beamline: EmbeddedBeamline
  let client: CaClient | PvaClient
  let fixed: EpicsScaler
  let named: ScalerCH

  beforeAll(async () => {
    beamline = await startBeamline({ prefix: randomPrefix() })
    const settings = beamline.clientConfig()
    client = protocol === "ca" ? new CaClient(settings.ca) : new PvaClient(settings.pva)
    const pv = `${protocol}://${beamline.prefix}scaler1`
    fixed = new EpicsScaler(pv, { name: "scaler1", client, channels: 4 })
    named = new ScalerCH(pv, { name: "scaler1", client, channels: 4 })
    await connect(fixed, named, { timeout: 20 })
  })
  afterAll(async () => {
    await client?.close()
    await beamline?.close()
  })

  describe("a scaler with fixed channels", () => {
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

  describe("a scaler with named channels", () => {
    it("calls the counts what the record calls them, and reads the selected ones only", async () => {
      await named.selectChannels(["I0", "detector"])
      await named.trigger()
      expect(Object.keys(await named.read())).toEqual(["I0", "detector"])
      expect(named.hints).toEqual({ fields: ["I0", "detector"] })
      await named.selectChannels()
      expect(Object.keys(await named.read())).toEqual(["seconds", "I0", "detector"])
      expect(Object.keys(await named.readConfiguration())).toContain("scaler1_channels_chan02_preset")
    })

    it("refuses a name that no channel has, and says which there are", async () => {
      await named.selectChannels(["I0"])
      await expect(named.selectChannels(["I1"])).rejects.toThrow(
        "scaler1: no channel is called I1; there are seconds, I0, detector",
      )
      expect(Object.keys(await named.read())).toEqual(["I0"])
    })
  })
})

it("refuses names that are not different, as keys of documents have to be", async () => {
  const mock = new ScalerCH("X:scaler", { name: "s", channels: 3 })
  await mock.connect({ mock: true })
  setMockValue(mock.channels.at(1).chname, "I0")
  setMockValue(mock.channels.at(3).chname, "I0")
  await expect(mock.matchNames()).rejects.toThrow("s: two channels are called I0")
  setMockValue(mock.channels.at(3).chname, "")
  await mock.matchNames()
  await assertReading(mock, { I0: 0, s_channels_chan02_s: 0, s_channels_chan03_s: 0 })
})

it("in mock mode a trigger is a put of Count with completion, a stop one of Done without", async () => {
  const mock = new EpicsScaler("X:scaler", { name: "s", channels: 16 })
  await mock.connect({ mock: true })
  await mock.trigger()
  await mock.stop()
  const puts: readonly MockPut<string>[] = [...putsOf(mock.count), ...putsOf(mock.stopCommand)]
  expect(puts).toEqual([
    { value: "Count", completion: true },
    { value: "Done", completion: false },
  ])
  expect(mock.channels.size).toBe(16)
  expect(() => new EpicsScaler("X:scaler", { channels: 0 })).toThrow("1 to 64 channels")
})
