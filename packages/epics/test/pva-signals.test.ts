import {
  boolean,
  choice,
  type Datatype,
  double,
  float64Array,
  int8Array,
  int64,
  int64Array,
  integer,
  type NotConnectedError,
  number,
  type SignalRW,
  string,
  stringArray,
  table,
  uint8Array,
} from "@ophyd-ts/core"
import {
  ntEnum,
  ntScalar,
  ntScalarArray,
  ntTable,
  PvaClient,
  PvaServer,
  type ScalarName,
  SharedPv,
  timeStamp,
} from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EpicsDevice } from "../src/index.ts"
import { randomPrefix } from "./support/prefix.ts"

let server: PvaServer
let client: PvaClient
beforeAll(async () => {
  server = await PvaServer.open({ isolated: true })
  client = new PvaClient(server.clientConfig())
})
afterAll(async () => {
  await client.close()
  await server.close()
})

const stamp = { timeStamp: timeStamp() }
const scalar = (of: ScalarName, value: unknown) =>
  SharedPv.mailbox(ntScalar(of), { value, ...stamp } as never)
const array = (of: ScalarName, value: unknown) =>
  SharedPv.mailbox(ntScalarArray(of), { value, ...stamp } as never)
const labels = (index: number, ...choices: string[]) =>
  SharedPv.mailbox(ntEnum(), { value: { index, choices }, ...stamp })
const counted = (value: number, precision: number) =>
  SharedPv.mailbox(ntScalar("double", { display: true }), {
    value,
    display: { precision },
    ...stamp,
  } as never)
const columns = (names: Readonly<Record<string, ScalarName>>) => SharedPv.mailbox(ntTable(names), stamp)

/** A signal of one PV, not connected yet. */
function signalOf<T>(datatype: Datatype<T>, pv: SharedPv): SignalRW<T> {
  const prefix = `pva://${randomPrefix()}`
  class Single extends EpicsDevice {
    readonly it = this.signal.rw(datatype, "x")
  }
  server.add(`${prefix.slice("pva://".length)}x`, pv)
  return new Single(prefix, { client, name: "dev" }).it
}

describe("a signal over pvAccess", () => {
  it.each<[string, Datatype<unknown>, () => SharedPv, unknown, unknown]>([
    [
      "characters as text",
      string,
      () => array("byte", Int8Array.of(104, 105, 0, 9)),
      "hi",
      "Gerät ".repeat(50),
    ],
    ["unsigned characters as text", string, () => array("ubyte", new Uint8Array(0)), "", "ein µ"],
    ["a long string", string, () => scalar("string", "short"), "short", "long ".repeat(100)],
    ["an enum as text", string, () => labels(1, "A", "B"), "B", "A"],
    ["a subset of labels", choice.subset("A"), () => labels(1, "A", "B"), "B", "A"],
    ["an integer as a flag", boolean, () => scalar("int", 1), true, false],
    ["an enum of two as a flag", boolean, () => labels(1, "Off", "On"), true, false],
    ["a double without digits as an integer", integer, () => counted(5, 0), 5, 2 ** 40],
    ["any number", number, () => scalar("float", 0.5), 0.5, 0.25],
    ["64 bits", int64, () => scalar("long", -(2n ** 60n)), -(2n ** 60n), 2n ** 62n],
    [
      "arrays of 64 bits",
      int64Array,
      () => array("long", BigInt64Array.of(2n ** 60n)),
      BigInt64Array.of(2n ** 60n),
      BigInt64Array.of(-1n),
    ],
    ["bytes with a sign", int8Array, () => array("ubyte", [255]), Int8Array.of(-1), Int8Array.of(-2)],
    ["bytes without", uint8Array, () => array("byte", [-1]), Uint8Array.of(255), Uint8Array.of(254)],
    [
      "truth values",
      uint8Array,
      () => array("boolean", [true, false]),
      Uint8Array.of(1, 0),
      Uint8Array.of(0),
    ],
    ["a list of texts", stringArray, () => array("string", ["a"]), ["a"], ["b", ""]],
  ])("takes %s", async (_, datatype, pv, before, after) => {
    const signal = signalOf(datatype, pv())
    await signal.connect({ timeout: 20 })
    expect(await signal.get()).toEqual(before)
    await signal.set(after, { timeout: 20 })
    expect(await signal.get()).toEqual(after)
  })

  it.each<[string, Datatype<unknown>, () => SharedPv, string]>([
    ["a string for a double", double, () => scalar("string", "x"), "the server has a scalar of type string"],
    ["fractions for an integer", integer, () => counted(1, 2), "the server has a scalar of type double"],
    ["other elements", float64Array, () => array("int", [1]), "the server has an array of type int"],
    [
      "three states for a flag",
      boolean,
      () => labels(0, "a", "b", "c"),
      'an enum of the labels "a", "b", "c"',
    ],
    [
      "other labels",
      choice("Close", "Open"),
      () => labels(0, "Shut", "Open"),
      'declared labels "Close", "Open" (strict) differ from the server\'s "Shut", "Open"',
    ],
    [
      "a table without a declared column",
      table({ x: float64Array, name: stringArray }),
      () => columns({ x: "double", label: "string" }),
      "declared table(x: float64Array, name: stringArray), the server has a structure of x: double[], label: string[]",
    ],
    [
      "a table with a further column",
      table({ x: float64Array }),
      () => columns({ x: "double", y: "double" }),
      "the server has a structure of x: double[], y: double[]",
    ],
    [
      "a table with a column of another type",
      table({ x: float64Array }),
      () => columns({ x: "int" }),
      "the server has a structure of x: int[]",
    ],
    [
      "a number for a table",
      table({ x: float64Array }),
      () => scalar("double", 1),
      "the server has a scalar",
    ],
  ])("refuses %s at connect, and says so", async (_, datatype, pv, message) => {
    const signal = signalOf(datatype, pv())
    const error: NotConnectedError = await signal.connect({ timeout: 20 }).catch(e => e)
    expect(error.failures[0]).toMatchObject({ state: "wrong type", cause: { code: "WRONG_TYPE" } })
    expect(error.message).toContain(message)
  })

  it("describes what its values are: the server says how wide a number is, and no more", async () => {
    const described = async (datatype: Datatype<unknown>, pv: SharedPv) => {
      const signal = signalOf(datatype, pv)
      await signal.connect({ timeout: 20 })
      const { dtype, dtype_numpy, shape } = (await signal.describe())[signal.name] ?? {}
      return [dtype, dtype_numpy, shape]
    }
    expect(await described(double, scalar("float", 1))).toEqual(["number", "<f4", []])
    expect(await described(integer, scalar("ubyte", 1))).toEqual(["integer", "|u1", []])
    expect(await described(integer, counted(1, 0))).toEqual(["integer", "<i8", []])
    expect(await described(boolean, scalar("int", 1))).toEqual(["boolean", "|b1", []])
    expect(await described(string, array("byte", [65]))).toEqual(["string", undefined, []])
    expect(await described(uint8Array, array("byte", [-1, 2]))).toEqual(["array", "|u1", [2]])
  })
})
