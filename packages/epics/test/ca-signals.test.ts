import { setTimeout as delay } from "node:timers/promises"
import {
  boolean,
  choice,
  connect,
  type Datatype,
  DisconnectedError,
  double,
  float64Array,
  int64,
  integer,
  NotConnectedError,
  number,
  type SignalRW,
  string,
  stringArray,
  table,
  uint16Array,
  until,
} from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import { CaClient, CaServer, PutRefused, ServerPv } from "node-epics-ca"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { closeDefaultClients, defaultClient, EpicsDevice } from "../src/index.ts"
import { randomPrefix } from "./support/prefix.ts"

let prefix: string
let server: CaServer
let client: CaClient

beforeEach(async () => {
  prefix = randomPrefix()
  server = await CaServer.listen()
  client = new CaClient(server.clientConfig())
})
afterEach(async () => {
  await client.close()
  await server.close()
})

const serve = (name: string, options: ConstructorParameters<typeof ServerPv>[1]) =>
  server.add(new ServerPv(`${prefix}${name}`, options))

/** A device of one PV. */
class Single<T> extends EpicsDevice {
  readonly it: SignalRW<T>
  constructor(datatype: Datatype<T>, options: Parameters<Single<T>["make"]>[1] = {}) {
    super(prefix, { client, name: "dev" })
    this.it = this.make(datatype, options)
  }
  make(datatype: Datatype<T>, options: Parameters<EpicsDevice["signal"]["rw"]>[2]) {
    return this.signal.rw(datatype, "x", options as object)
  }
}

/** Connects with a time-out of 5 s that passes as soon as so many signals are connected. Gives the error. */
async function connectUntil(device: EpicsDevice, count: number): Promise<NotConnectedError> {
  const clock = new TestClock()
  const connecting = device.connect({ timeout: 5, clock }).catch(error => error)
  const up = () => [...device.signals()].filter(signal => signal.connected).length
  await expect.poll(up, { timeout: 60_000, interval: 50 }).toBe(count)
  clock.advance(5)
  const error = await connecting
  expect(error).toBeInstanceOf(NotConnectedError)
  return error
}

