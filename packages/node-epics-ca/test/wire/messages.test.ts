import { describe, expect, test } from "vitest"
import * as w from "../../src/wire/index.ts"
import { everySplit, hex, only, parse, plain, toHex, written } from "./hex.ts"

interface Case {
  name: string
  bytes: string
  write: (writer: w.MessageWriter) => void
  read: (message: w.Message) => unknown
  value: unknown
}

// Bytes recorded from genuine EPICS base 7.0.8 (C client tools and IOC) where marked; otherwise built by hand.
const cases: Case[] = [
  {
    name: "VERSION of a client (recorded)",
    bytes: "00000000 0000000d 00000000 00000000",
    write: m => w.writeVersion(m),
    read: w.readVersion,
    value: { minor: 13, priority: 0, sequence: undefined },
  },
  {
    name: "VERSION with a priority",
    bytes: "00000000 0014000d 00000000 00000000",
    write: m => w.writeVersion(m, 20),
    read: m => w.readVersion(m).priority,
    value: 20,
  },
  {
    name: "VERSION of a datagram (recorded)",
    bytes: "00000000 0001000d 00000001 00000000",
    write: m => w.writeDatagramVersion(m, 1),
    read: w.readVersion,
    value: { minor: 13, priority: 1, sequence: 1 },
  },
  {
    name: "SEARCH (recorded)",
    bytes: "00060008 0005000d 00000001 00000001 743a6169 00000000",
    write: m => w.writeSearch(m, 1, "t:ai"),
    read: w.readSearch,
    value: { id: 1, name: "t:ai", minor: 13, replyAlways: false },
  },
  {
    name: "SEARCH that wants an answer in any case",
    bytes: "00060008 000a000d 00000000 00000000 743a6169 00000000",
    write: m => w.writeSearch(m, 0, "t:ai", true),
    read: w.readSearch,
    value: { id: 0, name: "t:ai", minor: 13, replyAlways: true },
  },
  {
    name: "SEARCH reply by UDP (recorded)",
    bytes: "00060008 61e80000 ffffffff 00000001 000d0000 00000000",
    write: m => w.writeSearchReply(m, 1, 25064),
    read: w.readSearchReply,
    value: { id: 1, port: 25064, host: undefined, minor: 13 },
  },
  {
    name: "SEARCH reply by TCP that names a server",
    bytes: "00060000 13c80000 0a0000fe 00000007",
    write: m => w.writeCircuitSearchReply(m, 7, 5064, "10.0.0.254"),
    read: w.readSearchReply,
    value: { id: 7, port: 5064, host: "10.0.0.254", minor: 0 },
  },
  {
    name: "NOT_FOUND",
    bytes: "000e0000 000a000d 00000009 00000009",
    write: m => w.writeNotFound(m, { id: 9, name: "x", minor: 13, replyAlways: true }),
    read: w.readNotFound,
    value: { id: 9 },
  },
  {
    name: "CLIENT_NAME (recorded)",
    bytes: "00140008 00000000 00000000 00000000 726f6f74 00000000",
    write: m => w.writeClientName(m, "root"),
    read: w.readIdentity,
    value: "root",
  },
  {
    name: "HOST_NAME (recorded)",
    bytes: "00150008 00000000 00000000 00000000 766d0000 00000000",
    write: m => w.writeHostName(m, "vm"),
    read: w.readIdentity,
    value: "vm",
  },
  {
    name: "CREATE_CHAN (recorded)",
    bytes: "00120008 00000000 00000001 0000000d 743a6169 00000000",
    write: m => w.writeCreateChannel(m, 1, "t:ai"),
    read: w.readCreateChannel,
    value: { cid: 1, minor: 13, name: "t:ai" },
  },
  {
    name: "CREATE_CHAN reply with sid 0 (recorded)",
    bytes: "00120000 00060001 00000001 00000000",
    write: m => w.writeChannelCreated(m, 1, 0, w.Dbr.DOUBLE, 1),
    read: w.readChannelCreated,
    value: { cid: 1, sid: 0, nativeType: 6, maxCount: 1 },
  },
  {
    name: "CREATE_CHAN reply of an array whose count needs an extended header",
    bytes: "0012ffff 00060000 00000001 00000002 00000000 000f4240",
    write: m => w.writeChannelCreated(m, 1, 2, w.Dbr.DOUBLE, 1_000_000),
    read: w.readChannelCreated,
    value: { cid: 1, sid: 2, nativeType: 6, maxCount: 1_000_000 },
  },
  {
    name: "ACCESS_RIGHTS (recorded)",
    bytes: "00160000 00000000 00000001 00000003",
    write: m => w.writeAccessRights(m, { cid: 1, read: true, write: true }),
    read: w.readAccessRights,
    value: { cid: 1, read: true, write: true },
  },
  {
    name: "CREATE_CH_FAIL (recorded)",
    bytes: "001a0000 00000000 00000009 00000000",
    write: m => w.writeCreateChannelFail(m, 9),
    read: w.readCid,
    value: 9,
  },
  {
    name: "SERVER_DISCONN",
    bytes: "001b0000 00000000 00000003 00000000",
    write: m => w.writeServerDisconnect(m, 3),
    read: w.readCid,
    value: 3,
  },
  {
    name: "CLEAR_CHANNEL",
    bytes: "000c0000 00000000 00000010 00000004",
    write: m => w.writeClearChannel(m, 16, 4),
    read: w.readClearChannel,
    value: { sid: 16, cid: 4 },
  },
  {
    name: "READ_NOTIFY (recorded)",
    bytes: "000f0000 00140001 00000000 00000001",
    write: m => w.writeRead(m, 20, 1, 0, 1),
    read: w.readDataRequest,
    value: { type: 20, count: 1, sid: 0, id: 1 },
  },
  {
    name: "READ_NOTIFY reply with a failure",
    bytes: "000f0000 00140001 00000170 00000001",
    write: m => w.writeReadError(m, 20, 1, w.Eca.NORDACCESS, 1),
    read: w.readDataReply,
    value: { type: 20, count: 1, status: 368, id: 1 },
  },
  {
    name: "READ",
    bytes: "00030000 00060001 00000002 00000005",
    write: m => w.writeOldRead(m, 6, 1, 2, 5),
    read: w.readDataRequest,
    value: { type: 6, count: 1, sid: 2, id: 5 },
  },
  {
    name: "READ reply",
    bytes: "00030008 00060001 00000001 00000005 40040000 00000000",
    write: m => w.writeOldReadReply(m, 6, 1, 1, 5, { value: 2.5 }),
    read: m => w.decodeDbr(m, true).value,
    value: 2.5,
  },
  {
    name: "WRITE of the string 3.25 (recorded)",
    bytes: "00040008 00000001 00000005 00000001 332e3235 00000000",
    write: m => w.writePut(m, false, w.Dbr.STRING, 1, 5, 1, "3.25"),
    read: m => w.decodeDbr(m, true).value,
    value: "3.25",
  },
  {
    name: "WRITE_NOTIFY of the string 4.25 (recorded)",
    bytes: "00130008 00000001 00000006 00000002 342e3235 00000000",
    write: m => w.writePut(m, true, w.Dbr.STRING, 1, 6, 2, "4.25"),
    read: w.readDataRequest,
    value: { type: 0, count: 1, sid: 6, id: 2 },
  },
  {
    name: "WRITE_NOTIFY of a double",
    bytes: "00130008 00060001 00000006 00000009 40040000 00000000",
    write: m => w.writePut(m, true, w.Dbr.DOUBLE, 1, 6, 9, 2.5),
    read: m => w.decodeDbr(m, true).value,
    value: 2.5,
  },
  {
    name: "WRITE_NOTIFY reply (recorded)",
    bytes: "00130000 00000001 00000001 00000002",
    write: m => w.writePutReply(m, 0, 1, w.Eca.NORMAL, 2),
    read: w.readDataReply,
    value: { type: 0, count: 1, status: 1, id: 2 },
  },
  {
    name: "EVENT_ADD (recorded)",
    bytes: "00010010 00140000 0000000b 00000001 00000000 00000000 00000000 00050000",
    write: m => w.writeSubscribe(m, 20, 0, 11, 1, w.EventMask.VALUE | w.EventMask.ALARM),
    read: m => ({ ...w.readDataRequest(m), mask: w.readMask(m) }),
    value: { type: 20, count: 0, sid: 11, id: 1, mask: 5 },
  },
  {
    name: "EVENT_CANCEL (recorded)",
    bytes: "00020000 00140000 00000010 00000005",
    write: m => w.writeUnsubscribe(m, 20, 0, 16, 5),
    read: w.readDataRequest,
    value: { type: 20, count: 0, sid: 16, id: 5 },
  },
  {
    name: "EVENT_CANCEL confirmed (recorded)",
    bytes: "00010000 00140000 00000010 00000005",
    write: m => w.writeCancelled(m, 20, 0, 16, 5),
    read: w.readDataRequest,
    value: { type: 20, count: 0, sid: 16, id: 5 },
  },
  {
    name: "update without a value",
    bytes: "00010000 00140001 00000170 00000005",
    write: m => w.writeUpdateError(m, 20, 1, w.Eca.NORDACCESS, 5),
    read: w.readDataReply,
    value: { type: 20, count: 1, status: 368, id: 5 },
  },
  {
    name: "EVENTS_OFF",
    bytes: "00080000 00000000 00000000 00000000",
    write: w.writeEventsOff,
    read: m => m.command,
    value: w.Command.EVENTS_OFF,
  },
  {
    name: "EVENTS_ON",
    bytes: "00090000 00000000 00000000 00000000",
    write: w.writeEventsOn,
    read: m => m.command,
    value: w.Command.EVENTS_ON,
  },
  {
    name: "ECHO",
    bytes: "00170000 00000000 00000000 00000000",
    write: w.writeEcho,
    read: m => m.command,
    value: w.Command.ECHO,
  },
  {
    name: "READ_SYNC",
    bytes: "000a0000 00000000 00000000 00000000",
    write: w.writeReadSync,
    read: m => m.command,
    value: w.Command.READ_SYNC,
  },
  {
    name: "ERROR for a write (recorded)",
    bytes: `000b0018 00000000 00000007 000000a0
            00040010 00000001 00000010 000000ca  ; the failing WRITE
            743a6169 00000000`,
    write: m =>
      w.writeError(m, {
        cid: 7,
        status: w.Eca.PUTFAIL,
        request: { command: 4, size: 16, type: 0, count: 1, p1: 16, p2: 0xca },
        text: "t:ai",
      }),
    read: w.readError,
    value: {
      cid: 7,
      status: 160,
      request: { command: 4, size: 16, type: 0, count: 1, p1: 16, p2: 0xca },
      text: "t:ai",
    },
  },
  {
    name: "ERROR whose failing header is extended and that belongs to no channel",
    bytes: `000b0020 00000000 ffffffff 00000048
            0004ffff 00060000 00000010 000000ca 007a1200 000f4240
            62696700 00000000`,
    write: m =>
      w.writeError(m, {
        cid: undefined,
        status: w.Eca.TOLARGE,
        request: { command: 4, size: 8_000_000, type: 6, count: 1_000_000, p1: 16, p2: 0xca },
        text: "big",
      }),
    read: w.readError,
    value: {
      cid: undefined,
      status: 72,
      request: { command: 4, size: 8_000_000, type: 6, count: 1_000_000, p1: 16, p2: 0xca },
      text: "big",
    },
  },
  {
    name: "beacon (recorded)",
    bytes: "000d0000 000d61e8 00000001 00000000",
    write: m => w.writeBeacon(m, 25064, 1),
    read: w.readBeacon,
    value: { port: 25064, counter: 1, host: undefined, minor: 13 },
  },
  {
    name: "REPEATER_REGISTER",
    bytes: "00180000 00000000 00000000 7f000001",
    write: m => w.writeRepeaterRegister(m, "127.0.0.1"),
    read: w.readRepeaterAddress,
    value: "127.0.0.1",
  },
  {
    name: "REPEATER_CONFIRM",
    bytes: "00110000 00000000 00000000 7f000001",
    write: m => w.writeRepeaterConfirm(m, "127.0.0.1"),
    read: w.readRepeaterAddress,
    value: "127.0.0.1",
  },
]

