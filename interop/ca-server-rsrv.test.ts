/**
 * The same bytes sent to EPICS base's own server and to ours: what comes back must mean the same. The PVs of ours
 * are described like the records of the other.
 */
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { CaServer, type PvType, ServerPv } from "node-epics-ca"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { Command } from "../packages/node-epics-ca/src/wire/constants.ts"
import { decodeDbr } from "../packages/node-epics-ca/src/wire/dbr-decode.ts"
import { Dbr, DbrFamily, dbrName, familyOf } from "../packages/node-epics-ca/src/wire/dbr-types.ts"
import type { Message } from "../packages/node-epics-ca/src/wire/message.ts"
import { writeSubscribe, writeUnsubscribe } from "../packages/node-epics-ca/src/wire/messages/event.ts"
import { writePut } from "../packages/node-epics-ca/src/wire/messages/write.ts"
import { RawClient } from "../packages/node-epics-ca/test/server/raw-client.ts"
import { peers } from "./peers.ts"

const waveform = (name: string, type: string): string =>
  `record(waveform, "${name}") { field(FTVL, "${type}") field(NELM, "5") }\n`

const database = `
record(ao, "double") { field(PREC, "3") field(EGU, "mm") field(HOPR, "10") field(LOPR, "-10") field(HIHI, "1e302") field(HIGH, "1e301") field(HHSV, "MAJOR") field(HSV, "MINOR") }
record(longout, "long") { field(EGU, "counts") field(HOPR, "100") field(LOPR, "-100") }
record(stringout, "string") {}
record(mbbo, "enum") { field(ZRST, "zero") field(ONST, "one") field(TWST, "7") field(THST, "three") }
${waveform("doubles", "DOUBLE")}${waveform("floats", "FLOAT")}${waveform("longs", "LONG")}${waveform("shorts", "SHORT")}
${waveform("chars", "UCHAR")}${waveform("strings", "STRING")}
`

const served: [name: string, type: PvType, recordType: string, options: object][] = [
  [
    "double",
    "double",
    "ao",
    {
      precision: 3,
      units: "mm",
      limits: {
        display: [-10, 10],
        control: [0, 0],
        alarm: [Number.NaN, 1e302],
        warning: [Number.NaN, 1e301],
      },
    },
  ],
  ["long", "long", "longout", { units: "counts", limits: { display: [-100, 100] } }],
  ["string", "string", "stringout", {}],
  ["enum", "enum", "mbbo", { enumStrings: ["zero", "one", "7", "three"] }],
  ["doubles", "double", "waveform", { maxCount: 5 }],
  ["floats", "float", "waveform", { maxCount: 5 }],
  ["longs", "long", "waveform", { maxCount: 5 }],
  ["shorts", "short", "waveform", { maxCount: 5 }],
  ["chars", "char", "waveform", { maxCount: 5 }],
  ["strings", "string", "waveform", { maxCount: 5 }],
]

/** Values that both servers hold while they are read in every way. */
const held: [name: string, type: number, values: (number | string)[][]][] = [
  ["double", Dbr.DOUBLE, [[1.5], [-0.0005], [123456.789], [1e300], [Number.NEGATIVE_INFINITY], [1.1e16]]],
  ["long", Dbr.LONG, [[7], [-70000], [2147483647]]],
  ["string", Dbr.STRING, [["hello"], ["12.5"], [""], ["0x1f and more"], ["x".repeat(39)]]],
  ["enum", Dbr.ENUM, [[0], [2], [3]]],
  ["doubles", Dbr.DOUBLE, [[], [1.5], [1, -2, 1e10, Number.NaN]]],
  ["floats", Dbr.FLOAT, [[0.1, 1e30, -2.5, 15000000, 1e8]]],
  ["longs", Dbr.LONG, [[1, -1, 70000]]],
  ["shorts", Dbr.SHORT, [[], [-1, 300]]],
  [
    "chars",
    Dbr.CHAR,
    [
      [72, 105, 0],
      [255, 128],
    ],
  ],
  [
    "strings",
    Dbr.STRING,
    [
      ["1", "two", "-3.5"],
      ["4", "5"],
    ],
  ],
]

