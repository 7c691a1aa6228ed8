import { describe, expect, it } from "vitest"
import type { StructureType } from "../../src/values/field-type.ts"
import { layoutOf } from "../../src/values/layout.ts"
import { plain } from "../../src/values/plain.ts"
import { nodeOf, slotsOf } from "../../src/values/structure.ts"
import * as channel from "../../src/wire/channel.ts"
import { Command } from "../../src/wire/codes.ts"
import { writeType } from "../../src/wire/field-desc.ts"
import { pvRequest } from "../../src/wire/pv-request.ts"
import { Reader } from "../../src/wire/reader.ts"
import * as search from "../../src/wire/search.ts"
import { ok } from "../../src/wire/status.ts"
import * as validation from "../../src/wire/validation.ts"
import type { Writer } from "../../src/wire/writer.ts"
import { hex, toHex, written } from "../support/hex.ts"

const guid = "000102030405060708090a0b"

interface Case {
  readonly name: string
  readonly bytes: string
  readonly value: unknown
  readonly write: (writer: Writer) => void
  readonly read: (reader: Reader) => unknown
}

const ask: search.Search = {
  sequence: 1,
  replyRequired: false,
  unicast: true,
  replyAddress: "",
  replyPort: 0x2de4,
  protocols: ["tcp"],
  channels: [{ id: 0x10203041, name: "t:ai" }],
}
const answer: search.SearchResponse = {
  guid,
  sequence: 1,
  address: "127.0.0.1",
  port: 25075,
  protocol: "tcp",
  found: true,
  ids: [0x10203041],
}
const beacon: search.Beacon = { guid, sequence: 1, changeCount: 2, address: "", port: 25075, protocol: "tcp" }
const hello: validation.ServerHello = { receiveBuffer: 65536, methods: ["anonymous", "ca"] }
const who: validation.ClientHello = {
  receiveBuffer: 0x3c1e00,
  method: "ca",
  account: { user: "root", host: "vm" },
}
const nobody: validation.ClientHello = { receiveBuffer: 0, method: "anonymous", account: null }

