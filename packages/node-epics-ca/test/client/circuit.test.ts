import { describe, expect, test } from "vitest"
import * as w from "../../src/wire/index.ts"
import { FakeNetwork, turn } from "./fake-network.ts"

const { Command, Eca } = w

describe("requests", () => {
  test("of one turn leave in one write and are answered in any order", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const before = link.writes.length
    const gets = Array.from({ length: 5 }, () => client.get("x"))
    await turn()
    expect(link.writes.length).toBe(before + 1)
    const ids = link.all(Command.READ_NOTIFY).map(({ p2 }) => p2)
    for (const id of ids.toReversed()) {
      link.receive(m => w.writeReadReply(m, 20, 1, Eca.NORMAL, id, { value: id }))
    }
    expect((await Promise.all(gets)).map(({ value }) => value)).toEqual(ids)
  })

  test("sid 0 is a channel like any other", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", { sid: 0 })
    const got = client.get("x")
    await turn()
    expect(link.last(Command.READ_NOTIFY).p1).toBe(0)
    link.reply(7)
    expect((await got).value).toBe(7)
  })

  test("ask an old server for the maximum count, a new one for what there is", async () => {
    const net = new FakeNetwork()
    const client = net.client()
    client.channel("x")
    await net.pass()
    net.found(net.searches[0]!.ids[0]!)
    await net.pass()
    net.link.accept(12)
    await turn()
    net.link.create({ count: 50 })
    client.get("x").catch(() => {})
    client.monitor("x")
    await turn()
    expect([net.link.last(Command.READ_NOTIFY).count, net.link.last(Command.EVENT_ADD).count]).toEqual([
      50, 50,
    ])
    const other = await net.connected("y", { count: 50 })
    other.client.get("y").catch(() => {})
    await turn()
    expect(other.link.last(Command.READ_NOTIFY).count).toBe(0)
  })

  test("each get their own failure: refusal, an error message, no reply, abort, a payload beyond the limit", async () => {
    const net = new FakeNetwork()
    const { client, link, cid } = await net.connected("x", {}, { maxArrayBytes: 1000 })
    const abort = new AbortController()
    const outcomes = [
      client.get("x"),
      client.put("x", 1),
      client.get("x", { timeout: 0.5 }),
      client.get("x", { signal: abort.signal }),
      client.get("x"),
      client.put("x", 2, { completion: true }),
    ].map(promise =>
      promise.then(
        () => "done",
        error => [error.code, error.status],
      ),
    )
    await turn()
    const reads = link.all(Command.READ_NOTIFY).map(({ p2 }) => p2)
    const write = link.last(Command.WRITE)
    const completion = link.last(Command.WRITE_NOTIFY)
    link.receive(
      m => w.writeReadError(m, 20, 1, Eca.GETFAIL, reads[0]!),
      m =>
        w.writeError(m, {
          cid,
          status: Eca.PUTFAIL,
          request: { command: Command.WRITE, size: 8, type: 6, count: 1, p1: write.p1, p2: write.p2 },
          text: "x",
        }),
      m => w.writeReadReply(m, 20, 1000, Eca.NORMAL, reads[3]!, { value: new Float64Array(1000) }),
      m => w.writePutReply(m, 6, 1, Eca.PUTCBINPROG, completion.p2),
      m => w.writeEcho(m),
    )
    abort.abort(new Error("enough"))
    await net.pass(0.6)
    expect(await Promise.all(outcomes)).toEqual([
      ["REMOTE", Eca.GETFAIL],
      ["REMOTE", Eca.PUTFAIL],
      ["TIMEOUT", undefined],
      ["ABORTED", undefined],
      ["TOO_LARGE", undefined],
      ["REMOTE", Eca.PUTCBINPROG],
    ])
    // Late and unknown replies do not matter; the circuit goes on.
    link.receive(
      m => w.writeReadReply(m, 20, 1, Eca.NORMAL, reads[1]!, { value: 1 }),
      m => w.writeReadReply(m, 20, 1, Eca.NORMAL, 99999, { value: 1 }),
      m => w.writePutReply(m, 6, 1, Eca.NORMAL, 99999),
      m => w.writeUpdate(m, 20, 1, Eca.NORMAL, 99999, { value: 1 }),
      m => w.writeCreateChannelFail(m, 99999),
      m => w.writeServerDisconnect(m, 99999),
      m => void m.begin(77, 0, 1, 2, 3, 4),
    )
    const again = client.get("x")
    await turn()
    link.reply(3)
    expect((await again).value).toBe(3)
  })

  test("a write without completion is done when the echo behind it comes back: one echo for all writes of a turn", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    let done = 0
    for (let i = 0; i < 100; i += 1) void client.put("x", i).then(() => done++)
    await turn()
    expect([link.all(Command.WRITE).length, link.all(Command.ECHO).length, done]).toEqual([100, 1, 0])
    expect(link.sent.at(-1)?.command).toBe(Command.ECHO)
    link.receive(w.writeEcho)
    await turn()
    expect(done).toBe(100)
  })

  test("a put with completion that was given up here still keeps the channel busy until the server answers", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const first = client.put("x", 1, { completion: true, timeout: 1 }).catch(error => error)
    await net.pass(1.1)
    expect((await first).message).toContain("the server may still carry it out")
    await expect(client.put("x", 2, { completion: true })).rejects.toMatchObject({
      code: "PUT_PENDING",
      message: expect.stringContaining("was given up here but still runs in the server"),
    })
    const queued = client.put("x", 3, { completion: true, whenBusy: "queue" })
    const dropped = client
      .put("x", 4, { completion: true, whenBusy: "queue", timeout: 0.5 })
      .catch(e => e.code)
    await net.pass(0.6)
    expect(await dropped).toBe("TIMEOUT")
    expect(link.all(Command.WRITE_NOTIFY)).toHaveLength(1)
    link.receive(m => w.writePutReply(m, 6, 1, Eca.NORMAL, link.last(Command.WRITE_NOTIFY).p2))
    await turn()
    expect(link.all(Command.WRITE_NOTIFY)).toHaveLength(2)
    link.receive(m => w.writePutReply(m, 6, 1, Eca.NORMAL, link.last(Command.WRITE_NOTIFY).p2))
    await queued
    expect(link.all(Command.WRITE_NOTIFY)).toHaveLength(2)
  })

  test("a put with completion waits without limit unless one is given", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", {}, { connectionTimeout: 1e6 })
    let done = false
    void client.put("x", 1, { completion: true }).then(() => {
      done = true
    })
    await net.pass(5000)
    expect(done).toBe(false)
    link.receive(m => w.writePutReply(m, 6, 1, Eca.NORMAL, link.last(Command.WRITE_NOTIFY).p2))
    await turn()
    expect(done).toBe(true)
  })
})

