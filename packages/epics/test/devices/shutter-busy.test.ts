import { connect, StatusTimeoutError, until } from "@ophyd-ts/core"
import { putsOf, setMockValue } from "@ophyd-ts/core/testing"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest"
import { ApsPssShutter, BusyRecord, EpicsShutter } from "../../src/index.ts"
import { randomPrefix } from "../support/prefix.ts"

describe.each(["ca", "pva"] as const)("over %s", protocol => {
  let beamline: EmbeddedBeamline
  let client: CaClient | PvaClient
  let shutter: EpicsShutter
  let busy: BusyRecord

  beforeAll(async () => {
    beamline = await startBeamline({ prefix: randomPrefix() })
    const settings = beamline.clientConfig()
    client = protocol === "ca" ? new CaClient(settings.ca) : new PvaClient(settings.pva)
    shutter = new EpicsShutter(`${protocol}://${beamline.prefix}shutter:`, { name: "shutter", client })
    busy = new BusyRecord(`${protocol}://${beamline.prefix}busy`, { name: "busy", client })
    await connect(shutter, busy, { timeout: 20 })
  })
  afterAll(async () => {
    await client?.close()
    await beamline?.close()
  })

  describe("a shutter", () => {
    it("is open when its blade has arrived, and asks for nothing when it is there already", async () => {
      await shutter.set("Close")
      expect(await shutter.position.get()).toBe("Closed")
      await shutter.set("Open")
      expect(await shutter.state()).toBe("Open")
      expect(await shutter.locate()).toEqual({ setpoint: "Open", readback: "Open" })
    })

    it("can be closed while it opens", async () => {
      await shutter.set("Close")
      beamline.beamline.shutter.exposure.update(0.3)
      const opening = shutter.set("Open")
      await until(shutter.position, "Between", { timeout: 20 })
      const closing = shutter.set("Close")
      await expect(opening).rejects.toThrow('superseded by set "Close"')
      await closing
      expect(await shutter.position.get()).toBe("Closed")
      beamline.beamline.shutter.exposure.update(0.1)
    })
  })

  describe("a busy record", () => {
    it("set to Busy is done when somebody writes Done, who never waits", async () => {
      const working = busy.set("Busy")
      await until(busy.state, "Busy", { timeout: 20 })
      expect(working.done).toBe(false)
      await busy.set("Done")
      await working
      expect(await busy.state.get()).toBe("Done")
    })
  })
})

it("a shutter that was given up while it opened is told to close, even if it still looks closed", async () => {
  const mock = new EpicsShutter("X:", { name: "s", moveTimeout: 0.05 })
  await mock.connect({ mock: true })
  await expect(mock.set("Open")).rejects.toBeInstanceOf(StatusTimeoutError)
  await mock.set("Close")
  expect(putsOf(mock.request).map(put => put.value)).toEqual(["Open", "Close"])
})

it("a shutter of the safety system is told by a bit and tells by another PV, and a refusal in silence ends in time", async () => {
  const pss = new ApsPssShutter("2bma:A_shutter:", {
    name: "A_shutter",
    statePv: "PA:02BM:STA_A_FES_OPEN_PL",
    moveTimeout: 0.2,
  })
  await pss.connect({ mock: true })
  expect(pss.pssState.source).toBe("mock+ca://PA:02BM:STA_A_FES_OPEN_PL")
  await expect(pss.set("Open")).rejects.toThrow('A_shutter: set "Open" did not finish within')
  const opening = pss.set("Open", { timeout: 20 })
  await expect.poll(() => putsOf(pss.openCommand)).toHaveLength(2)
  setMockValue(pss.pssState, true)
  await opening
  expect(await pss.state()).toBe("Open")
  expect(putsOf(pss.closeCommand)).toEqual([])
})

it("a shutter takes Open and Close only", () => {
  const shutter = new EpicsShutter("X:", { name: "shutter" })
  expectTypeOf(shutter.set).parameter(0).toEqualTypeOf<"Open" | "Close">()
  // @ts-expect-error no such position
  expect(() => shutter.set("Opne")).toThrow('shutter: "Opne" is none of "Open", "Close"')
})

it("a busy record may have states of its own names", async () => {
  const acquire = new BusyRecord("X:", { name: "acquire", labels: ["Idle", "Acquiring"] })
  await acquire.connect({ mock: true })
  expectTypeOf(acquire.set).parameter(0).toEqualTypeOf<"Idle" | "Acquiring">()
  await acquire.set("Acquiring")
  await acquire.set("Idle")
  expect(putsOf(acquire.state)).toEqual([{ value: "Acquiring", completion: true }])
  expect(putsOf(acquire.finish)).toEqual([{ value: "Idle", completion: false }])
})