const cases: readonly Case[] = [
  {
    name: "SEARCH from pvxs, big-endian",
    bytes:
      'ca 02 80 03 0000002a | 00000001 80 000000 | 00000000 00000000 00000000 00000000 | 2de4 | 01 03 "tcp" | 0001 10203041 04 "t:ai"',
    value: ask,
    write: w => search.writeSearch(w, ask),
    read: search.readSearch,
  },
  {
    name: "SEARCH that was passed on, with the sender's address",
    bytes:
      'ca 02 80 03 0000002a 66696e64 00 000000 00000000 00000000 0000ffff 7f000001 ab44 01 03 "tcp" 0001 12345678 04 "t:ai"',
    value: {
      ...ask,
      sequence: 0x66696e64,
      unicast: false,
      replyAddress: "127.0.0.1",
      replyPort: 0xab44,
      channels: [{ id: 0x12345678, name: "t:ai" }],
    },
    write: w =>
      search.writeSearch(w, {
        ...ask,
        sequence: 0x66696e64,
        unicast: false,
        replyAddress: "127.0.0.1",
        replyPort: 0xab44,
        channels: [{ id: 0x12345678, name: "t:ai" }],
      }),
    read: search.readSearch,
  },
  {
    name: "who is there",
    bytes:
      "ca 02 80 03 0000001d | 66696e64 81 000000 | 00000000 00000000 00000000 00000000 | da70 | 00 | 0000",
    value: {
      ...ask,
      sequence: 0x66696e64,
      replyRequired: true,
      replyPort: 0xda70,
      protocols: [],
      channels: [],
    },
    write: w =>
      search.writeSearch(w, {
        ...ask,
        sequence: 0x66696e64,
        replyRequired: true,
        replyPort: 0xda70,
        protocols: [],
        channels: [],
      }),
    read: search.readSearch,
  },
  {
    name: "SEARCH_RESPONSE from pvAccessCPP, little-endian",
    bytes: `ca 02 40 04 2d000000 ${guid} 01000000 00000000 00000000 0000ffff 7f000001 f361 03 "tcp" 01 0100 41302010`,
    value: answer,
    write: w => search.writeSearchResponse(w, answer),
    read: search.readSearchResponse,
  },
  {
    name: "BEACON",
    bytes: `ca 02 c0 00 00000027 | ${guid} | 00 01 0002 | 00000000 00000000 0000ffff 00000000 | 61f3 | 03 "tcp" | ff`,
    value: beacon,
    write: w => search.writeBeacon(w, beacon),
    read: search.readBeacon,
  },
  {
    name: "CONNECTION_VALIDATION of a server",
    bytes: 'ca 02 40 01 14000000  00000100 ff7f 02 09 "anonymous" 02 "ca"',
    value: hello,
    write: w => validation.writeServerHello(w, hello),
    read: validation.readServerHello,
  },
  {
    name: "CONNECTION_VALIDATION of a client without an account",
    bytes: 'ca 02 00 01 13000000 00000000 ff7f 0000 09 "anonymous" ff',
    value: nobody,
    write: w => validation.writeClientHello(w, nobody),
    read: validation.readClientHello,
  },
  {
    name: "CREATE_CHANNEL",
    bytes: 'ca 02 00 07 0b000000 0100 78563412 04 "t:ai"',
    value: [{ cid: 0x12345678, name: "t:ai" }],
    write: w => channel.writeCreateChannel(w, 0x12345678, "t:ai"),
    read: channel.readCreateChannels,
  },
  {
    name: "the answer to CREATE_CHANNEL",
    bytes: "ca 02 40 07 09000000 78563412 01030507 ff",
    value: { cid: 0x12345678, sid: 0x07050301, status: ok },
    write: w => channel.writeChannelCreated(w, { cid: 0x12345678, sid: 0x07050301, status: ok }),
    read: channel.readChannelCreated,
  },
  {
    name: "DESTROY_CHANNEL",
    bytes: "ca 02 00 08 08000000 01030507 78563412",
    value: { sid: 0x07050301, cid: 0x12345678 },
    write: w => channel.writeDestroyChannel(w, 0x07050301, 0x12345678),
    read: channel.readDestroyChannel,
  },
]

const flags = (bytes: string): { little: boolean; fromServer: boolean } => {
  const flag = hex(bytes)[2] ?? 0
  return { little: (flag & 0x80) === 0, fromServer: (flag & 0x40) !== 0 }
}

const read = ({ bytes, read: decode }: Case): unknown => {
  const reader = new Reader(hex(bytes), flags(bytes).little)
  reader.pos = 8
  return decode(reader)
}