describe("connect", () => {
  it.each<[string, Datatype<unknown>, ConstructorParameters<typeof ServerPv>[1], string]>([
    [
      "a string for a double",
      double,
      { type: "string", value: "x" },
      "declared double, the server has a string",
    ],
    ["a short for a double", double, { type: "short", value: 1 }, "declared double, the server has a short"],
    [
      "an array for a scalar",
      double,
      { type: "double", value: [1, 2] },
      "the server has an array of up to 2 double",
    ],
    ["a scalar for text", string, { type: "double", value: 1 }, "declared string, the server has a double"],
    [
      "other elements",
      float64Array,
      { type: "long", value: [1, 2] },
      "the server has an array of up to 2 long",
    ],
    [
      "fractions for an integer",
      integer,
      { type: "double", value: 1, precision: 2 },
      "the server has a double",
    ],
    [
      "three states for a boolean",
      boolean,
      { type: "enum", value: 0, enumStrings: ["a", "b", "c"] },
      'the server has an enum of the labels "a", "b", "c"',
    ],
    [
      "other labels",
      choice("Close", "Open"),
      { type: "enum", value: 0, enumStrings: ["Shut", "Open"] },
      'declared labels "Close", "Open" (strict) differ from the server\'s "Shut", "Open"',
    ],
    [
      "too few labels for a subset",
      choice.subset("A", "B", "C"),
      { type: "enum", value: 0, enumStrings: ["A", "B"] },
      'declared labels "A", "B", "C" (subset) differ from the server\'s "A", "B"',
    ],
    [
      "too many labels for a superset",
      choice.superset("A", "B"),
      { type: "enum", value: 0, enumStrings: ["B", "C"] },
      'declared labels "A", "B" (superset) differ from the server\'s "B", "C"',
    ],
  ])("refuses %s, and says so", async (_, datatype, options, message) => {
    serve("x", options as never)
    const device = new Single(datatype)
    const error: NotConnectedError = await device.connect({ timeout: 10 }).catch(e => e)
    expect(error).toBeInstanceOf(NotConnectedError)
    expect(error.message).toContain(`dev_it ca://${prefix}x: wrong type after`)
    expect(error.message).toContain(message)
    expect(error.message).toContain(`last address ${server.address}`)
    expect(error.failures[0]?.cause).toMatchObject({ code: "WRONG_TYPE" })
  })

  it.each<[string, Datatype<unknown>, ConstructorParameters<typeof ServerPv>[1], unknown, unknown]>([
    ["a subset of labels", choice.subset("A"), { type: "enum", value: 1, enumStrings: ["A", "B"] }, "B", "A"],
    [
      "a superset of labels",
      choice.superset("A", "B", "C"),
      { type: "enum", value: 0, enumStrings: ["B", "A"] },
      "B",
      "A",
    ],
    ["an enum as text", string, { type: "enum", value: 1, enumStrings: ["A", "B"] }, "B", "A"],
    [
      "characters as text",
      string,
      { type: "char", value: [104, 105, 0], maxCount: 80 },
      "hi",
      "a longer text, longer than any string of Channel Access",
    ],
    ["an integer as a flag", boolean, { type: "long", value: 1 }, true, false],
    [
      "a double without digits as an integer",
      integer,
      { type: "double", value: 5, precision: 0 },
      5,
      2 ** 40,
    ],
    ["a double without digits as a bigint", int64, { type: "double", value: 5, precision: 0 }, 5n, 2n ** 40n],
    [
      "unsigned shorts in longs",
      uint16Array,
      { type: "long", value: [1, 65535], maxCount: 5 },
      Uint16Array.of(1, 65535),
      Uint16Array.of(7),
    ],
    ["an integer as any number", number, { type: "long", value: 5 }, 5, 7],
    ["a double as any number", number, { type: "double", value: 5.5, precision: 3 }, 5.5, 0.25],
    [
      "an array of one",
      float64Array,
      { type: "double", value: 1.5 },
      Float64Array.of(1.5),
      Float64Array.of(2),
    ],
    ["a list of one text", stringArray, { type: "string", value: "a" }, ["a"], ["b"]],
  ])("takes %s", async (_, datatype, options, before, after) => {
    serve("x", options as never)
    const device = new Single(datatype)
    await device.connect({ timeout: 10 })
    expect(await device.it.get()).toEqual(before)
    await device.it.set(after)
    expect(await device.it.get()).toEqual(after)
  })

  it("ends at once when the client is closed", async () => {
    const { it: signal } = new Single(double)
    const connecting = signal.connect({ timeout: 60 }).catch(e => e)
    await client.close()
    const error: NotConnectedError = await connecting
    expect(error.failures[0]?.cause).toMatchObject({ code: "CLOSED" })
    await expect(signal.connect({ timeout: 60 })).rejects.toThrow("the client was closed")
  })

  it("refuses a table at once, for Channel Access has none", async () => {
    const { it: signal } = new Single(table({ x: float64Array }))
    const error: NotConnectedError = await signal.connect({ timeout: 60 }).catch(e => e)
    expect(error.failures[0]?.cause).toMatchObject({
      code: "WRONG_TYPE",
      message: `ca://${prefix}x: declared table(x: float64Array): Channel Access has no tables, use pva://${prefix}x`,
    })
  })

  it.each<[string, Datatype<unknown>, ConstructorParameters<typeof ServerPv>[1], unknown[]]>([
    ["a narrower number by the server's type", double, { type: "float", value: 1 }, ["number", "<f4", []]],
    [
      "an integer in a double as an integer",
      integer,
      { type: "double", value: 1, precision: 0 },
      ["integer", "<i8", []],
    ],
    ["a flag in an integer as a flag", boolean, { type: "long", value: 1 }, ["boolean", "|b1", []]],
    ["text in characters as text", string, { type: "char", value: [65, 66] }, ["string", undefined, []]],
    ["an array by its own elements", uint16Array, { type: "long", value: [1, 2] }, ["array", "<u2", [2]]],
  ])("describes %s", async (_, datatype, options, expected) => {
    serve("x", options as never)
    const { it: signal } = new Single(datatype)
    await signal.connect({ timeout: 10 })
    const { dtype, dtype_numpy, shape } = (await signal.describe())["dev_it"] ?? {}
    expect([dtype, dtype_numpy, shape]).toEqual(expected)
  })

  it("to 50 PVs of which three are absent gives one error naming those three, within one time-out", async () => {
    class Many extends EpicsDevice {
      constructor() {
        super(prefix, { client, name: "many" })
        for (let i = 0; i < 50; i++) Object.assign(this, { [`s${i}`]: this.signal.r(integer, `${i}`) })
      }
    }
    const absent = [3, 17, 42]
    for (let i = 0; i < 50; i++) if (!absent.includes(i)) serve(`${i}`, { type: "long", value: i })
    const many = new Many()
    const error = await connectUntil(many, 47)
    expect(error.failures.map(f => f.component.name)).toEqual(["many_s3", "many_s17", "many_s42"])
    expect(error.failures[0]).toMatchObject({
      source: `ca://${prefix}3`,
      state: "searching",
      address: server.address,
    })
    // What was absent is still searched for: with the PV there, the next connect works.
    for (const i of absent) serve(`${i}`, { type: "long", value: i })
    await many.connect({ timeout: 20 })
    expect(Object.keys(await many.read())).toHaveLength(50)
  })

  it("to 5000 signals of which 37 are absent names the 37 within one time-out, and connects the others", async () => {
    const absent = (i: number) => i % 135 === 7
    server.provide(name => {
      const [, number] = /^.*:(\d+)$/.exec(name) ?? []
      if (number === undefined || absent(Number(number))) return undefined
      return new ServerPv(name, { type: "long", value: Number(number) })
    })
    class Large extends EpicsDevice {
      constructor() {
        super(prefix, { client, name: "large" })
        for (let i = 0; i < 5000; i++) Object.assign(this, { [`s${i}`]: this.signal.r(integer, `${i}`) })
      }
    }
    const large = new Large()
    const error = await connectUntil(large, 4963)
    expect(error.message).toMatch(/^37 of 5000 signals did not connect within 5 s:\n {2}large\n/)
    expect(error.failures.map(f => f.source)).toEqual(
      Array.from({ length: 5000 }, (_, i) => i)
        .filter(absent)
        .map(i => `ca://${prefix}${i}`),
    )
    expect([...large.signals()].filter(signal => signal.connected)).toHaveLength(4963)
  }, 60_000)

  it("verifies again after a reconnect: a server that came back with another type is refused", async () => {
    serve("x", { type: "double", value: 1 })
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    server.remove(`${prefix}x`)
    serve("x", { type: "string", value: "now text" })
    await expect.poll(() => signal.connection.state, { timeout: 15_000 }).toBe("wrong type")
    await expect(signal.set(1)).rejects.toThrow("declared double, the server has a string")
  })
})