test("writes to a server that does not read are refused beyond a bound, before anything is sent, and go on when it reads", async () => {
  const net = new FakeNetwork()
  const { client, link } = await net.connected("x", {}, { maxBacklogBytes: 1000 })
  link.backlog = 1001
  const sent = link.sent.length
  for (const completion of [false, true]) {
    await expect(client.put("x", 1, { completion })).rejects.toMatchObject({
      code: "OVERFLOW",
      message: expect.stringMatching(/ x: 1001 bytes wait for .*, which does not read; nothing was sent$/),
    })
  }
  await turn()
  expect(link.sent).toHaveLength(sent)
  link.backlog = 0
  const putting = client.put("x", 2)
  await turn()
  link.receive(w.writeEcho)
  await putting
})

describe("the end of a circuit", () => {
  test("fails each request once, a write as unknown, and brings channel and subscription back with the new type", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const channel = client.channel("x")
    const events: string[] = []
    channel.events.on("connected", () => void events.push("connected"))
    channel.events.on("disconnected", () => void events.push("disconnected"))
    const seen: unknown[] = []
    client.monitor("x", { onUpdate: ({ value }) => void seen.push(value) })
    await turn()
    link.update(1)
    const outcomes = [
      client.get("x"),
      client.put("x", 1),
      client.put("x", 2, { completion: true }),
      client.put("x", 3, { completion: true, whenBusy: "queue" }),
    ].map(promise =>
      promise.then(
        () => "done",
        error => error.code,
      ),
    )
    await turn()
    link.fail(Object.assign(new Error("reset"), { code: "ECONNRESET" }))
    expect(await Promise.all(outcomes)).toEqual([
      "DISCONNECTED",
      "OUTCOME_UNKNOWN",
      "OUTCOME_UNKNOWN",
      "DISCONNECTED",
    ])
    await net.pass(3)
    net.found(net.searches.at(-1)!.ids[0]!, 6000)
    await net.pass()
    net.link.accept()
    await turn()
    expect(net.link.all(Command.WRITE_NOTIFY)).toEqual([])
    net.link.create({ type: w.Dbr.LONG, count: 3, sid: 8 })
    await turn()
    expect(net.link.last(Command.EVENT_ADD)).toMatchObject({ dataType: 19, p1: 8 })
    net.link.receive(m =>
      w.writeUpdate(m, 19, 2, Eca.NORMAL, net.link.last(Command.EVENT_ADD).p2, { value: [5, 6] }),
    )
    expect(seen).toEqual([1, Int32Array.of(5, 6)])
    expect(events).toEqual(["disconnected", "connected"])
    expect([channel.nativeType, channel.count, channel.server]).toEqual(["long", 3, "10.0.0.1:6000"])
  })

  test("comes when the server breaks the protocol, whatever else was in the chunk", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const got = client.get("x").catch(error => error)
    await turn()
    link.receive(
      m => void m.begin(Command.READ_NOTIFY, 0, 20, 1, Eca.NORMAL, link.last(Command.READ_NOTIFY).p2),
      m => w.writeServerDisconnect(m, 1),
    )
    expect(await got).toMatchObject({
      code: "DISCONNECTED",
      cause: { code: "PROTOCOL", violation: "payload-too-short" },
    })
    expect(link.closed).toBe(true)
    expect(client.channel("x").state).toBe("searching")
  })

  test("CREATE_CH_FAIL and SERVER_DISCONN cost one channel only, which is searched again", async () => {
    const net = new FakeNetwork()
    const { client, link, cid } = await net.connected("a")
    const [a, b, c] = ["a", "b", "c"].map(name => client.channel(name))
    await net.pass()
    for (const id of net.searches.at(-1)!.ids) net.found(id)
    await turn()
    const [cidB, cidC] = link
      .all(Command.CREATE_CHAN)
      .slice(-2)
      .map(({ p1 }) => p1)
    link.create({ cid: cidB! })
    const got = client.get("a").catch(error => error.code)
    await turn()
    link.receive(
      m => w.writeCreateChannelFail(m, cidC!),
      m => w.writeServerDisconnect(m, cid),
    )
    expect(await got).toBe("DISCONNECTED")
    expect([a!.state, b!.state, c!.state]).toEqual(["searching", "connected", "searching"])
    expect(link.closed).toBe(false)
    const before = net.searches.length
    await net.pass(1)
    expect(net.searches.slice(before).flatMap(({ names }) => names)).toEqual(
      expect.arrayContaining(["a", "c"]),
    )
  })

  test("comes with its last channel; a channel created too late is given back", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("a", {}, { channelLinger: 2 })
    const late = client.channel("late")
    await net.pass()
    net.found(net.searches.at(-1)!.ids[0]!)
    await turn()
    const cid = link.last(Command.CREATE_CHAN).p1
    late.close()
    await net.pass(5)
    link.create({ cid, sid: 42 })
    await turn()
    expect(link.last(Command.CLEAR_CHANNEL)).toMatchObject({ p1: 42, p2: cid })
    expect(link.closed).toBe(false)
  })
})

