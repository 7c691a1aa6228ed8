import { randomUUID } from "node:crypto"
import { CaServer, ServerPv } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { AiocaClient } from "./aioca-client.ts"
import { peers } from "./peers.ts"

const P = `S${randomUUID().slice(0, 6)}:`
/** aioca's own number for "text, as characters". */
const CHAR_AS_TEXT = 999
const stamp = { seconds: 1_700_000_000, nanoseconds: 123_456_789 }

describe.skipIf(!peers().aioca)("libca against the server", () => {
  let server: CaServer
  let libca: AiocaClient

  beforeAll(async () => {
    server = await CaServer.listen()
    libca = new AiocaClient(server.environment())
  })
  afterAll(async () => {
    await libca[Symbol.asyncDispose]()
    await server.close()
  })

  // [type, scalar, array, DBR number, text of the scalar]
  const types = [
    ["string", "hello", ["a", "", "ß"], 0, "hello"],
    ["short", -32768, [1, -2, 3], 1, "-32768"],
    ["float", 0.5, [0.25, -1.5], 2, "0.500"],
    ["enum", 2, [0, 1, 2], 3, "Three"],
    ["char", 200, [0, 127, 255], 4, "200"],
    ["long", -2147483648, [70000, -70000], 5, "-2147483648"],
    ["double", 1.25e-7, [1e300, -0.5], 6, "0.000"],
  ] as const

  test.each(types)(
    "reads a %s with alarm and time stamp, scalar and array, and as text",
    async (type, scalar, array, datatype, text) => {
      const enumStrings = type === "enum" ? ["One", "Two", "Three"] : []
      const options = { type, enumStrings, precision: 3, severity: 2, status: 3, timestamp: stamp }
      server.add(new ServerPv(`${P}s:${type}`, { ...options, value: scalar }))
      server.add(new ServerPv(`${P}a:${type}`, { ...options, value: array, maxCount: 10 }))
      server.add(new ServerPv(`${P}e:${type}`, { ...options, value: [] as number[], maxCount: 10 }))

      const reading = await libca.get(`${P}s:${type}`, { format: "time" })
      expect(reading).toMatchObject({ value: scalar, datatype, severity: 2, status: 3, element_count: 1 })
      expect(reading.raw_stamp).toEqual([stamp.seconds, stamp.nanoseconds])
      expect((await libca.get(`${P}s:${type}`, { datatype: 0 })).value).toBe(text)
      expect(await libca.get(`${P}a:${type}`, { format: "time" })).toMatchObject({
        value: array,
        element_count: 10,
      })
      expect((await libca.get(`${P}a:${type}`, { count: 1 })).value).toEqual([array[0]])
      expect((await libca.get(`${P}e:${type}`, { format: "time" })).value).toEqual([])
      expect(await libca.info(`${P}a:${type}`)).toMatchObject({
        count: 10,
        datatype,
        read: true,
        write: true,
        host: `localhost:${server.port}`,
      })
    },
  )

  test.each(["short", "float", "char", "long", "double"] as const)(
    "reads the control metadata of a %s",
    async type => {
      const limits = { display: [1, 100], control: [2, 99], warning: [20, 80], alarm: [10, 90] } as const
      server.add(new ServerPv(`${P}c:${type}`, { type, value: 50, units: "µm", precision: 4, limits }))
      const reading = await libca.get(`${P}c:${type}`, { format: "ctrl" })
      expect(reading).toMatchObject({
        value: 50,
        units: "µm",
        lower_disp_limit: 1,
        upper_disp_limit: 100,
        lower_ctrl_limit: 2,
        upper_ctrl_limit: 99,
        lower_warning_limit: 20,
        upper_warning_limit: 80,
        lower_alarm_limit: 10,
        upper_alarm_limit: 90,
        ...((type === "float" || type === "double") && { precision: 4 }),
      })
    },
  )

  test("reads enum states, and writes an enum by text, by number and by number as text", async () => {
    const states = ["Idle", "Acquire", "Fault"]
    const pv = server.add(new ServerPv(`${P}enum`, { type: "enum", value: "Idle", enumStrings: states }))
    expect(await libca.get(pv.name, { format: "ctrl" })).toMatchObject({ value: 0, enums: states })
    await libca.put(pv.name, "Acquire")
    expect(pv.value).toBe(1)
    await libca.put(pv.name, 2)
    expect(pv.value).toBe(2)
    await libca.put(pv.name, "0", { datatype: 0 })
    expect(pv.value).toBe(0)
    await expect(libca.put(pv.name, "Nonsense")).rejects.toThrow("write request failed")
    await expect(libca.put(pv.name, 3)).rejects.toThrow("write request failed")
    expect(pv.value).toBe(0)
  })

  test.each([
    ["string", "", "text", "text"],
    ["short", 0, -5, -5],
    ["float", 0, 0.25, 0.25],
    ["char", 0, 255, 255],
    ["long", 0, 123456, 123456],
    ["double", 0, 1e-300, 1e-300],
    ["double", 0, "12.5", 12.5],
    ["long", 0, "0x1f", 31],
    ["double", [0], [1, 2, 3], Float64Array.of(1, 2, 3)],
    ["long", [0], [1.9, 2], Int32Array.of(1, 2)],
    ["string", ["x"], ["a", "b"], ["a", "b"]],
    ["char", [0], [72, 105, 0], Uint8Array.of(72, 105, 0)],
  ] as const)("writes a %s with completion (%#)", async (type, value, written, result) => {
    const pv = server.add(
      new ServerPv(`${P}put:${randomUUID()}`, { type, value, ...(Array.isArray(value) && { maxCount: 5 }) }),
    )
    await libca.put(pv.name, written)
    expect(pv.value).toEqual(result)
    await libca.put(pv.name, written, { wait: false })
    expect((await libca.get(pv.name)).value).toEqual(typeof result === "object" ? [...result] : result)
  })

  test("waits for an asynchronous completion, two clients at a time, and learns of its failure", async () => {
    const done: (() => void)[] = []
    const pv = server.add(
      new ServerPv(`${P}slow`, {
        type: "double",
        value: 0,
        onPut: value =>
          value < 0
            ? Promise.reject(new Error("negative"))
            : new Promise<void>(resolve => done.push(resolve)),
      }),
    )
    await using other = new AiocaClient(server.environment())
    const finished: string[] = []
    const first = libca.put(pv.name, 1, { timeout: 30 }).then(() => finished.push("first"))
    await vi.waitFor(() => expect(done).toHaveLength(1), 10_000)
    const second = other.put(pv.name, 2, { timeout: 30 }).then(() => finished.push("second"))
    await vi.waitFor(() => expect(done).toHaveLength(2), 20_000)
    expect((await libca.get(pv.name)).value).toBe(2)
    expect(finished).toEqual([])
    done[1]!()
    await second
    expect(finished).toEqual(["second"])
    done[0]!()
    await first
    await expect(libca.put(pv.name, -1)).rejects.toThrow("write request failed")
  })

  test("reads and writes a long string by its $ form", async () => {
    const text = "a description that is longer than the forty bytes of a string"
    const pv = server.add(new ServerPv(`${P}rec.DESC`, { type: "string", value: text, maxLength: 256 }))
    expect((await libca.get(`${P}rec.DESC$`)).value).toBe(text)
    expect((await libca.get(pv.name)).value).toBe(text.slice(0, 39))
    await libca.put(`${P}rec.DESC$`, `new ${text}`, { datatype: CHAR_AS_TEXT })
    expect(pv.value).toBe(`new ${text}`)
  })

  test("monitors: first value, every post, alarms, changing length, nothing after cancel", async () => {
    const scalar = server.add(new ServerPv(`${P}mon`, { type: "double", value: 0 }))
    const array = server.add(new ServerPv(`${P}wave`, { type: "short", value: [1, 2], maxCount: 100 }))
    await libca.monitor(scalar.name)
    await libca.monitor(array.name)
    await libca.expectValues(scalar.name, [0])
    await libca.expectValues(array.name, [[1, 2]])
    for (let i = 1; i <= 50; i++) scalar.post(i, { timestamp: { seconds: stamp.seconds, nanoseconds: i } })
    array.post([])
    array.post([1, 2, 3, 4])
    await libca.expectValues(
      scalar.name,
      Array.from({ length: 51 }, (_, i) => i),
    )
    await libca.expectValues(array.name, [[1, 2], [], [1, 2, 3, 4]])
    expect(
      libca.updates
        .filter(u => u.pv === scalar.name)
        .map(u => u.raw_stamp?.[1])
        .slice(1),
    ).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    scalar.postAlarm({ severity: 2, status: 3 })
    await expect
      .poll(() => libca.updates.at(-1), { timeout: 10_000 })
      .toMatchObject({ severity: 2, status: 3, value: 50 })
    await libca.cancel(scalar.name)
    await libca.get(scalar.name)
    const before = libca.values(scalar.name).length
    scalar.post(99)
    await libca.get(scalar.name)
    expect(libca.values(scalar.name)).toHaveLength(before)
  })

  test("is told of new limits and states through PROPERTY", async () => {
    const pv = server.add(new ServerPv(`${P}prop`, { type: "double", value: 1, units: "V" }))
    await libca.monitor(pv.name, { format: "ctrl", events: 8 })
    await expect
      .poll(() => libca.updates.at(-1), { timeout: 10_000 })
      .toMatchObject({ pv: pv.name, units: "V" })
    pv.describe({ units: "mV", limits: { display: [0, 7] } })
    await expect
      .poll(() => libca.updates.at(-1), { timeout: 10_000 })
      .toMatchObject({ pv: pv.name, units: "mV", upper_disp_limit: 7 })
  })

  test("feels a change of access rights", async () => {
    const pv = server.add(new ServerPv(`${P}access`, { type: "double", value: 1, access: "read" }))
    expect(await libca.info(pv.name)).toMatchObject({ read: true, write: false })
    await expect(libca.put(pv.name, 5)).rejects.toThrow()
    pv.setAccess("read-write")
    await expect.poll(async () => (await libca.info(pv.name)).write, { timeout: 10_000 }).toBe(true)
    await libca.put(pv.name, 5)
    expect(pv.value).toBe(5)
  })

  test("finds the fields of a record through a provider", async () => {
    const fields = new Map(
      ["VAL", "RBV", "DMOV"].map((field, i) => [
        `${P}m.${field}`,
        new ServerPv(`${P}m.${field}`, { type: "double", value: i, recordType: "motor" }),
      ]),
    )
    server.provide(name => fields.get(name === `${P}m` ? `${name}.VAL` : name))
    expect((await libca.get(`${P}m.RBV`)).value).toBe(1)
    await libca.put(`${P}m`, 4)
    expect((await libca.get(`${P}m.VAL`)).value).toBe(4)
    expect((await libca.get(`${P}m`, { datatype: 38 })).value).toBe("motor")
  })

  test("carries an array of a million doubles both ways", async () => {
    const value = Float64Array.from({ length: 1_000_000 }, (_, i) => i)
    const pv = server.add(new ServerPv(`${P}big`, { type: "double", value }))
    const read = (await libca.get(pv.name)).value as number[]
    expect([read.length, read[999_999]]).toEqual([1_000_000, 999_999])
    await libca.put(pv.name, read.slice(0, 500_000))
    expect((pv.value as Float64Array).length).toBe(500_000)
  })
})

