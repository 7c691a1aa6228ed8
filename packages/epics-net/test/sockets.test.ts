import { createServer, type Server, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { type Endpoint, SendFailures, TcpLink, UdpPort } from "../src/index.ts"

async function listen(onSocket: (socket: Socket) => void): Promise<Endpoint> {
  const sockets: Socket[] = []
  const server: Server = createServer(socket => {
    sockets.push(socket)
    socket.on("error", () => {})
    onSocket(socket)
  })
  await new Promise<void>(resolve => void server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: "127.0.0.1", port: (server.address() as { port: number }).port }
}

const open = (endpoint: Endpoint) => {
  const seen: number[] = []
  let link!: TcpLink
  const closed = new Promise<Error | undefined>(resolve => {
    link = new TcpLink(endpoint, {
      onConnect: () => link.write(Uint8Array.of(1, 2, 3)),
      onData: chunk => void seen.push(...chunk),
      onClose: resolve,
    })
  })
  return { link, seen, closed }
}

test("a link sends, receives and hears an orderly close once", async () => {
  const endpoint = await listen(socket => socket.on("data", data => socket.end(data)))
  const { link, seen, closed } = open(endpoint)
  expect(await closed).toBeUndefined()
  expect(seen).toEqual([1, 2, 3])
  link.destroy()
})

test("a link that is reset or refused closes with the cause", async () => {
  const endpoint = await listen(socket => socket.resetAndDestroy())
  expect(await open(endpoint).closed).toMatchObject({ code: "ECONNRESET" })
  const refused = await UdpPort.open({ address: "127.0.0.1", onDatagram: () => {} })
  const { port } = refused
  await refused.close()
  expect(await open({ host: "127.0.0.1", port }).closed).toMatchObject({ code: "ECONNREFUSED" })
})

test("a link that ends delivers what was written before", async () => {
  let received = 0
  let done!: () => void
  const all = new Promise<void>(resolve => {
    done = resolve
  })
  const endpoint = await listen(socket => {
    socket.on("data", data => {
      received += data.length
    })
    socket.on("close", done)
  })
  const { link } = open(endpoint)
  await expect.poll(() => received).toBe(3)
  link.write(new Uint8Array(1_000_000))
  await link.end(5)
  await all
  expect(received).toBe(1_000_003)
})

test("of two links, one that floods stops after half a megabyte to let the other have its turn, and loses nothing", async () => {
  const bytes = 24 << 20
  const flooding = await listen(socket => socket.end(new Uint8Array(bytes)))
  const other = open(await listen(() => {}))
  const memory = new Uint8Array(1 << 18)
  let received = 0
  let thisTurn = 0
  let most = 0
  await new Promise<void>(resolve => {
    new TcpLink(flooding, {
      onConnect: () => {},
      readInto: () => memory,
      onData: ({ length }) => {
        if (thisTurn === 0) {
          setImmediate(() => {
            thisTurn = 0
          })
        }
        received += length
        thisTurn += length
        most = Math.max(most, thisTurn)
      },
      onClose: () => resolve(),
    })
  })
  other.link.destroy()
  expect(received).toBe(bytes)
  expect(most).toBeLessThan(1 << 20)
})

test("datagrams go out to every destination, whatever becomes of the others", async () => {
  const got: number[] = []
  const there = await UdpPort.open({ address: "127.0.0.1", onDatagram: bytes => void got.push(bytes[0]!) })
  const failures: string[] = []
  const unsent = new SendFailures()
  const here = await UdpPort.open({
    address: "127.0.0.1",
    onDatagram: () => {},
    onSent: unsent.onSent,
    onSendError: (error, to) => {
      failures.push(to.host)
      unsent.onSendError(error, to)
    },
  })
  here.send(Uint8Array.of(1), { host: "no-such-host.invalid", port: 1 })
  here.send(Uint8Array.of(2), { host: "127.0.0.1", port: there.port })
  await expect.poll(() => [got, failures], { timeout: 15_000 }).toEqual([[2], ["no-such-host.invalid"]])
  expect(unsent.problem).toMatch(
    /^no datagram can be sent to no-such-host\.invalid:1 \(.*no-such-host\.invalid.*\)$/,
  )
  unsent.onSent({ host: "no-such-host.invalid", port: 1 })
  expect(unsent.problem).toBeUndefined()
  await Promise.all([here.close(), there.close()])
  here.send(Uint8Array.of(3), { host: "127.0.0.1", port: 9 })
})