describe("the network may break at any moment:", () => {
  const stages = [
    "searching",
    "connecting",
    "creating",
    "connected",
    "reading",
    "writing",
    "subscribed",
  ] as const
  test.each(stages)("while %s, and a value still comes in the end", async stage => {
    const net = new FakeNetwork()
    const client = net.client({ timeout: 1000 })
    const got = client.get("x")
    const seen: unknown[] = []
    client.monitor("x", { onUpdate: ({ value }) => void seen.push(value) })
    const failed = stage === "reading" ? got.catch(error => error.code) : undefined
    let wrote: Promise<string> | undefined
    const reach = async (until: (typeof stages)[number] | undefined): Promise<void> => {
      await net.pass(2)
      if (until === "searching") return
      net.found(net.searches.at(-1)!.ids[0]!)
      await net.pass()
      if (until === "connecting") return
      net.link.accept()
      await turn()
      if (until === "creating") return
      net.link.create()
      await turn()
      if (until === "connected" || until === "reading") return
      if (net.link.all(Command.READ_NOTIFY).length > 0) net.link.reply(1)
      if (until === "writing")
        wrote = client.put("x", 2).then(
          () => "done",
          error => error.code,
        )
      if (until === "subscribed") net.link.update(1)
      await turn()
    }
    await reach(stage)
    // "connected" lets the read through first, so that only the channel is lost.
    if (stage === "connected") net.link.reply(1)
    if (stage !== "searching") net.link.fail(Object.assign(new Error("gone"), { code: "ECONNRESET" }))
    await net.pass(5)
    await reach(undefined)
    net.link.update(42)
    expect(seen.at(-1)).toBe(42)
    if (failed !== undefined) expect(await failed).toBe("DISCONNECTED")
    else expect((await got).value).toBe(1)
    if (wrote !== undefined) expect(await wrote).toBe("OUTCOME_UNKNOWN")
  })
})