describe("every message", () => {
  test.each(cases)("$name: written", ({ bytes, write }) => {
    expect(toHex(written(write))).toBe(toHex(hex(bytes)))
  })

  test.each(cases)("$name: read", ({ bytes, read, value }) => {
    expect(only(hex(bytes), read)).toEqual(value)
  })

  test("reads the same from any cutting of the stream", () => {
    const stream = hex(cases.map(({ bytes }) => bytes).join("\n"))
    const whole = parse([stream], plain)
    expect(whole).toHaveLength(cases.length)
    for (const chunks of everySplit(stream)) expect(parse(chunks, plain)).toEqual(whole)
  })
})

test("an echo is sent back as it came, payload included", () => {
  const bytes = hex("00170008 00010002 00000003 00000004 01020304 05060708")
  const [back] = parse([bytes], message => written(writer => w.writeEchoReply(writer, message)))
  expect(back).toEqual(bytes)
})

test("stale bytes behind an error's text are not shown", () => {
  const bytes = hex(
    "000b0018 00000000 00000007 000000a0 00040010 00000001 00000010 000000ca 6f6b0045 45454545",
  )
  expect(only(bytes, w.readError).text).toBe("ok")
})

test("an error too short to hold a header is still an error", () => {
  const failure = only(hex("000b0008 00000000 00000007 000000a0 00040010 00000001"), w.readError)
  expect(failure).toEqual({ cid: 7, status: 160, request: undefined, text: "" })
})

test("an IPv4 address survives, anything else is 0", () => {
  for (const address of ["0.0.0.0", "127.0.0.1", "255.255.255.254", "192.168.1.9"]) {
    expect(w.numberToIpv4(w.ipv4ToNumber(address))).toBe(address)
  }
  for (const text of ["", "1.2.3", "1.2.3.256", "host", "1.2.3.4.5"]) expect(w.ipv4ToNumber(text)).toBe(0)
})
