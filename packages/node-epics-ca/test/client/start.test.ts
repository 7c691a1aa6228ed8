import { describe, expect, test } from "vitest"
import * as w from "../../src/wire/index.ts"
import { FakeNetwork, turn } from "./fake-network.ts"

const { Command } = w

describe("finding a server", () => {
  test("all names of one turn leave in as few datagrams as hold them, to every address", async () => {
    const net = new FakeNetwork()
    const client = net.client({ addressList: ["10.0.0.255", "ioc-7:6064"] })
    const names = Array.from({ length: 100 }, (_, i) => `beamline:motor${i}.RBV`)
    for (const name of names) client.channel(name)
    await net.pass()
    const toFirst = net.searches.filter(({ to }) => to === "10.0.0.255:5064")
    expect(net.searches.filter(({ to }) => to === "ioc-7:6064").map(({ names }) => names)).toEqual(
      toFirst.map(({ names }) => names),
    )
    expect(toFirst.flatMap(({ names }) => names)).toEqual(names)
    expect(toFirst.length).toBeLessThan(6)
  })

  test("the circuit starts with version, user, host and all channels in one write, before the server has said a word", async () => {
    const net = new FakeNetwork()
    const client = net.client()
    for (const name of ["a", "b", "c"]) client.channel(name)
    await net.pass()
    for (const id of net.searches[0]!.ids) net.found(id)
    await net.pass()
    expect(net.links).toHaveLength(1)
    expect(net.link.writes).toEqual([])
    net.link.accept()
    await turn()
    expect(net.link.writes).toHaveLength(1)
    expect(net.link.sent.map(({ command, text }) => `${command} ${text}`)).toEqual([
      `${Command.VERSION} `,
      `${Command.CLIENT_NAME} u`,
      `${Command.HOST_NAME} h`,
      `${Command.CREATE_CHAN} a`,
      `${Command.CREATE_CHAN} b`,
      `${Command.CREATE_CHAN} c`,
    ])
  })

  test("priorities have circuits of their own", async () => {
    const net = new FakeNetwork()
    const client = net.client()
    client.channel("a")
    client.channel("a", { priority: 20 })
    await net.pass()
    for (const id of net.searches[0]!.ids) net.found(id)
    await net.pass()
    expect(net.links).toHaveLength(2)
    for (const link of net.links) link.accept()
    await turn()
    expect(net.links.map(link => link.sent[0]!.dataType)).toEqual([0, 20])
    expect(() => client.channel("a", { priority: 100 })).toThrow("0 to 99")
  })

  test("a name that nobody has is searched at growing intervals, for ever, and a later answer is taken", async () => {
    const net = new FakeNetwork()
    const client = net.client()
    const channel = client.channel("late")
    await net.pass(200)
    const early = net.searches.length
    expect(early).toBeGreaterThan(10)
    expect(early).toBeLessThan(22)
    net.found(net.searches[0]!.ids[0]!)
    await net.pass()
    net.link.accept()
    await turn()
    net.link.create()
    expect(channel.connected).toBe(true)
    await net.pass(25)
    expect(net.searches).toHaveLength(early)
  })

  test("answers that can not be meant are ignored: unknown names, port 0, broadcast and multicast addresses, noise", async () => {
    const net = new FakeNetwork()
    net.client().channel("x")
    await net.pass()
    const id = net.searches[0]!.ids[0]!
    net.found(id + 1)
    net.found(id, 0)
    for (const host of ["0.0.0.0", "255.255.255.254", "224.0.0.1"]) {
      const writer = new w.MessageWriter()
      w.writeSearchReply(writer, id, 5064, host)
      net.datagram(writer.take())
    }
    for (let length = 0; length < 60; length += 1) net.datagram(new Uint8Array(length).fill(0xff))
    const request = new w.MessageWriter()
    w.writeSearch(request, id, "x")
    net.datagram(request.take())
    await net.pass()
    expect(net.links.filter(({ endpoint }) => endpoint.port !== w.SEARCH_REPLY_IF_FOUND)).toEqual([])
  })

  test("when two servers have a name the first wins, and the second is reported once", async () => {
    const { subscribe, unsubscribe } = await import("node:diagnostics_channel")
    const problems: unknown[] = []
    const listener = (message: unknown): void => void problems.push(message)
    subscribe("node-epics-ca:problem", listener)
    const net = new FakeNetwork()
    const { cid } = await net.connected("twice")
    net.found(cid, 5064, "10.0.0.1")
    net.found(cid, 5064, "10.0.0.2")
    net.found(cid, 5064, "10.0.0.2")
    unsubscribe("node-epics-ca:problem", listener)
    expect(net.links).toHaveLength(1)
    expect(problems).toEqual([
      {
        what: "more than one server has this name; using 10.0.0.1:5064, ignoring 10.0.0.2:5064",
        server: "10.0.0.2:5064",
        name: "twice",
      },
    ])
  })

  test("a server found but refusing connections is asked again at growing intervals, not in a loop", async () => {
    const net = new FakeNetwork()
    const client = net.client()
    const channel = client.channel("stale")
    await net.pass()
    const id = net.searches[0]!.ids[0]!
    for (let i = 0; i < 1200; i += 1) {
      net.found(id)
      await turn()
      if (!net.link.closed) net.link.fail(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }))
      net.clock.advance(0.05)
    }
    expect(net.links.length).toBeGreaterThan(5)
    expect(net.links.length).toBeLessThan(20)
    const got = channel.get({ timeout: 0.2 }).catch(error => error)
    await net.pass(0.3)
    expect((await got).message).toContain("10.0.0.1:5064 refused the connection (ECONNREFUSED)")
    expect(channel.problem).toBe("10.0.0.1:5064 refused the connection (ECONNREFUSED)")
  })

  test("at most the configured number of connections is in the making at once", async () => {
    const net = new FakeNetwork()
    const client = net.client({ maxConnecting: 3 })
    for (let i = 0; i < 10; i += 1) client.channel(`x${i}`)
    await net.pass()
    for (const [i, id] of net.searches[0]!.ids.entries()) net.found(id, 5064, `10.0.1.${i + 1}`)
    await net.pass()
    expect(net.links).toHaveLength(3)
    net.links[0]!.accept()
    net.links[1]!.fail(new Error("no"))
    expect(net.links).toHaveLength(5)
  })
})

