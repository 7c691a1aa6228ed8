import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { TcpProxy } from "../../src/testing/index.ts"

let server: Server
let proxy: TcpProxy
/** Sockets that the target accepted. */
let accepted: Socket[]
/** Chunks that reached the target. */
let received: Buffer[]
const clients: Socket[] = []

beforeEach(async () => {
  accepted = []
  received = []
  server = createServer({ allowHalfOpen: true }, socket => {
    accepted.push(socket)
    socket.on("error", () => undefined)
    socket.on("data", chunk => {
      received.push(chunk)
      socket.write(chunk)
    })
    socket.on("end", () => socket.end())
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  proxy = await TcpProxy.start({ port: (server.address() as AddressInfo).port })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  server.close()
})

async function client(): Promise<{ socket: Socket; chunks: Buffer[]; events: string[]; text(): string }> {
  const socket = connect({ port: proxy.port, host: proxy.host, noDelay: true })
  clients.push(socket)
  const chunks: Buffer[] = []
  const events: string[] = []
  socket.on("data", chunk => chunks.push(chunk))
  socket.on("end", () => events.push("end"))
  socket.on("error", (error: NodeJS.ErrnoException) => events.push(error.code ?? "error"))
  socket.on("close", () => events.push("close"))
  await once(socket, "connect")
  await vi.waitFor(() => expect(accepted).not.toHaveLength(0))
  return { socket, chunks, events, text: () => Buffer.concat(chunks).toString() }
}

describe("a TCP proxy", () => {
  test("carries both directions unchanged and counts what passed", async () => {
    const { socket, text } = await client()
    socket.write("hello")
    await expect.poll(text).toBe("hello")
    expect(proxy.toTarget.passed).toEqual({ bytes: 5, pieces: 1 })
    expect(proxy.toClient.passed.bytes).toBe(5)
    expect([proxy.accepted, proxy.open]).toEqual([1, 1])
  })

  test("carries ten megabytes intact", async () => {
    const { socket, chunks } = await client()
    const sent = Buffer.alloc(10_000_000, "0123456789abcdef!")
    socket.write(sent)
    await expect.poll(() => chunks.reduce((n, c) => n + c.length, 0), { timeout: 15_000 }).toBe(sent.length)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  })

  test("splits at every byte, and each byte arrives alone", async () => {
    proxy.toTarget.split = 1
    const { socket, text } = await client()
    socket.write("a rather long sentence")
    await expect.poll(text).toBe("a rather long sentence")
    expect(proxy.toTarget.passed.pieces).toBe(22)
    expect(received.length).toBeGreaterThan(11)
  })

  test("keeps the order of delayed chunks", async () => {
    proxy.toTarget.delay = 30
    const { socket, text } = await client()
    const start = performance.now()
    for (const letter of "abcdef") {
      socket.write(letter)
      await new Promise(resolve => setImmediate(resolve))
    }
    await expect.poll(text).toBe("abcdef")
    expect(performance.now() - start).toBeGreaterThan(29)
  })

  test("frozen forwards nothing and closes nothing; thawed delivers what was held back", async () => {
    const { socket, events, text } = await client()
    proxy.freeze()
    socket.write("held")
    const other = await client()
    other.socket.end()
    accepted[0]?.end()
    // A round trip through a second, unfrozen proxy shows that the loop had its turns.
    await using probe = await TcpProxy.start(proxy.target)
    const through = connect(probe.port, "127.0.0.1")
    clients.push(through)
    through.write("x")
    await once(through, "data")
    expect(events).toEqual([])
    expect(other.events).toEqual([])
    expect(proxy.toTarget.passed.bytes).toBe(0)
    expect(proxy.open).toBe(2)
    proxy.thaw()
    await expect.poll(() => events).toEqual(["end", "close"])
    await expect.poll(() => Buffer.concat(received).toString()).toContain("held")
    expect(text()).toBe("")
  })

  test("cut ends both sides in an orderly way", async () => {
    const { events } = await client()
    proxy.cut()
    await expect.poll(() => events).toEqual(["end", "close"])
    await vi.waitFor(() => expect(proxy.open).toBe(0))
  })

  test("reset makes both sides see a reset", async () => {
    const { events } = await client()
    const peer = once(accepted[0] as Socket, "error")
    proxy.reset()
    await expect.poll(() => events).toEqual(["ECONNRESET", "close"])
    expect((await peer)[0]).toMatchObject({ code: "ECONNRESET" })
  })

  test("refuses new connections and accepts them again on the same port", async () => {
    const { socket, text } = await client()
    const port = proxy.port
    await proxy.refuse()
    const refused = connect(port, "127.0.0.1")
    expect((await once(refused, "error").then(undefined, e => [e]))[0]).toMatchObject({
      code: "ECONNREFUSED",
    })
    socket.write("still here")
    await expect.poll(text).toBe("still here")
    await proxy.accept()
    expect(proxy.port).toBe(port)
    await client()
  })

  test("a hook may change, swallow and repeat bytes, and knows connection and offset", async () => {
    const seen: number[] = []
    proxy.toTarget.change = (chunk, { index, offset }) => {
      seen.push(index, offset)
      if (offset > 0) return undefined
      chunk[0] = 0x48
      return Buffer.concat([chunk, chunk])
    }
    const { socket, text } = await client()
    socket.write("hi")
    await expect.poll(text).toBe("HiHi")
    socket.write("never arrives")
    await vi.waitFor(() => expect(seen).toEqual([0, 0, 0, 2]))
    expect(proxy.toTarget.passed.bytes).toBe(4)
  })

  test("a target that refuses closes the client's connection", async () => {
    server.close()
    proxy.target = { port: 1 }
    const socket = connect(proxy.port, "127.0.0.1")
    clients.push(socket)
    socket.on("error", () => undefined)
    socket.resume()
    await once(socket, "close")
  })
})
