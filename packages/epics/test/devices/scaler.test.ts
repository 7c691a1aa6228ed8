import type { MockPut } from "@ophyd-ts/core"
import { assertReading, putsOf, setMockValue } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import { EpicsScaler, ScalerCH } from "../../src/index.ts"
import { beamlineRig } from "../support/beamline-rig.ts"
import { scalerContract } from "../support/scaler-contract.ts"

describe.each(["ca", "pva"] as const)("over %s", protocol => {
  scalerContract("the embedded IOC", () => beamlineRig(protocol, "scaler1"))
})

it("refuses names that are not different, as keys of documents have to be", async () => {
  const mock = new ScalerCH("X:scaler", { name: "s", channels: 3 })
  await mock.connect({ mock: true })
  setMockValue(mock.channels.at(1).chname, "I0")
  setMockValue(mock.channels.at(3).chname, "I0")
  await expect(mock.matchNames()).rejects.toThrow("s: two channels are called I0")
  setMockValue(mock.channels.at(3).chname, "")
  await mock.matchNames()
  await assertReading(mock, { s_time: 0, I0: 0, s_channels_chan02_s: 0, s_channels_chan03_s: 0 })
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
