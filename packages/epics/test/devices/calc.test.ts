import { type ChoiceType, choice, type Datatype, double, type Signal, until } from "@ophyd-ts/core"
import { putsOf } from "@ophyd-ts/core/testing"
import { CaClient, CaServer, ServerPv } from "node-epics-ca"
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest"
import {
  CalcoutRecord,
  type EpicsDevice,
  epicsSignalDevice,
  UserArrayCalcs,
  UserCalcs,
  UserTransforms,
} from "../../src/index.ts"
import { randomPrefix } from "../support/prefix.ts"

/** A server with a PV for each signal of a device, of the declared type. */
async function serve(make: (client: CaClient, prefix: string) => EpicsDevice): Promise<EpicsDevice> {
  const server = await CaServer.listen()
  const client = new CaClient(server.clientConfig())
  onTestFinished(async () => {
    await client.close()
    await server.close()
  })
  const device = make(client, randomPrefix())
  const names = new Set<string>()
  for (const signal of device.signals()) {
    const name = signal.source.replace("ca://", "").replace("$", "")
    if (!names.has(name)) server.add(new ServerPv(name, pvOf(signal)))
    names.add(name)
  }
  await device.connect({ timeout: 30 })
  return device
}

function pvOf({ datatype }: Signal<unknown>): ConstructorParameters<typeof ServerPv>[1] {
  const { labels } = datatype as Datatype<unknown> & Partial<ChoiceType<string>>
  switch (datatype.family) {
    case "choice":
      return { type: "enum", value: 0, enumStrings: labels ?? [] }
    case "boolean":
      return { type: "enum", value: 0, enumStrings: ["No", "Yes"] }
    case "string":
      return { type: "string", value: "" }
    case "integer":
      return { type: "long", value: 0 }
    case "array":
      return { type: "double", value: [0, 0], maxCount: 10 }
    default:
      return { type: "double", value: 0 }
  }
}

describe("records that users fill", () => {
  it("userCalcs: ten swait records, their inputs and the switch", async () => {
    const calcs = (await serve(
      (client, prefix) => new UserCalcs(prefix, { name: "calcs", client }),
    )) as UserCalcs
    const calc = calcs.at(3)
    await calc.calculation.set("A+B")
    await calc.channels["B"]?.inputValue.set(2)
    const found = await calcs.readConfiguration()
    expect(found).toMatchObject({
      calcs_enable: { value: "Disable" },
      calcs_calc3_calculation: { value: "A+B" },
      calcs_calc3_channels_B_input_value: { value: 2 },
    })
    expect(Object.keys(await calcs.read())).toEqual(
      Array.from({ length: 10 }, (_, i) => `calcs_calc${i + 1}_calculated_value`),
    )
    await calc.reset()
    expect(await calc.channels["B"]?.inputValue.get()).toBe(0)
    expect(await calc.calculation.get()).toBe("0")
  }, 60_000)

  it("userTransforms: sixteen expressions each", async () => {
    const mock = new UserTransforms("X:", { name: "trans" })
    await mock.connect({ mock: true })
    const { channels } = mock.at(10)
    expect(channels["P"]?.expression.source).toBe("mock+ca://X:userTran10.CLCP$")
    expect(channels["P"]?.currentValue.name).toBe("trans_transform10_channels_P_current_value")
    await mock.at(1).reset()
    expect(putsOf(mock.at(1).channels["C"]!.comment)).toEqual([{ value: "c", completion: true }])
  })

  it("userArrayCalcs: numbers and arrays", async () => {
    const mock = new UserArrayCalcs("X:", { name: "acalcs" })
    await mock.connect({ mock: true })
    await mock.at(2).channels["L"]?.inputArray.set(Float64Array.of(1, 2))
    expect(mock.at(2).channels["L"]?.inputArray.source).toBe("mock+ca://X:userArrayCalc2.LL")
    expect(mock.at(2).calculatedArray.name).toBe("acalcs_acalcout2_calculated_array")
    await mock.at(2).reset()
  })

  it("a calcout record of EPICS base has one place for each field", async () => {
    const mock = new CalcoutRecord("X:c", { name: "c" })
    await mock.connect({ mock: true })
    const sources = [...mock.signals()].map(signal => signal.source)
    expect(new Set(sources).size).toBe(sources.length)
    expect(mock.channels["L"]?.inputLink.source).toBe("mock+ca://X:c.INPL$")
  })
})

describe("a device from a table", () => {
  const fields = {
    height: { pv: "Height", type: double, access: "rbv", kind: "hinted" },
    mode: { pv: "Mode", type: choice("Fine", "Coarse"), access: "rw", kind: "config" },
    comment: { pv: "Comment", type: "string" },
    reset: { pv: "Reset", type: "boolean", access: "w" },
    current: { pv: "ca://S:ring", type: "number" },
  } as const

  it("has a typed signal for each field", async () => {
    const table = epicsSignalDevice("X:", fields, { name: "table" })
    await table.connect({ mock: true })
    await table.height.set(3)
    await table.reset.set(true)
    expect([table.height.source, table.current.source]).toEqual([
      "mock+ca://X:Height_RBV",
      "mock+ca://S:ring",
    ])
    expect(Object.keys(await table.read())).toEqual(["table_height", "table_comment", "table_current"])
    expect(table.hints).toEqual({ fields: ["table_height"] })
    expect(await until(table.mode, "Fine")).toBe("Fine")
    expectTypeOf(table.height.set).parameter(0).toEqualTypeOf<number>()
    expectTypeOf(table.mode.set).parameter(0).toEqualTypeOf<"Fine" | "Coarse">()
    expectTypeOf(table.comment.get).returns.toEqualTypeOf<Promise<string>>()
    expectTypeOf(table.comment).not.toHaveProperty("set")
  })

  it("refuses a table that it does not understand", () => {
    const make = (field: unknown) => epicsSignalDevice("X:", { a: field as { pv: string; type: "string" } })
    expect(() => make({ pv: "a", type: "int" })).toThrow(
      "X:: a has the unknown type int; known are boolean, double",
    )
    expect(() => make({ pv: "a", type: "string", access: "x" })).toThrow("a has the access x")
    const taken = { read: { pv: "a", type: "string" } } as const
    expect(() => epicsSignalDevice("X:", taken)).toThrow("a device has a member read already")
  })
})
