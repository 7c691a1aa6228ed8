/** What the devices of ophyd say of a genuine IOC's records, ours say too: the same keys, values, types and units. */
import { connect, type DataKeys, type Device, type Readings } from "@ophyd-ts/core"
import { EpicsMotor, EpicsScaler, ScalerCH } from "@ophyd-ts/epics"
import { type SoftIoc, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { randomPrefix } from "../packages/epics/test/support/prefix.ts"
import { peers, python } from "./peers.ts"

const script = `
import json, sys
from ophyd import EpicsMotor
from ophyd.scaler import EpicsScaler, ScalerCH
P = sys.argv[1]
devices = {
    "motor": EpicsMotor(P + "m1", name="m1"),
    "fixed": EpicsScaler(P + "scaler1", name="scaler1"),
    "named": ScalerCH(P + "scaler1", name="scaler1"),
}
for device in devices.values():
    device.wait_for_connection(timeout=30)
devices["named"].select_channels(None)
def said(device):
    keys = {**device.describe(), **device.describe_configuration()}
    # A choice is a number in ophyd unless its signal asks for text; its label here.
    labels = {key: said["enum_strs"] for key, said in keys.items() if said["dtype"] == "integer" and "enum_strs" in said}
    for key in labels: keys[key]["dtype"] = "string"
    value = lambda key, x: labels[key][x] if key in labels else getattr(x, "item", lambda: x)()
    values = lambda readings: {key: value(key, reading["value"]) for key, reading in readings.items()}
    return {"read": values(device.read()), "configuration": values(device.read_configuration()), "keys": keys}
print(json.dumps({name: said(device) for name, device in devices.items()}))
`

interface Said {
  read: Record<string, unknown>
  configuration: Record<string, unknown>
  keys: Record<string, Record<string, unknown>>
}

const valuesOf = (readings: Readings) =>
  Object.fromEntries(Object.entries(readings).map(([k, r]) => [k, r.value]))

/** What both write; ophyd calls labels enum_strs, and has an empty unit where there is none. */
const shared = (keys: Record<string, Record<string, unknown>> | DataKeys) =>
  Object.fromEntries(
    Object.entries(keys as Record<string, Record<string, unknown>>).map(([key, said]) => [
      key,
      {
        dtype: said["dtype"],
        shape: said["shape"],
        units: said["units"] || undefined,
        precision: said["precision"],
        choices: said["choices"] ?? said["enum_strs"],
      },
    ]),
  )

describe.skipIf(!peers().pvxs || !peers().ophyd)("documents of devices", () => {
  const prefix = randomPrefix()
  let ioc: SoftIoc
  let theirs: Record<string, Said>

  beforeAll(async () => {
    ioc = await startSoftBeamline({ prefix })
    const said = await python<Record<string, Said>>(script, { env: ioc.clientEnvironment(), args: [prefix] })
    theirs = said[0]!
  })
  afterAll(async () => {
    await ioc?.[Symbol.asyncDispose]()
  })

  it.each(["ca", "pva"] as const)("are over %s what ophyd's are", async protocol => {
    const { ca, pva } = ioc.clientConfig()
    await using client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
    const pv = `${protocol}://${prefix}`
    const motor = new EpicsMotor(`${pv}m1`, { name: "m1", client })
    const fixed = new EpicsScaler(`${pv}scaler1`, { name: "scaler1", client })
    const named = new ScalerCH(`${pv}scaler1`, { name: "scaler1", client })
    await connect(motor, fixed, named, { timeout: 30 })
    await named.selectChannels()
    const ours: Record<string, Device> = { motor, fixed, named }
    for (const [name, device] of Object.entries(ours)) {
      const their = theirs[name]!
      expect(valuesOf(await device.read()), name).toEqual(their.read)
      expect(valuesOf(await device.readConfiguration()), name).toEqual(their.configuration)
      const keys = { ...(await device.describe()), ...(await device.describeConfiguration()) }
      expect(shared(keys), name).toEqual(shared(their.keys))
    }
  })
})
