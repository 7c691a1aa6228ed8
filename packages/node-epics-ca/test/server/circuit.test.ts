import { afterEach, describe, expect, test, vi } from "vitest"
import { ServerPv } from "../../src/index.ts"
import { Command } from "../../src/wire/constants.ts"
import { Dbr } from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { writeClearChannel, writeCreateChannel } from "../../src/wire/messages/channel.ts"
import { writeClientName, writeHostName } from "../../src/wire/messages/identity.ts"
import { writeSearch } from "../../src/wire/messages/search.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

describe("a circuit", () => {
  test("begins with the server's VERSION, before the client has said anything", async () => {
    const server = await startServer()
    const client = await RawClient.connect(server.port, { greet: false })
    const version = await client.take(Command.VERSION)
    expect([version.dataType, version.count, version.size]).toEqual([0, 13, 0])
  })

  test("creates a channel with ACCESS_RIGHTS first; the first sid is 0 and valid", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: [1, 2], maxCount: 8 }))
    const client = await RawClient.connect(server.port)
    // create() itself expects ACCESS_RIGHTS, then CREATE_CHAN.
    expect(await client.create("X:a")).toMatchObject({ sid: 0, type: Dbr.LONG, count: 8, rights: 3 })
    expect((await client.read(0, Dbr.LONG)).value).toEqual(Int32Array.of(1, 2))
    expect(server.channelCount).toBe(1)
  })

  test("accepts cid 0, and the same cid twice", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    writeCreateChannel(client.writer, 0, "X:a")
    writeCreateChannel(client.writer, 0, "X:a")
    client.flush()
    const replies = await client.settle()
    expect(replies.map(m => [m.command, m.p1])).toEqual([
      [Command.ACCESS_RIGHTS, 0],
      [Command.CREATE_CHAN, 0],
      [Command.ACCESS_RIGHTS, 0],
      [Command.CREATE_CHAN, 0],
    ])
    expect(replies[1]!.p2).not.toBe(replies[3]!.p2)
  })

  test("answers CREATE_CH_FAIL for a name that nobody serves", async () => {
    const server = await startServer()
    const client = await RawClient.connect(server.port)
    writeCreateChannel(client.writer, 9, "X:none")
    client.flush()
    expect((await client.take(Command.CREATE_CH_FAIL)).p1).toBe(9)
  })

  test("answers a start-up sequence that arrives in one segment", async () => {
    const server = await startServer()
    const pv = server.add(
      new ServerPv("X:who", { type: "string", value: "", onPut: (_, c) => void seen.push(c) }),
    )
    const seen: unknown[] = []
    const client = await RawClient.connect(server.port, { greet: false })
    client.writer.begin(Command.VERSION, 0, 0, 13, 0, 0)
    writeClientName(client.writer, "marie")
    writeHostName(client.writer, "lab7")
    writeCreateChannel(client.writer, 1, "X:who")
    client.flush()
    await client.take(Command.VERSION)
    await client.take(Command.ACCESS_RIGHTS)
    const { p2: sid } = await client.take(Command.CREATE_CHAN)
    expect(server.clients).toMatchObject([{ user: "marie", host: "lab7" }])
    expect(await client.put(sid, Dbr.STRING, "hello")).toBe(Eca.NORMAL)
    expect(seen).toMatchObject([{ user: "marie", host: "lab7", notify: true }])
    expect(pv.value).toBe("hello")
  })

  test("echoes ECHO and READ_SYNC with all fields and payload", async () => {
    const server = await startServer()
    const client = await RawClient.connect(server.port)
    for (const command of [Command.ECHO, Command.READ_SYNC]) {
      client.send(command, 1, 2, 3, 4, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
      const { dataType, count, p1, p2, payload } = await client.take(command)
      expect([dataType, count, p1, p2, [...payload]]).toEqual([1, 2, 3, 4, [1, 2, 3, 4, 5, 6, 7, 8]])
    }
  })

  test("echoes CLEAR_CHANNEL and then knows the sid no more", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid, cid } = await client.create("X:a")
    writeClearChannel(client.writer, sid, cid)
    client.flush()
    const echo = await client.take(Command.CLEAR_CHANNEL)
    expect([echo.p1, echo.p2]).toEqual([sid, cid])
    expect((await client.read(sid, Dbr.LONG)).eca).toBe(Eca.BADCHID)
    expect(server.channelCount).toBe(0)
  })

  test("refuses HOST_NAME and CLIENT_NAME after the first channel, and stays open", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    writeHostName(client.writer, "other")
    writeClientName(client.writer, "other")
    client.flush()
    expect((await client.error()).status).toBe(Eca.INTERNAL)
    expect((await client.error()).status).toBe(Eca.INTERNAL)
    expect((await client.read(sid, Dbr.LONG)).value).toBe(1)
    expect(server.clients[0]?.user).toBe("")
  })

  test("tells a client of protocol 4.3 that it is too old, and stays open", async () => {
    const server = await startServer()
    const client = await RawClient.connect(server.port)
    client.send(Command.VERSION, 0, 3)
    expect(await client.error()).toMatchObject({
      status: Eca.DEFUNCT,
      request: { command: Command.VERSION, count: 3 },
    })
    await client.settle()
  })

  test("answers searches by TCP: found means this circuit, NOT_FOUND only with the reply flag 10", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    writeSearch(client.writer, 1, "X:a")
    writeSearch(client.writer, 2, "X:none")
    writeSearch(client.writer, 3, "X:none", true)
    writeSearch(client.writer, 4, "X:a", true)
    client.flush()
    const replies = await client.settle()
    expect(replies.map(m => [m.command, m.dataType, m.count, m.p1, m.p2, m.size])).toEqual([
      [Command.SEARCH, server.port, 0, 0xffffffff, 1, 0],
      [Command.NOT_FOUND, 10, 13, 3, 3, 0],
      [Command.SEARCH, server.port, 0, 0xffffffff, 4, 0],
    ])
  })

  test("understands every message at every split", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "double", value: [1, 2, 3] }))
    const whole = new Uint8Array([
      0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 13, 0x58,
      0x3a, 0x61, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    ])
    for (let at = 1; at < whole.length; at += 7) {
      const client = await RawClient.connect(server.port, { greet: false })
      client.socket.write(whole.subarray(0, at))
      await new Promise(resolve => setImmediate(resolve))
      client.socket.write(whole.subarray(at))
      for (const command of [
        Command.VERSION,
        Command.ACCESS_RIGHTS,
        Command.CREATE_CHAN,
        Command.READ_NOTIFY,
      ]) {
        await client.take(command)
      }
      await client.close()
    }
  })

  test("tells its clients by SERVER_DISCONN that a PV was removed, and keeps the rest of the circuit", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    server.add(new ServerPv("X:b", { type: "long", value: 2 }))
    const client = await RawClient.connect(server.port)
    const a = await client.create("X:a")
    const b = await client.create("X:b")
    expect(server.remove("X:a")).toBe(true)
    expect((await client.take(Command.SERVER_DISCONN)).p1).toBe(a.cid)
    expect((await client.read(a.sid, Dbr.LONG)).eca).toBe(Eca.BADCHID)
    expect((await client.read(b.sid, Dbr.LONG)).value).toBe(2)
    expect(server.remove("X:a")).toBe(false)
    // The client may come back for a new PV of the same name.
    server.add(new ServerPv("X:a", { type: "string", value: "again" }))
    expect(await client.create("X:a")).toMatchObject({ type: Dbr.STRING })
  })

  test("sends ACCESS_RIGHTS again when rights change, and only then", async () => {
    const server = await startServer()
    const pv = server.add(new ServerPv("X:a", { type: "long", value: 1, access: "read" }))
    const client = await RawClient.connect(server.port)
    const { sid, cid, rights } = await client.create("X:a")
    expect(rights).toBe(1)
    expect(await client.put(sid, Dbr.LONG, 3)).toBe(Eca.NOWTACCESS)
    pv.setAccess("read-write")
    pv.setAccess("read-write")
    const news = await client.settle()
    expect(news.map(m => [m.command, m.p1, m.p2])).toEqual([[Command.ACCESS_RIGHTS, cid, 3]])
    expect(await client.put(sid, Dbr.LONG, 3)).toBe(Eca.NORMAL)
    pv.setAccess("none")
    await client.take(Command.ACCESS_RIGHTS)
    expect((await client.read(sid, Dbr.LONG)).eca).toBe(Eca.NORDACCESS)
  })

  test("asks who it is when access depends on the client", async () => {
    const server = await startServer()
    server.add(
      new ServerPv("X:a", {
        type: "long",
        value: 1,
        access: ({ user }) => (user === "operator" ? "read-write" : "read"),
      }),
    )
    for (const [user, expected] of [
      ["operator", 3],
      ["guest", 1],
    ] as const) {
      const client = await RawClient.connect(server.port)
      writeClientName(client.writer, user)
      expect((await client.create("X:a")).rights).toBe(expected)
    }
  })

  test("is not offered a PV whose rule for access fails", async () => {
    const server = await startServer()
    const access = (): never => {
      throw new Error("who?")
    }
    server.add(new ServerPv("X:a", { type: "long", value: 1, access }))
    const client = await RawClient.connect(server.port)
    writeCreateChannel(client.writer, 3, "X:a")
    client.flush()
    await client.take(Command.CREATE_CH_FAIL)
  })

  test("finds PVs through a provider, and forgives one that throws", async () => {
    const server = await startServer()
    const rec = new ServerPv("X:m.RBV", { type: "double", value: 4.5 })
    server.provide(name => {
      if (name === "X:boom") throw new Error("provider")
      return name === "X:m.RBV" ? rec : undefined
    })
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:m.RBV")
    expect((await client.read(sid, Dbr.DOUBLE)).value).toBe(4.5)
    writeCreateChannel(client.writer, 3, "X:boom")
    client.flush()
    await client.take(Command.CREATE_CH_FAIL)
  })

  test("finds a name with .VAL behind it", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "long", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a.VAL")
    expect((await client.read(sid, Dbr.LONG)).value).toBe(1)
  })
})
