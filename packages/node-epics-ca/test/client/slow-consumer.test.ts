import { createServer, type Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, onTestFinished, test } from "vitest"
import { CaClient } from "../../src/index.ts"
import * as w from "../../src/wire/index.ts"

const { Command } = w
const ELEMENTS = 1000
const UPDATE_BYTES = ELEMENTS * 8
const MB = 1 << 20

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** What is held: in the heap and beside it. */
function held(): number {
  collect()
  // The memory of arrays is given back after a collection, while the program runs; a second one waits for it.
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** A server that sends the same megabyte of updates as fast as it is taken, and never holds back on its own. */
async function floodServer() {
  let sent = 0
  let refused = 0
  const serve = (socket: Socket): void => {
    const writer = new w.MessageWriter()
    let flood: Uint8Array | undefined
    const pump = (): void => {
      while (flood !== undefined && !socket.destroyed) {
        sent += flood.length
        if (socket.write(flood)) continue
        refused += 1
        return
      }
    }
    const onMessage = (message: w.Message): void => {
      if (message.command === Command.SEARCH) w.writeCircuitSearchReply(writer, w.readSearch(message).id, 0)
      else if (message.command === Command.ECHO) w.writeEchoReply(writer, message)
      else if (message.command === Command.EVENT_CANCEL) flood = undefined
      else if (message.command === Command.CREATE_CHAN) {
        const { cid } = w.readCreateChannel(message)
        w.writeAccessRights(writer, { cid, read: true, write: true })
        w.writeChannelCreated(writer, cid, cid, w.Dbr.DOUBLE, ELEMENTS)
      } else if (message.command === Command.EVENT_ADD) {
        const { type, id } = w.readDataRequest(message)
        const updates = new w.MessageWriter(MB)
        const value = new Float64Array(ELEMENTS)
        while (updates.length < MB) w.writeUpdate(updates, type, ELEMENTS, 1, id, { value, seconds: 1.8e9 })
        flood = updates.take()
      }
    }
    const parser = new w.MessageParser({ onMessage, onOversized: () => {} }, MB)
    socket.on("error", () => socket.destroy())
    socket.on("drain", pump)
    socket.on("close", () => {
      flood = undefined
    })
    socket.on("data", chunk => {
      parser.push(chunk)
      if (writer.length > 0) socket.write(writer.take().slice())
      pump()
    })
    w.writeVersion(writer)
    socket.write(writer.take().slice())
  }
  const server = createServer(serve).listen(0, "127.0.0.1")
  await new Promise(resolve => server.once("listening", resolve))
  const { port } = server.address() as { port: number }
  const client = new CaClient({ addressList: [], autoAddressList: false, nameServers: [`127.0.0.1:${port}`] })
  onTestFinished(async () => {
    await client.close()
    await new Promise(resolve => server.close(resolve))
  })
  return { client, sent: () => sent, refused: () => refused }
}

/** Lets the flood run until `enough`, and returns by how much what is held rose above `before` at most, looked at all along. */
async function rise(before: number, enough: () => boolean): Promise<number> {
  let most = 0
  let looked = 0
  await expect
    .poll(
      () => {
        most = Math.max(most, held() - before)
        looked += 1
        return looked >= 3 && enough()
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBe(true)
  return most
}

describe("a flood of updates never makes memory grow past the bound", () => {
  test.each([
    { all: false, kept: 1 },
    { all: 300, kept: 300 },
  ])("when the consumer stops reading, with all: $all", async ({ all, kept }) => {
    const { client, sent } = await floodServer()
    const before = held()
    const monitor = client.monitor("flood", { all })
    const most = await rise(before, () => sent() > 100 * MB)
    expect(monitor.dropped).toBeGreaterThan(5000)
    // The updates kept, the flood itself, and buffers of fixed size at either end.
    expect(most).toBeLessThan(kept * UPDATE_BYTES * 1.2 + 6 * MB)
    const { value } = await monitor[Symbol.asyncIterator]().next()
    expect(value?.value).toHaveLength(ELEMENTS)
  })

  test("when the consumer takes 100 ms for each update that it takes", async () => {
    const { client, sent } = await floodServer()
    const before = held()
    const monitor = client.monitor("flood", { all: 300 })
    let taken = 0
    const reading = (async () => {
      for await (const _ of monitor) {
        taken += 1
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    })()
    const most = await rise(before, () => sent() > 100 * MB && taken > 3)
    expect(monitor.dropped).toBeGreaterThan(5000)
    expect(most).toBeLessThan(300 * UPDATE_BYTES * 1.2 + 6 * MB)
    monitor.close()
    // What is left is still handed out: the loop need not take it to its end.
    reading.catch(() => {})
  })

  test("when a callback takes 100 ms: the server is held back instead", async () => {
    const { client, sent, refused } = await floodServer()
    const before = held()
    let calls = 0
    client.monitor("flood", {
      onUpdate: () => {
        calls += 1
        const end = performance.now() + 100
        while (performance.now() < end) {
          // Busy.
        }
      },
    })
    const most = await rise(before, () => calls >= 20)
    expect(refused()).toBeGreaterThan(0)
    // Most of what was sent waits in the sockets of the system, and no more is sent before it is taken.
    expect(sent()).toBeLessThan(100 * MB)
    expect(most).toBeLessThan(6 * MB)
  })
})
