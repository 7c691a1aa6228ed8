import { afterEach, describe, expect, test, vi } from "vitest"
import { ServerPv } from "../../src/index.ts"
import { Command, EventMask } from "../../src/wire/constants.ts"
import { decodeDbr } from "../../src/wire/dbr-decode.ts"
import { Dbr, DbrFamily, dbrType } from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { writeEventsOff, writeEventsOn, writeUnsubscribe } from "../../src/wire/messages/event.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

const { VALUE, LOG, ALARM, PROPERTY } = EventMask
const TIME_DOUBLE = dbrType(Dbr.DOUBLE, DbrFamily.TIME)

async function serve<P extends ServerPv>(
  pv: P,
): Promise<{ pv: P; client: RawClient; sid: number; cid: number; port: number }> {
  const server = await startServer()
  server.add(pv)
  const client = await RawClient.connect(server.port)
  return { pv, client, port: server.port, ...(await client.create(pv.name)) }
}

/** Values of all updates that have come, by subscription. */
async function updates(client: RawClient): Promise<[subid: number, value: unknown][]> {
  return (await client.settle()).map(message => {
    expect(message.command).toBe(Command.EVENT_ADD)
    const { value } = decodeDbr(message, true)
    return [message.p2, ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value]
  })
}

describe("a subscription", () => {
  test("gets the present value at once, then every post", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    client.subscribe(sid, TIME_DOUBLE, VALUE | ALARM, 5)
    expect(await client.update()).toMatchObject({ subid: 5, eca: Eca.NORMAL, value: 1 })
    pv.post(2)
    pv.post(2)
    pv.post(3)
    expect(await updates(client)).toEqual([
      [5, 2],
      [5, 2],
      [5, 3],
    ])
  })

  test("with count 0 follows the length; with a fixed count it is filled up with zeros", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "double", value: [1, 2], maxCount: 4 }),
    )
    client.subscribe(sid, TIME_DOUBLE, VALUE, 1, 0)
    client.subscribe(sid, TIME_DOUBLE, VALUE, 2, 3)
    expect(await updates(client)).toEqual([
      [1, [1, 2]],
      [2, [1, 2, 0]],
    ])
    pv.post([])
    pv.post([7, 8, 9, 10])
    const seen = await updates(client)
    expect(seen.filter(([subid]) => subid === 1)).toEqual([
      [1, []],
      [1, [7, 8, 9, 10]],
    ])
    expect(seen.filter(([subid]) => subid === 2)).toEqual([
      [2, [0, 0, 0]],
      [2, [7, 8, 9]],
    ])
  })

  test("is confirmed when cancelled: EVENT_ADD without payload, p1 the sid; then it is silent", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    client.subscribe(sid, TIME_DOUBLE, VALUE, 5)
    await client.update()
    writeUnsubscribe(client.writer, TIME_DOUBLE, 0, sid, 5)
    client.flush()
    const confirmed = await client.take(Command.EVENT_ADD)
    expect([confirmed.dataType, confirmed.count, confirmed.size, confirmed.p1, confirmed.p2]).toEqual([
      TIME_DOUBLE,
      0,
      0,
      sid,
      5,
    ])
    pv.post(2)
    expect(await updates(client)).toEqual([])
  })

  test("converts: an enum to its text, a string subscription to a number's text", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "enum", value: 0, enumStrings: ["Off", "On"] }),
    )
    client.subscribe(sid, Dbr.STRING, VALUE, 1)
    client.subscribe(sid, Dbr.DOUBLE, VALUE, 2)
    await updates(client)
    pv.post("On")
    expect(await updates(client)).toEqual([
      [1, "On"],
      [2, 1],
    ])
  })

  test("hears what its mask names", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "double", value: 0, deadband: { value: 1, log: 10 } }),
    )
    for (const mask of [VALUE, LOG, ALARM, PROPERTY, VALUE | LOG])
      client.subscribe(sid, dbrType(Dbr.DOUBLE, DbrFamily.CTRL), mask, mask)
    await updates(client)
    const heard = async (change: () => void): Promise<number[]> => {
      change()
      return (await updates(client)).map(([subid]) => subid).toSorted((a, b) => a - b)
    }
    expect(await heard(() => pv.post(1))).toEqual([])
    expect(await heard(() => pv.post(1.5))).toEqual([VALUE, VALUE | LOG])
    expect(await heard(() => pv.post(11.5))).toEqual([VALUE, LOG, VALUE | LOG])
    expect(await heard(() => pv.post(Number.NaN))).toEqual([VALUE, LOG, VALUE | LOG])
    expect(await heard(() => pv.post(Number.NaN))).toEqual([])
    expect(await heard(() => pv.postAlarm({ severity: 2, status: 3 }))).toEqual([ALARM])
    expect(await heard(() => pv.postAlarm({ severity: 2, status: 3 }))).toEqual([])
    expect(await heard(() => pv.describe({ units: "mm" }))).toEqual([PROPERTY])
  })

  test("is told new metadata with the PROPERTY event", async () => {
    const { pv, client, sid } = await serve(
      new ServerPv("X:v", { type: "enum", value: 0, enumStrings: ["a", "b"] }),
    )
    client.subscribe(sid, dbrType(Dbr.ENUM, DbrFamily.CTRL), PROPERTY, 1)
    await client.take(Command.EVENT_ADD)
    pv.describe({ enumStrings: ["x", "y", "z"] })
    const update = await client.take(Command.EVENT_ADD)
    expect(decodeDbr(update, true).metadata).toEqual({ enumStrings: ["x", "y", "z"] })
  })

  test("after EVENTS_OFF only the newest value is kept, and sent after EVENTS_ON; requests go on meanwhile", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 0 }))
    client.subscribe(sid, TIME_DOUBLE, VALUE, 1)
    client.subscribe(sid, Dbr.DOUBLE, VALUE, 2)
    await updates(client)
    writeEventsOff(client.writer)
    client.flush()
    await client.settle()
    for (let i = 1; i <= 1000; i++) pv.post(i)
    expect((await client.read(sid, Dbr.DOUBLE)).value).toBe(1000)
    expect(await updates(client)).toEqual([])
    writeEventsOn(client.writer)
    client.flush()
    expect(await updates(client)).toEqual([
      [1, 1000],
      [2, 1000],
    ])
    pv.post(1001)
    expect(await updates(client)).toEqual([
      [1, 1001],
      [2, 1001],
    ])
  })

  test("loses its value with the read access, and gets the present one back with it", async () => {
    const { pv, client, sid, cid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    client.subscribe(sid, TIME_DOUBLE, VALUE, 5)
    await client.update()
    pv.setAccess("none")
    expect(await client.take(Command.ACCESS_RIGHTS)).toMatchObject({ p1: cid, p2: 0 })
    // A payload must be there: without one the message would confirm a cancel.
    expect(await client.take(Command.EVENT_ADD)).toMatchObject({ p1: Eca.NORDACCESS, p2: 5, size: 24 })
    pv.post(2)
    expect(await client.settle()).toEqual([])
    pv.setAccess("read")
    await client.take(Command.ACCESS_RIGHTS)
    expect(await client.update()).toMatchObject({ value: 2, eca: Eca.NORMAL })
  })

  test("of a text that is no number gives GETFAIL until it is one", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "string", value: "abc" }))
    client.subscribe(sid, TIME_DOUBLE, VALUE, 5)
    expect(await client.take(Command.EVENT_ADD)).toMatchObject({ p1: Eca.GETFAIL, size: 24 })
    pv.post("4.5")
    expect(await client.update()).toMatchObject({ value: 4.5, eca: Eca.NORMAL })
  })

  test("with the id of an earlier one on the same channel replaces it", async () => {
    const { pv, client, sid } = await serve(new ServerPv("X:v", { type: "double", value: 1 }))
    client.subscribe(sid, TIME_DOUBLE, VALUE, 5)
    client.subscribe(sid, Dbr.STRING, VALUE, 5)
    await client.settle()
    pv.post(2)
    expect(await updates(client)).toEqual([[5, "2"]])
  })

  test("of many clients: each gets every update", async () => {
    const { pv, port } = await serve(new ServerPv("X:v", { type: "double", value: 0 }))
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(port)))
    for (const [i, client] of clients.entries()) {
      const { sid } = await client.create("X:v")
      client.subscribe(sid, i % 2 === 0 ? TIME_DOUBLE : dbrType(Dbr.STRING, DbrFamily.STS), VALUE, i)
    }
    await Promise.all(clients.map(client => client.settle()))
    for (let n = 1; n <= 20; n++) pv.post(n)
    for (const [i, client] of clients.entries()) {
      const expected = Array.from({ length: 20 }, (_, n) => [i, i % 2 === 0 ? n + 1 : String(n + 1)])
      expect(await updates(client)).toEqual(expected)
    }
  })
})
