import { firstValueFrom, take, toArray } from "rxjs"
import { describe, expect, test } from "vitest"
import type { CaChannelListener, CaMonitor, CaMonitorListener } from "../../src/index.ts"
import * as w from "../../src/wire/index.ts"
import { FakeNetwork, turn } from "./fake-network.ts"

const { Command, Eca } = w

describe("monitors", () => {
  test("that ask for the same share one subscription; each has its own state, and a late one begins with the newest value", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const seen: unknown[][] = [[], [], []]
    const open = (i: number, options = {}) =>
      client.monitor("x", { ...options, onUpdate: ({ value }) => void seen[i]!.push(value) })
    const first = open(0)
    await turn()
    link.update(1)
    const second = open(1)
    const other = open(2, { events: ["log"] })
    await turn()
    expect(seen).toEqual([[1], [1], []])
    expect(link.all(Command.EVENT_ADD).map(({ p2 }) => p2)).toHaveLength(2)
    const [shared, own] = link.all(Command.EVENT_ADD).map(({ p2 }) => p2)
    link.update(2, shared!)
    link.update(9, own!)
    expect(seen).toEqual([[1, 2], [1, 2], [9]])
    first.close()
    await turn()
    link.update(3, shared!)
    expect(seen).toEqual([[1, 2], [1, 2, 3], [9]])
    expect(link.all(Command.EVENT_CANCEL)).toEqual([])
    second.close()
    other.close()
    await turn()
    expect(link.all(Command.EVENT_CANCEL)).toHaveLength(2)
    link.update(4, shared!)
    expect(seen[1]).toEqual([1, 2, 3])
  })

  test("iterated slowly give the newest value and count what they dropped", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const monitor = client.monitor("x")
    await turn()
    for (const value of [1, 2, 3, 4]) link.update(value)
    const iterator = monitor[Symbol.asyncIterator]()
    expect((await iterator.next()).value).toMatchObject({ value: 4 })
    expect(monitor.dropped).toBe(3)
    const next = iterator.next()
    link.update(5)
    expect((await next).value).toMatchObject({ value: 5 })
    await iterator.return?.()
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
    await turn()
    expect(link.all(Command.EVENT_CANCEL)).toHaveLength(1)
  })

  test("that nobody reads hold up no other, on the same circuit and even on the same channel", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const unread = client.monitor("x")
    const seen: unknown[] = []
    client.monitor("x", { onUpdate: ({ value }) => void seen.push(value) })
    await turn()
    for (let value = 0; value < 1000; value += 1) link.update(value)
    expect(seen).toHaveLength(1000)
    expect(unread.dropped).toBe(999)
    expect(unread.latest?.value).toBe(999)
    expect(link.all(Command.EVENTS_OFF)).toEqual([])
  })

  test("asked for all keep so many, in order, then the oldest give way", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const monitor = client.monitor("x", { all: 3 })
    await turn()
    for (const value of [1, 2, 3, 4, 5]) link.update(value)
    const values: unknown[] = []
    for await (const { value } of monitor) {
      values.push(value)
      if (values.length === 3) link.update(6)
      if (values.length === 4) break
    }
    expect(values).toEqual([3, 4, 5, 6])
    expect(monitor.dropped).toBe(2)
  })

  test("whose callback throws hurt nobody else, and the error is not lost", async () => {
    const net = new FakeNetwork()
    const thrown: unknown[] = []
    const { client, link } = await net.connected(
      "x",
      {},
      { onCallbackError: error => void thrown.push(error) },
    )
    const seen: unknown[] = []
    client.monitor("x", {
      onUpdate: ({ value }) => {
        throw new Error(`can not bear ${value}`)
      },
    })
    client.monitor("x", { onUpdate: ({ value }) => void seen.push(value) })
    await turn()
    const { p2 } = link.last(Command.EVENT_ADD)
    link.receive(
      m => w.writeUpdate(m, 20, 1, Eca.NORMAL, p2, { value: 1 }),
      m => w.writeUpdate(m, 20, 1, Eca.NORMAL, p2, { value: 2 }),
    )
    expect(seen).toEqual([1, 2])
    expect(thrown.map(String)).toEqual(["Error: can not bear 1", "Error: can not bear 2"])
  })

  test("may share one object that hears in place of callbacks, as channels may", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const heard: unknown[] = []
    class Ear implements CaMonitorListener, CaChannelListener {
      onUpdate({ value }: { value: unknown }) {
        heard.push(["update", value])
      }
      onError({ code }: { code: string }) {
        heard.push(["error", code])
      }
      onClose() {
        heard.push("close")
      }
      onChannel(event: string) {
        heard.push(event)
      }
    }
    const listener = new Ear()
    const channel = client.channel("x", { listener })
    const monitor = channel.monitor({ listener })
    expect(() => monitor[Symbol.asyncIterator]()).toThrow("not both")
    await turn()
    const { p2 } = link.last(Command.EVENT_ADD)
    link.update(1)
    link.receive(m => w.writeUpdateError(m, 20, 1, Eca.NORDACCESS, p2))
    await client.close()
    expect(heard).toEqual([["update", 1], ["error", "REMOTE"], "close", "disconnected"])
  })

  test("hear of an update that the server could not give, and go on", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const errors: unknown[] = []
    const seen: unknown[] = []
    const monitor = client.monitor("x", {
      onUpdate: ({ value }) => void seen.push(value),
      onError: ({ code, message }) => void errors.push([code, message]),
    })
    await turn()
    const { p2, p1 } = link.last(Command.EVENT_ADD)
    link.receive(m => w.writeUpdateError(m, 20, 1, Eca.NORDACCESS, p2))
    expect(monitor.error).toMatchObject({ code: "REMOTE", status: Eca.NORDACCESS })
    link.receive(m =>
      w.writeError(m, {
        cid: undefined,
        status: Eca.ADDFAIL,
        request: { command: Command.EVENT_ADD, size: 16, type: 20, count: 0, p1, p2 },
        text: "no",
      }),
    )
    link.update(1)
    expect([errors.length, seen, monitor.error]).toEqual([2, [1], undefined])
    expect(errors[1]).toEqual([
      "REMOTE",
      "subscribing to x: 10.0.0.1:5064 answered ECA_ADDFAIL (subscription failed): no",
    ])
  })

  test("closed, opened and re-opened inside callbacks leave the rest undisturbed", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const log: string[] = []
    const one: CaMonitor = client.monitor("x", {
      onUpdate: ({ value }) => {
        log.push(`one ${value}`)
        one.close()
        client.monitor("x", { onUpdate: reading => void log.push(`three ${reading.value}`) })
      },
    })
    client.monitor("x", { onUpdate: ({ value }) => void log.push(`two ${value}`) })
    await turn()
    link.update(1)
    await turn()
    link.update(2)
    expect(log).toEqual(["one 1", "two 1", "three 1", "two 2", "three 2"])
  })

  test("are observables at the edge: each subscriber opens and closes one", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const values = firstValueFrom(client.observe("x").pipe(take(2), toArray()))
    await turn()
    link.update(1)
    link.update(2)
    expect((await values).map(({ value }) => value)).toEqual([1, 2])
    await turn()
    expect(link.all(Command.EVENT_CANCEL)).toHaveLength(1)
  })

  test("refuse bad options at once: no events, no such type, a negative count", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const sent = link.sent.length
    expect(() => client.monitor("x", { events: [] })).toThrow("value, log, alarm, property")
    expect(() => client.monitor("x", { type: "int" as never })).toThrow('no type "int"')
    await expect(client.get("x", { count: -1 })).rejects.toMatchObject({ code: "BAD_INPUT" })
    expect(() => client.monitor("")).toThrow("no channel name")
    await expect(client.get("a".repeat(501))).rejects.toMatchObject({ code: "BAD_INPUT" })
    await turn()
    expect(link.sent.length).toBe(sent)
  })

  test("end with the client: loops finish, calls that wait are rejected, writes are sent", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    const loop = (async () => {
      for await (const _ of client.monitor("x")) throw new Error("no update was sent")
      return "finished"
    })()
    const waiting = client.get("nowhere").catch(error => error.code)
    void client.put("x", 4).catch(() => {})
    await client.close()
    expect(await waiting).toBe("CLOSED")
    expect(await loop).toBe("finished")
    expect(link.last(Command.WRITE)).toBeDefined()
    expect(() => client.monitor("y")).toThrow("closed")
    await expect(client.get("x")).rejects.toMatchObject({ code: "CLOSED" })
  })
})