// libca takes its time before it looks for what it has lost.
describe.skipIf(!peers().aioca)("libca and what goes away", () => {
  test.concurrent("loses a PV that is removed, alone, and gets it back with another type", async () => {
    await using server = await CaServer.listen()
    await using libca = new AiocaClient(server.environment())
    const name = `${P}gone`
    const stays = server.add(new ServerPv(`${P}stays`, { type: "long", value: 1 }))
    server.add(new ServerPv(name, { type: "long", value: 1 }))
    await libca.monitor(name)
    await libca.monitor(stays.name)
    await libca.expectValues(name, [1])
    server.remove(name)
    await libca.expectValues(name, [1, null])
    server.add(new ServerPv(name, { type: "string", value: "42" }))
    // libca keeps asking for what it asked before: a long.
    await libca.expectValues(name, [1, null, 42])
    stays.post(2)
    await libca.expectValues(stays.name, [1, 2])
  })

  test.concurrent("monitors go on after the server was restarted on its port", async () => {
    const name = `${P}restart`
    const first = await CaServer.listen()
    const pv = first.add(new ServerPv(name, { type: "double", value: 1 }))
    await using libca = new AiocaClient(first.environment())
    await libca.monitor(name)
    await libca.expectValues(name, [1])
    pv.post(2)
    await libca.expectValues(name, [1, 2])
    await first.close()
    await libca.expectValues(name, [1, 2, null])
    await using second = await CaServer.listen({ port: first.port })
    const again = second.add(new ServerPv(name, { type: "double", value: 3 }))
    await libca.expectValues(name, [1, 2, null, 3], 50_000)
    again.post(4)
    await libca.expectValues(name, [1, 2, null, 3, 4])
  })

  test("finds a server by UDP", async () => {
    await using server = await CaServer.listen({ searchPort: 0 })
    server.add(new ServerPv(`${P}udp`, { type: "double", value: 7 }))
    const env = {
      EPICS_CA_NAME_SERVERS: "",
      EPICS_CA_ADDR_LIST: `127.0.0.1:${server.searchPort}`,
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    }
    await using libca = new AiocaClient(env)
    expect((await libca.get(`${P}udp`)).value).toBe(7)
  })
})