const families = Array.from({ length: 35 }, (_, type) => type)
/** Base fills up STSACK_STRING and CLASS_NAME with whatever was in its memory, so these are compared one at a time. */
const types = (count: number): number[] => (count === 1 ? [...families, 37, 38] : families)

/** What a reply means: all but time stamps and the bytes that nobody defines. */
function meaning(message: Message): unknown {
  const { command, dataType, count, p1, size } = message
  const kind = { command, type: dbrName(dataType), count, size }
  // Base sends an update that failed without payload, which libca takes for the confirmation of a cancel.
  if (command === Command.EVENT_ADD && (size === 0 || p1 !== 1))
    return { command, type: kind.type, value: "none" }
  // What accompanies an error is not defined.
  if (p1 !== 1) return { command, type: kind.type, eca: p1 }
  const { value, status, severity, metadata } = decodeDbr(message, false)
  return {
    ...kind,
    value,
    status,
    severity,
    metadata: familyOf(dataType) >= DbrFamily.GR ? metadata : undefined,
  }
}

describe.skipIf(!peers().softIoc)("the server beside EPICS base's own", () => {
  let ioc: SoftIoc
  let server: CaServer
  let theirs: RawClient
  let ours: RawClient
  const sids = new Map<string, [theirs: number, ours: number]>()

  beforeAll(async () => {
    ioc = await startSoftIoc({ text: database })
    server = await CaServer.listen()
    for (const [name, type, recordType, options] of served) {
      const scalar = type === "string" ? "" : 0
      server.add(
        new ServerPv(name, {
          type,
          recordType,
          value: recordType === "waveform" ? ([] as number[]) : scalar,
          ...options,
        }),
      )
    }
    theirs = await RawClient.connect(ioc.ports.ca)
    ours = await RawClient.connect(server.port)
    for (const [name] of served) {
      const [a, b] = [await theirs.create(name), await ours.create(name)]
      expect({ ...b, sid: 0, cid: 0 }).toEqual({ ...a, sid: 0, cid: 0 })
      sids.set(name, [a.sid, b.sid])
    }
  })
  afterAll(async () => {
    await theirs?.close()
    await ours?.close()
    await server?.close()
    await ioc?.[Symbol.asyncDispose]()
  })

  /** Lets both servers answer the same requests, which make so many replies. */
  async function both(
    name: string,
    count: number,
    ask: (client: RawClient, sid: number) => void,
  ): Promise<{ theirs: Message[]; ours: Message[] }> {
    const [a, b] = sids.get(name)!
    ask(theirs, a)
    theirs.flush()
    ask(ours, b)
    ours.flush()
    return { theirs: await theirs.collect(count), ours: await ours.collect(count) }
  }

  beforeEach(() => {
    for (const client of [theirs, ours]) client.inbox.length = 0
  })

  const hold = async (name: string, type: number, value: (number | string)[]): Promise<void> => {
    const replies = await both(name, 1, (client, sid) => {
      writePut(client.writer, true, type, value.length, sid, 1, value as number[])
    })
    for (const reply of [...replies.theirs, ...replies.ours])
      expect([reply.command, reply.p1]).toEqual([Command.WRITE_NOTIFY, 1])
  }

  test.each(held)("answers every read of %s alike", async (name, type, values) => {
    for (const value of values) {
      await hold(name, type, value)
      for (const count of [0, 1, 2, 5]) {
        const readable = types(count)
        const replies = await both(name, readable.length, (client, sid) => {
          for (const as of readable) client.writer.begin(Command.READ_NOTIFY, 0, as, count, sid, as)
        })
        expect(replies.ours.map(m => m.p2)).toEqual(readable)
        for (const [i, as] of readable.entries()) {
          expect(meaning(replies.ours[i]!), `${value} as ${dbrName(as)}, count ${count}`).toEqual(
            meaning(replies.theirs[i]!),
          )
        }
      }
    }
  })

  test.each(held)("answers subscriptions to %s alike, and their cancelling", async (name, type, values) => {
    await hold(name, type, values.at(-1)!)
    for (const count of [0, 1, 4]) {
      const added = await both(name, families.length, (client, sid) => {
        for (const as of families) writeSubscribe(client.writer, as, count, sid, as, 5)
      })
      const byId = (messages: Message[]) =>
        messages.toSorted((a, b) => a.p2 - b.p2).map(m => [m.p2, meaning(m)])
      expect(byId(added.ours)).toEqual(byId(added.theirs))
      const cancelled = await both(name, families.length, (client, sid) => {
        for (const as of families) writeUnsubscribe(client.writer, as, count, sid, as)
      })
      expect(cancelled.ours.map(m => [m.command, m.dataType, m.count, m.size, m.p2])).toEqual(
        cancelled.theirs.map(m => [m.command, m.dataType, m.count, m.size, m.p2]),
      )
    }
  })

  const texts = [
    "",
    "12",
    "12.7",
    "-3",
    "abc",
    "1e2",
    "0x1f",
    "  5 ",
    "5 x",
    "nan",
    "inf",
    "99999999999",
    "70000",
    "300",
    "one",
    "7",
    "2",
    "3",
    "1.5e400",
    "010",
    "+4",
  ]
  const numbers = [0, 1.5, -1, 3, 1e-40, 1e10, 70000, 200, Number.NaN]
  /**
   * Where the servers differ on purpose. Base's mbbo takes numbers beyond its states, and an empty text for the first of
   * its states without a name; ours refuses both, as base's menu fields do. Base writes numbers into string arrays without
   * digits after the point, into single strings with six; ours with six into both.
   */
  const differs = (name: string, type: number, value: number | string): boolean =>
    (name === "enum" && (typeof value === "number" ? !(value >= 0 && value < 4) : value === "")) ||
    (name === "strings" && (type === Dbr.DOUBLE || type === Dbr.FLOAT))

  test.each(served.map(([name]) => name))("takes and refuses the same writes to %s", async name => {
    const isText = name === "string"
    const writes: [type: number, value: number | string][] = [
      ...texts.map((text): [number, string] => [Dbr.STRING, text]),
      ...[Dbr.SHORT, Dbr.FLOAT, Dbr.CHAR, Dbr.LONG, Dbr.DOUBLE].flatMap(type =>
        numbers.map((n): [number, number] => [type, n]),
      ),
    ]
    for (const [type, value] of writes) {
      if (differs(name, type, value)) continue
      const replies = await both(name, 2, (client, sid) => {
        writePut(client.writer, true, type, 1, sid, 1, value)
        client.writer.begin(
          Command.READ_NOTIFY,
          0,
          isText || name === "strings" ? Dbr.STRING : Dbr.DOUBLE,
          0,
          sid,
          2,
        )
      })
      const seen = (messages: Message[]): unknown => {
        const reply = messages.find(m => m.command === Command.WRITE_NOTIFY)!
        const reading = messages.find(m => m.command === Command.READ_NOTIFY)!
        return [reply.p1, decodeDbr(reading, false).value]
      }
      expect(seen(replies.ours), `${dbrName(type)} ${value}`).toEqual(seen(replies.theirs))
    }
  })

  test("reports the same failed WRITE", async () => {
    const replies = await both("double", 1, (client, sid) => {
      writePut(client.writer, false, Dbr.STRING, 1, sid, 0xca, "abc")
    })
    const fields = (message: Message): unknown => [
      message.command,
      message.p2,
      [...message.payload.subarray(0, 8)],
      message.view.getUint32(12),
    ]
    expect(replies.ours.map(fields)).toEqual(replies.theirs.map(fields))
  })
})
