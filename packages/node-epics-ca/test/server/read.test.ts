import { afterEach, describe, expect, test, vi } from "vitest"
import { ServerPv } from "../../src/index.ts"
import { Command } from "../../src/wire/constants.ts"
import { DBR_CLASS_NAME, DBR_STSACK_STRING, Dbr, DbrFamily, dbrType } from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

const { STS, TIME, GR, CTRL } = DbrFamily

async function serve(pv: ServerPv, options = {}): Promise<{ client: RawClient; sid: number }> {
  const server = await startServer(options)
  server.add(pv)
  const client = await RawClient.connect(server.port)
  const { sid } = await client.create(pv.name)
  return { client, sid }
}

const stamp = { seconds: 1_700_000_000, nanoseconds: 123_456_789 }

describe("reading", () => {
  test.each([
    ["string", "hi there", ["hi there"]],
    ["short", -7, ["-7", -7, -7, undefined, 249, -7, -7]],
    ["float", 1.5, ["1.50", 1, 1.5, undefined, 1, 1, 1.5]],
    ["enum", 1, ["On", 1, 1, 1, 1, 1, 1]],
    ["char", 200, ["200", 200, 200, undefined, 200, 200, 200]],
    ["long", 70000, ["70000", 4464, 70000, undefined, 112, 70000, 70000]],
    ["double", -0.25, ["-0.25", 0, -0.25, undefined, 0, 0, -0.25]],
  ] as const)("gives a %s as every base type in every family", async (type, value, expected) => {
    const pv = new ServerPv("X:v", {
      type,
      value,
      precision: 2,
      enumStrings: type === "enum" ? ["Off", "On"] : [],
      severity: 2,
      status: 7,
      timestamp: stamp,
    })
    const { client, sid } = await serve(pv)
    for (const [base, as] of expected.entries()) {
      if (as === undefined) continue
      for (let family = 0; family <= CTRL; family++) {
        const reading = await client.read(sid, dbrType(base, family), 1)
        expect([reading.eca, reading.value, reading.count]).toEqual([Eca.NORMAL, as, 1])
        if (family > 0) expect([reading.severity, reading.status]).toEqual([2, 7])
        if (family === TIME) expect(reading).toMatchObject(stamp)
      }
    }
  })

  test("gives limits, units and precision in the requested type", async () => {
    const { client, sid } = await serve(
      new ServerPv("X:v", {
        type: "double",
        value: 1.5,
        units: "mm",
        precision: 3,
        limits: { display: [-10, 10.5], control: [-9, 9], warning: [-7, 7], alarm: [-8, 8] },
      }),
    )
    const limits = {
      upperDisplayLimit: 10.5,
      lowerDisplayLimit: -10,
      upperAlarmLimit: 8,
      upperWarningLimit: 7,
      lowerWarningLimit: -7,
      lowerAlarmLimit: -8,
    }
    const control = { upperControlLimit: 9, lowerControlLimit: -9 }
    expect((await client.read(sid, dbrType(Dbr.DOUBLE, GR))).metadata).toEqual({
      units: "mm",
      precision: 3,
      ...limits,
    })
    expect((await client.read(sid, dbrType(Dbr.FLOAT, CTRL))).metadata).toEqual({
      units: "mm",
      precision: 3,
      ...limits,
      ...control,
    })
    expect((await client.read(sid, dbrType(Dbr.SHORT, CTRL))).metadata).toEqual({
      units: "mm",
      ...limits,
      upperDisplayLimit: 10,
      ...control,
    })
    expect((await client.read(sid, dbrType(Dbr.ENUM, CTRL))).metadata).toEqual({ enumStrings: [] })
  })

  test("alarm limits that nobody set are NaN as numbers and 0 as integers; control limits default to the display's", async () => {
    const { client, sid } = await serve(
      new ServerPv("X:v", { type: "float", value: 1, limits: { display: [0, 5] } }),
    )
    const double = (await client.read(sid, dbrType(Dbr.DOUBLE, CTRL))).metadata
    expect(double).toMatchObject({
      upperAlarmLimit: Number.NaN,
      lowerWarningLimit: Number.NaN,
      upperControlLimit: 5,
    })
    expect((await client.read(sid, dbrType(Dbr.LONG, GR))).metadata).toMatchObject({ upperAlarmLimit: 0 })
  })

  test("gives enum states with GR and CTRL, and 'Illegal Value' for a number that is none", async () => {
    const pv = new ServerPv("X:v", { type: "enum", value: "B", enumStrings: ["A", "B"] })
    const { client, sid } = await serve(pv)
    expect(await client.read(sid, dbrType(Dbr.ENUM, GR))).toMatchObject({
      value: 1,
      metadata: { enumStrings: ["A", "B"] },
    })
    pv.post(5)
    expect((await client.read(sid, Dbr.STRING)).value).toBe("Illegal Value")
    expect((await client.read(sid, Dbr.ENUM)).value).toBe(5)
  })

  test("count 0 gives the present length, a larger count is filled with zeros, a smaller one is cut", async () => {
    const { client, sid } = await serve(
      new ServerPv("X:v", { type: "short", value: [1, 2, 3], maxCount: 10 }),
    )
    const read = async (count: number): Promise<unknown> => {
      const reading = await client.read(sid, Dbr.SHORT, count)
      return [
        reading.count,
        ...(typeof reading.value === "number" ? [reading.value] : (reading.value as Int16Array)),
      ]
    }
    expect(await read(0)).toEqual([3, 1, 2, 3])
    expect(await read(2)).toEqual([2, 1, 2])
    expect(await read(5)).toEqual([5, 1, 2, 3, 0, 0])
    expect(await read(12)).toEqual([12, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  test("an empty array has count 0 and nothing behind its header", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "double", value: [], maxCount: 4 }))
    const plain = await client.read(sid, Dbr.DOUBLE)
    expect([plain.eca, plain.count, plain.value]).toEqual([Eca.NORMAL, 0, new Float64Array(0)])
    expect(await client.read(sid, dbrType(Dbr.DOUBLE, TIME))).toMatchObject({ count: 0, eca: Eca.NORMAL })
    expect(await client.read(sid, dbrType(Dbr.STRING, STS))).toMatchObject({ count: 0, value: [] })
  })

  test("pads with zeros: no old memory leaves the machine", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "string", value: "x".repeat(39) }))
    await client.read(sid, dbrType(Dbr.STRING, CTRL))
    client.send(Command.READ_NOTIFY, dbrType(Dbr.CHAR, TIME), 1, sid, 1)
    await client.take(Command.READ_NOTIFY)
    client.send(Command.READ_NOTIFY, dbrType(Dbr.STRING, TIME), 2, sid, 1)
    const { payload } = await client.take(Command.READ_NOTIFY)
    expect([...payload.subarray(12 + 39)]).toEqual(new Array(payload.length - 51).fill(0))
  })

  test("an array of more than 64 KiB goes out with an extended header", async () => {
    const value = Float64Array.from({ length: 100_000 }, (_, i) => i / 3)
    const { client, sid } = await serve(new ServerPv("X:v", { type: "double", value }))
    client.send(Command.READ_NOTIFY, dbrType(Dbr.DOUBLE, TIME), 0, sid, 1)
    const reply = await client.take(Command.READ_NOTIFY)
    expect([reply.extended, reply.count, reply.size]).toEqual([true, 100_000, 800_016])
    expect((await client.read(sid, Dbr.DOUBLE)).value).toEqual(value)
  })

  test("strings beyond 39 bytes are cut between characters; the $ form gives all of it", async () => {
    const text = `${"ä".repeat(30)}end`
    const server = await startServer()
    server.add(new ServerPv("X:rec.DESC", { type: "string", value: text, maxLength: 100 }))
    server.add(new ServerPv("X:so", { type: "string", value: text, maxLength: 20 }))
    server.add(new ServerPv("X:num.DESC", { type: "double", value: 1 }))
    const client = await RawClient.connect(server.port)
    const plain = await client.create("X:rec.DESC")
    expect((await client.read(plain.sid, Dbr.STRING)).value).toBe("ä".repeat(19))
    const long = await client.create("X:rec.DESC$")
    expect(long).toMatchObject({ type: Dbr.CHAR, count: 100 })
    const { value } = await client.read(long.sid, Dbr.CHAR)
    expect(new TextDecoder().decode(value as Uint8Array)).toBe(`${text}\0`)
    for (const name of ["X:so.VAL$", "X:so.$"]) {
      const limited = await client.create(name)
      const bytes = (await client.read(limited.sid, dbrType(Dbr.CHAR, TIME))).value as Uint8Array
      expect(new TextDecoder().decode(bytes)).toBe(`${"ä".repeat(9)}\0`)
    }
    for (const name of ["X:num.DESC$", "X:so$"]) {
      client.writer.text(Command.CREATE_CHAN, 0, 0, 1, 13, name)
      client.flush()
      await client.take(Command.CREATE_CH_FAIL)
    }
  })

  test("DBR_CLASS_NAME tells the record type, DBR_STSACK_STRING value and alarm", async () => {
    const { client, sid } = await serve(
      new ServerPv("X:v", { type: "double", value: 2, recordType: "motor", severity: 1, status: 3 }),
    )
    expect(await client.read(sid, DBR_CLASS_NAME)).toMatchObject({ value: "motor", count: 1 })
    expect(await client.read(sid, DBR_STSACK_STRING)).toMatchObject({ value: "2", severity: 1, status: 3 })
  })

  test("a text that is no number fails with GETFAIL, and the circuit goes on", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "string", value: "abc" }))
    expect((await client.read(sid, Dbr.DOUBLE)).eca).toBe(Eca.GETFAIL)
    expect((await client.read(sid, Dbr.STRING)).value).toBe("abc")
  })

  test("a count that would exceed the limit fails with TOLARGE", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }), {
      limits: { payloadBytes: 1000 },
    })
    expect((await client.read(sid, Dbr.DOUBLE, 0xffffffff)).eca).toBe(Eca.TOLARGE)
    expect((await client.read(sid, Dbr.DOUBLE, 125)).eca).toBe(Eca.NORMAL)
    expect((await client.read(sid, Dbr.DOUBLE, 126)).eca).toBe(Eca.TOLARGE)
  })

  test("the obsolete READ carries the cid; its failure is an ERROR", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:v", { type: "string", value: "abc" }))
    const client = await RawClient.connect(server.port)
    const { sid, cid } = await client.create("X:v")
    client.send(Command.READ, Dbr.STRING, 1, sid, 8)
    const reply = await client.take(Command.READ)
    expect([reply.p1, reply.p2]).toEqual([cid, 8])
    client.send(Command.READ, Dbr.DOUBLE, 1, sid, 9)
    expect(await client.error()).toMatchObject({
      cid,
      status: Eca.GETFAIL,
      request: { command: Command.READ, p2: 9 },
    })
  })

  test("ten thousand pipelined reads keep order and count", async () => {
    const { client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    for (let ioid = 0; ioid < 10_000; ioid++)
      client.writer.begin(Command.READ_NOTIFY, 0, Dbr.DOUBLE, 1, sid, ioid)
    client.flush()
    const replies = await client.settle()
    expect(replies.map(m => m.p2)).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  })
})
