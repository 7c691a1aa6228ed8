import { createSocket, type Socket } from "node:dgram"
import { once } from "node:events"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { UdpProxy } from "../../src/testing/index.ts"

let target: Socket
let client: Socket
let proxy: UdpProxy
let replies: string[]

beforeEach(async () => {
  target = createSocket("udp4")
  target.on("message", (datagram, from) => target.send(`re:${datagram}`, from.port, from.address))
  target.bind(0, "127.0.0.1")
  await once(target, "listening")
  proxy = await UdpProxy.start({ port: target.address().port })
  replies = []
  client = createSocket("udp4")
  client.on("message", (datagram, from) => {
    expect(from.port).toBe(proxy.port)
    replies.push(`${datagram}`)
  })
})

afterEach(async () => {
  await proxy.close()
  client.close()
  target.close()
})

const ask = (...texts: string[]): void => {
  for (const text of texts) client.send(text, proxy.port, proxy.host)
}

describe("a UDP proxy", () => {
  test("carries datagrams there and the answers back to each asker", async () => {
    const other = createSocket("udp4")
    const heard = once(other, "message")
    other.send("other", proxy.port, proxy.host)
    ask("a", "b")
    await expect.poll(() => replies.toSorted()).toEqual(["re:a", "re:b"])
    expect(`${(await heard)[0]}`).toBe("re:other")
    other.close()
    expect(proxy.toTarget.passed.datagrams).toBe(3)
  })

  test("duplicates", async () => {
    proxy.toClient.duplicate = 2
    ask("a")
    await expect.poll(() => replies).toEqual(["re:a", "re:a", "re:a"])
  })

  test("reorders", async () => {
    proxy.toTarget.reorder = 3
    ask("1", "2", "3", "4")
    await expect.poll(() => replies).toEqual(["re:3", "re:2", "re:1"])
    await vi.waitFor(() => {
      proxy.toTarget.flush()
      expect(replies).toHaveLength(4)
    })
  })

  test("drops all, or the ones chosen, and counts them", async () => {
    proxy.toTarget.drop = datagram => `${datagram}` === "lost"
    ask("lost", "kept")
    await expect.poll(() => replies).toEqual(["re:kept"])
    expect(proxy.toTarget.dropped).toBe(1)
    proxy.toClient.drop = true
    ask("again")
    await vi.waitFor(() => expect(proxy.toClient.dropped).toBe(1))
    expect(replies).toHaveLength(1)
  })

  test("delays and changes", async () => {
    proxy.toTarget.delay = 20
    proxy.toTarget.change = datagram => [datagram, Buffer.from("more")]
    const start = performance.now()
    ask("a")
    await expect.poll(() => replies).toEqual(["re:a", "re:more"])
    expect(performance.now() - start).toBeGreaterThan(18)
  })
})