describe("rights", () => {
  test("are known before a request is sent, and changes are events", async () => {
    const net = new FakeNetwork()
    const { client, link, cid } = await net.connected("x", { write: false })
    const channel = client.channel("x")
    const seen: unknown[] = []
    channel.events.on("access", () => void seen.push([channel.readable, channel.writable]))
    await expect(client.put("x", 1)).rejects.toMatchObject({ code: "NO_ACCESS" })
    expect(link.all(Command.WRITE)).toEqual([])
    link.receive(m => w.writeAccessRights(m, { cid, read: true, write: true }))
    link.receive(m => w.writeAccessRights(m, { cid, read: true, write: true }))
    link.receive(m => w.writeAccessRights(m, { cid, read: false, write: true }))
    expect(seen).toEqual([
      [true, true],
      [false, true],
    ])
    await expect(client.get("x")).rejects.toMatchObject({ code: "NO_ACCESS" })
  })
})

describe("silence", () => {
  const config = { connectionTimeout: 30, echoTimeout: 5 }

  test("is met with an echo, then channels count as unresponsive, then the circuit is given up", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", {}, config)
    const channel = client.channel("x")
    await net.pass(29)
    expect(link.all(Command.ECHO)).toHaveLength(0)
    await net.pass(1.2)
    expect(link.all(Command.ECHO)).toHaveLength(1)
    await net.pass(4)
    expect(channel.state).toBe("connected")
    await net.pass(1)
    expect(channel.state).toBe("unresponsive")
    expect(link.closed).toBe(false)
    const got = client.get("x", { timeout: 1 }).catch(error => error.message)
    await net.pass(1.1)
    expect(await got).toContain("the server at 10.0.0.1:5064 has fallen silent")
    await net.pass(58)
    expect(link.closed).toBe(false)
    await net.pass(2)
    expect(link.closed).toBe(true)
    expect(channel.state).toBe("searching")
  })

  test("that ends brings channels back on the same circuit, with their present values", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", {}, config)
    const seen: unknown[] = []
    client.monitor("x", { onUpdate: ({ value }) => void seen.push(value) })
    await turn()
    link.update(1)
    await net.pass(37)
    expect(client.channel("x").state).toBe("unresponsive")
    link.receive(w.writeEcho)
    expect(client.channel("x").state).toBe("connected")
    await turn()
    link.reply(2)
    await turn()
    expect(seen).toEqual([1, 2])
    expect(link.all(Command.EVENT_ADD)).toHaveLength(1)
  })

  test("is not blamed on the server when this process itself was stopped", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", {}, config)
    await net.pass(30.2)
    expect(link.all(Command.ECHO)).toHaveLength(1)
    // The machine sleeps for an hour: the timer is late, and what has arrived is not read yet.
    net.clock.sleep(3600)
    await turn()
    expect(client.channel("x").state).toBe("connected")
    expect(link.all(Command.ECHO)).toHaveLength(2)
  })

  test("does not begin while anything arrives, or with regular echoes", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected("x", {}, config)
    for (let minute = 0; minute < 10; minute += 1) {
      await net.pass(31)
      link.receive(w.writeEcho)
    }
    expect(client.channel("x").state).toBe("connected")
    expect(link.all(Command.ECHO).length).toBeLessThanOrEqual(10)
  })
})

test("a client that falls behind asks the server to hold back, and to go on when it has caught up", async () => {
  const net = new FakeNetwork()
  const { client, link } = await net.connected()
  client.monitor("x")
  await turn()
  const { p2 } = link.last(Command.EVENT_ADD)
  const writer = new w.MessageWriter()
  while (writer.length < 65536) w.writeUpdate(writer, 20, 1, Eca.NORMAL, p2, { value: 1 })
  const chunk = writer.take()
  for (let i = 0; i < 70; i += 1) link.receiveBytes(chunk.slice(), true)
  await turn()
  expect([link.all(Command.EVENTS_OFF).length, link.all(Command.EVENTS_ON).length]).toEqual([1, 0])
  link.receiveBytes(chunk.slice(0, 40), false)
  await turn()
  expect([link.all(Command.EVENTS_OFF).length, link.all(Command.EVENTS_ON).length]).toEqual([1, 1])
})