describe("a signal with its own read-back", () => {
  it("writes one PV, reads the other, and locates both", async () => {
    const gain = serve("Gain", { type: "double", value: 1 })
    const readback = serve("Gain_RBV", { type: "double", value: 0.5 })
    class Camera extends EpicsDevice {
      readonly gain = this.signal.rbv(double, "Gain")
    }
    const camera = new Camera(prefix, { client, name: "cam" })
    await camera.connect({ timeout: 10 })
    await camera.gain.set(3)
    expect([gain.value, readback.value]).toEqual([3, 0.5])
    expect(await camera.gain.locate()).toEqual({ setpoint: 3, readback: 0.5 })
    expect(await camera.read()).toMatchObject({ cam_gain: { value: 0.5 } })
    expect(camera.gain.source).toBe(`ca://${prefix}Gain_RBV`)
  })

  it("names the half that is missing", async () => {
    serve("Gain", { type: "double", value: 1 })
    class Camera extends EpicsDevice {
      readonly gain = this.signal.rbv(double, "Gain", { readback: "Actual" })
    }
    const camera = new Camera(prefix, { client, name: "cam" })
    await expect(camera.connect({ timeout: 0.5 })).rejects.toThrow(`cam_gain ca://${prefix}Actual: searching`)
  })
})