describe("messages", () => {
  it.each(cases)("$name reads", c => {
    expect(read(c)).toEqual(c.value)
  })

  it.each(cases)("$name writes the same bytes", ({ bytes, write }) => {
    expect(written(write, flags(bytes))).toBe(toHex(hex(bytes)))
  })

  it.each(cases)("$name cut short is a named error", c => {
    const whole = hex(c.bytes)
    for (let n = 8; n < whole.length - (c.name.includes("client") || c.name === "BEACON" ? 1 : 0); n++) {
      const reader = new Reader(whole.slice(0, n), flags(c.bytes).little)
      reader.pos = 8
      expect(() => c.read(reader)).toThrow(/too early|claims/)
    }
  })

  it("reads the credentials pvAccessCPP sends with type ids, and empty ones", () => {
    const bytes = `001e3c00 ff7f 0000 02 "ca" fd 0100 80 00 02 04 "user" 60 04 "host" 60 04 "root" 02 "vm"`
    expect(validation.readClientHello(new Reader(hex(bytes)))).toEqual(who)
    const empty = `00000000 ff7f 0000 02 "ca" 80 00 02 04 "user" 60 04 "host" 60 00 00`
    expect(validation.readClientHello(new Reader(hex(empty))).account).toEqual({ user: "", host: "" })
    const reader = new Reader(hex(written(w => validation.writeClientHello(w, who)).slice(16)))
    expect(validation.readClientHello(reader)).toEqual(who)
  })

  it("ends a request, and tags where a search came from", () => {
    expect(written(w => channel.writeRequestControl(w, Command.destroyRequest, 0x07050301, 0x10002000))).toBe(
      toHex(hex("ca 02 00 0f 08000000  01030507 00200010")),
    )
    expect(written(w => search.writeOriginTag(w, "127.0.0.1"), { little: false })).toBe(
      toHex(hex("ca 02 80 16 00000010 00000000 00000000 0000ffff 7f000001")),
    )
  })

  it.each(["127.0.0.1", "::1", "fe80:0:0:0:1:2:3:4", "ff02:0:0:0:0:0:42:1"])(
    "carries the address %s",
    address => {
      const bytes = written(w => search.writeOriginTag(w, address))
      const reader = new Reader(hex(bytes))
      reader.pos = 8 - 12 - 4 + 8
      const response = search.readSearchResponse(
        new Reader(hex(`${guid} 00000000 ${bytes.slice(16)} 0000 00 00 0000`)),
      )
      expect(response.address).toBe(address)
    },
  )
})

describe("pvRequest text", () => {
  const encoded = (text: string | Parameters<typeof pvRequest>[0]): string => {
    const value = pvRequest(text)
    const type = nodeOf(value).type as StructureType
    return written(w => {
      writeType(w, type)
      layoutOf(type).encodeWhole(w, slotsOf(value))
    })
  }

  it("asks for everything with an empty field structure, never with null", () => {
    for (const text of ["", "field()", " field ( ) "])
      expect(encoded(text)).toBe(toHex(hex('80 00 01 05 "field" 80 00 00')))
  })

  it("encodes the reference example", () => {
    const bytes = hex(`80 00 02
       05 "field" 80 00 03  05 "value" 80 00 00  05 "alarm" 80 00 00  09 "timeStamp" 80 00 00
       06 "record" 80 00 01 08 "_options" 80 00 02 07 "process" 60 05 "block" 60
       04 "true" 04 "true"`)
    expect(bytes).toHaveLength(91)
    expect(encoded("field(value,alarm,timeStamp)record[process=true,block=true]")).toBe(toHex(bytes))
    expect(
      encoded({ fields: ["value", "alarm", "timeStamp"], options: { process: true, block: true } }),
    ).toBe(toHex(bytes))
  })

  it.each([
    ["value,alarm.severity", { field: { value: {}, alarm: { severity: {} } } }],
    ["field(alarm{severity,status},value)", { field: { alarm: { severity: {}, status: {} }, value: {} } }],
    ["field(value[op=x,n=2])", { field: { value: { _options: { op: "x", n: "2" } } } }],
    ["record[queueSize=4]field(value)", { field: { value: {} }, record: { _options: { queueSize: "4" } } }],
    ["record[DBE=5,n=5]", { field: {}, record: { _options: { DBE: 5, n: "5" } } }],
    ["record[ ackAny = 50% ]", { field: {}, record: { _options: { ackAny: "50%" } } }],
  ])("%s", (text, value) => {
    expect(plain(pvRequest(text))).toEqual(value)
  })

  it.each([
    ["field(value", /expected "\)" at its end/],
    ["field(va lue)", /expected "\)" at "lue\)"/],
    ["record[x]", /expected "name=value"/],
    ["field(value) nonsense", /expected "field\(" or "record\["/],
    ["value) x", /nothing may follow/],
    ["field(.value)", /is not a field name/],
    ["(((", /expected a field name/],
  ])("%s is refused with the place", (text, message) => {
    expect(() => pvRequest(text)).toThrow(message)
  })
})