describe("name servers", () => {
  const config = { addressList: [], nameServers: ["10.1.1.1"] }

  test("are asked by TCP; an answer without address means the server itself", async () => {
    const net = new FakeNetwork()
    const client = net.client(config)
    const channel = client.channel("x")
    await net.pass()
    net.link.accept()
    await turn()
    const { p2: id, text } = net.link.last(Command.SEARCH)
    expect(text).toBe("x")
    net.link.receive(m => w.writeCircuitSearchReply(m, id, 0))
    await turn()
    net.link.create()
    expect(channel.connected).toBe(true)
    expect(net.links).toHaveLength(1)
  })

  test("may name another server, and stay connected without channels", async () => {
    const net = new FakeNetwork()
    const client = net.client(config)
    const channel = client.channel("x")
    await net.pass()
    const names = net.link
    names.accept()
    await turn()
    names.receive(m => w.writeCircuitSearchReply(m, names.last(Command.SEARCH).p2, 7000, "10.2.2.2"))
    await turn()
    expect(net.link.endpoint).toEqual({ host: "10.2.2.2", port: 7000 })
    net.link.accept()
    await turn()
    net.link.create()
    expect(channel.server).toBe("10.2.2.2:7000")
    expect(names.closed).toBe(false)
  })

  test("are connected again when they are lost, and asked at once for what is still searched", async () => {
    const net = new FakeNetwork()
    const client = net.client(config)
    const channel = client.channel("x")
    await net.pass()
    net.link.fail(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }))
    const failure = client.get("x", { timeout: 0.1 }).catch(error => error)
    await net.pass(0.15)
    const refused = "10.1.1.1:5064 refused the connection (ECONNREFUSED)"
    expect((await failure).message).toContain(`name server 10.1.1.1:5064 is not connected: ${refused}`)
    expect(channel.problem).toBe(refused)
    await net.pass(1)
    expect(net.links).toHaveLength(2)
    net.link.accept()
    await turn()
    expect(net.link.last(Command.SEARCH).text).toBe("x")
    expect(channel.problem).toBeUndefined()
  })

  test("too old to be asked by TCP are not asked", async () => {
    const net = new FakeNetwork()
    const client = net.client(config)
    client.channel("x")
    await net.pass()
    net.link.accept(11)
    await net.pass(1)
    expect(net.link.all(Command.SEARCH)).toEqual([])
  })
})