describe("a write", () => {
  it("that the server refuses fails the status with the server's reason", async () => {
    serve("x", {
      type: "double",
      value: 1,
      check: (value: number) => {
        if (Number(value) > 5) throw new PutRefused("ECA_PUTFAIL")
        return undefined
      },
    } as never)
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    for (const completion of [true, false]) {
      await expect(signal.set(9, { completion })).rejects.toThrow(
        new RegExp(
          `^dev_it: set 9 failed after .*ca.*${prefix}x|^dev_it: set 9 failed after .*${prefix}x.*PUTFAIL`,
        ),
      )
    }
    expect(await signal.get()).toBe(1)
  })

  it("without the right to write fails and says so", async () => {
    serve("x", { type: "double", value: 1, access: "read" })
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    expect(signal.metadata.writable).toBe(false)
    await expect(signal.set(2)).rejects.toThrow("no write access")
  })

  it("with completion ends when the server has finished, without completion when it was taken", async () => {
    let finish = () => {}
    serve("x", {
      type: "double",
      value: 0,
      onPut: () => new Promise<void>(resolve => (finish = resolve)),
    } as never)
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    const status = signal.set(1)
    await until(signal, 1, { timeout: 10 })
    expect(status.done).toBe(false)
    finish()
    await status
    await signal.set(2, { completion: false })
    expect(await signal.get()).toBe(2)
  })

  it("that supersedes one with completion goes as a plain write, and both servers and other channels stay free", async () => {
    const notified: [unknown, boolean][] = []
    let finish = () => {}
    serve("x", {
      type: "double",
      value: 0,
      onPut: (value: number, { notify }: { notify: boolean }) => {
        notified.push([value, notify])
        return notify ? new Promise<void>(resolve => (finish = resolve)) : undefined
      },
    } as never)
    serve("other", { type: "double", value: 0 })
    const { it: signal } = new Single(double, { whenBusy: "supersede" })
    class Other extends EpicsDevice {
      readonly it = this.signal.rw(double, "other")
    }
    const other = new Other(prefix, { client })
    await connect(signal, other, { timeout: 10 })
    const first = signal.set(1)
    await until(signal, 1, { timeout: 10 })
    const second = signal.set(2)
    await expect(first).rejects.toThrow("superseded by set 2")
    await until(signal, 2, { timeout: 10 })
    await other.it.set(5)
    expect(notified).toEqual([
      [1, true],
      [2, false],
    ])
    expect(second.done).toBe(false)
    finish()
    await second
    const third = signal.set(3)
    await until(signal, 3, { timeout: 10 })
    expect(notified.at(-1)).toEqual([3, true])
    finish()
    await third
  })

  it("uses limits as the server changes them", async () => {
    const pv = serve("x", { type: "double", value: 0, units: "mm", limits: { control: [0, 10] } })
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    expect(() => signal.set(20)).toThrow("dev_it: 20 mm is outside its limits 0 to 10 mm")
    pv.describe({ units: "mm", limits: { control: [0, 30] } })
    await expect.poll(() => signal.metadata.limits?.control?.high, { timeout: 10_000 }).toBe(30)
    await signal.set(20)
  })
})

describe("when the connection is lost", () => {
  it("a set with completion fails with outcome unknown, writes are refused, and the next set works after the reconnect", async () => {
    const make = () =>
      serve("x", {
        type: "double",
        value: 0,
        onPut: (value: number) => (value === 1 ? new Promise<void>(() => {}) : undefined),
      } as never)
    make()
    const { it: signal } = new Single(double)
    await signal.connect({ timeout: 10 })
    const pending = signal.set(1)
    await until(signal, 1, { timeout: 10 })
    const { port } = server
    await server.close()
    await expect(pending).rejects.toThrow("outcome unknown")
    await expect(signal.set(2)).rejects.toThrow(/at the moment, nothing was written/)
    expect(signal.connected).toBe(false)
    server = await CaServer.listen({ port })
    make()
    await expect.poll(() => signal.connected, { timeout: 15_000 }).toBe(true)
    await signal.set(2)
    expect(await signal.get()).toBe(2)
  })

  it("whoever waits goes on after the reconnect, or fails at once, as the signal says", async () => {
    serve("x", { type: "double", value: 0 })
    const patient = new Single(double).it
    const hasty = new Single(double, { onDisconnect: "fail" }).it
    await connect(patient, hasty, { timeout: 10 })
    const goesOn = until(patient, 7, { timeout: 30 })
    const fails = until(hasty, 7, { timeout: 30 })
    const updates = patient.updates()
    await updates.next()
    server.remove(`${prefix}x`)
    await expect(fails).rejects.toThrow("is lost")
    expect(fails.error?.cause).toBeInstanceOf(DisconnectedError)
    await expect(Promise.resolve(hasty.reading())).rejects.toBeInstanceOf(DisconnectedError)
    serve("x", { type: "double", value: 7 })
    expect(await goesOn).toBe(7)
    expect((await updates.next()).value).toMatchObject({ value: 7 })
    await updates.return?.()
  })
})

describe("monitor policy", () => {
  it("`always` serves reads from the latest update, the default asks the server", async () => {
    const pv = serve("x", { type: "double", value: 1 })
    const cached = new Single(double, { monitor: "always" }).it
    const asking = new Single(double).it
    await connect(cached, asking, { timeout: 10 })
    await expect.poll(() => cached.latest?.value, { timeout: 10_000 }).toBe(1)
    expect(cached.reading()).not.toBeInstanceOf(Promise)
    expect(asking.reading()).toBeInstanceOf(Promise)
    pv.post(2, { severity: 2, status: 3 })
    await expect
      .poll(() => cached.latest, { timeout: 10_000 })
      .toMatchObject({ value: 2, alarm_severity: 2, message: "HIHI" })
    expect(await asking.get()).toBe(2)
  })
})

describe("clients and names", () => {
  it("children use the client of their parent, however deep", async () => {
    serve("a:x", { type: "double", value: 4 })
    class Child extends EpicsDevice {
      readonly x = this.signal.r(double, "x")
    }
    class Parent extends EpicsDevice {
      readonly a = new Child(`${this.prefix}a:`)
    }
    const parent = new Parent(`ca://${prefix}`, { client, name: "p" })
    await parent.connect({ timeout: 10 })
    expect(await parent.read()).toMatchObject({ p_a_x: { value: 4 } })
    expect(parent.a.x.source).toBe(`ca://${prefix}a:x`)
  })

  it("without one the process has a default client, set by the EPICS variables", async () => {
    serve("x", { type: "double", value: 4 })
    for (const [name, value] of Object.entries(server.environment())) vi.stubEnv(name, value)
    class Plain extends EpicsDevice {
      readonly x = this.signal.r(double, "x")
    }
    const device = new Plain(prefix)
    await device.connect({ timeout: 10 })
    expect(device.clientFor("ca")).toBe(defaultClient("ca"))
    expect(await device.x.get()).toBe(4)
    await closeDefaultClients()
    vi.unstubAllEnvs()
  })

  it("a protocol that does not exist is refused when the device is made", () => {
    expect(() => new EpicsDevice("tango://x:")).toThrow(
      'tango://x:: "tango" is none of the protocols ca, pva',
    )
  })

  it("mock mode opens no connection", async () => {
    const device = new Single(choice("Close", "Open"))
    await device.connect({ mock: true })
    await device.it.set("Open")
    expect(device.it.source).toBe(`mock+ca://${prefix}x`)
    await delay(0)
    expect(server.channelCount).toBe(0)
  })
})
