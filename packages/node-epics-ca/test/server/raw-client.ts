import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { expect, vi } from "vitest"
import { CaServer, type CaServerOptions } from "../../src/index.ts"
import { Command, commandName } from "../../src/wire/constants.ts"
import { decodeDbr } from "../../src/wire/dbr-decode.ts"
import type { DbrReading } from "../../src/wire/dbr-value.ts"
import type { Message } from "../../src/wire/message.ts"
import { writeCreateChannel } from "../../src/wire/messages/channel.ts"
import { readError } from "../../src/wire/messages/error.ts"
import { writeSubscribe } from "../../src/wire/messages/event.ts"
import { writeRead } from "../../src/wire/messages/read.ts"
import { writeVersion } from "../../src/wire/messages/version.ts"
import { writePut } from "../../src/wire/messages/write.ts"
import { MessageParser } from "../../src/wire/parser.ts"
import { MessageWriter } from "../../src/wire/writer.ts"

/** Servers and clients of the running test, closed by {@link closeAll}. */
const opened: { close(): Promise<void> }[] = []

export async function closeAll(): Promise<void> {
  for (const one of opened.splice(0).reverse()) await one.close()
}

export async function startServer(options: CaServerOptions = {}): Promise<CaServer> {
  const server = await CaServer.listen(options)
  opened.push(server)
  return server
}

/** A client that says exactly what a test tells it to, and remembers every message it gets. */
export class RawClient {
  readonly socket: Socket
  /** Messages that no test has taken yet. */
  readonly inbox: Message[] = []
  readonly writer = new MessageWriter()
  closed = false
  #nextCid = 100

  static async connect(port: number, { greet = true } = {}): Promise<RawClient> {
    const client = new RawClient(connect({ port, host: "127.0.0.1", noDelay: true }))
    opened.push(client)
    await once(client.socket, "connect")
    if (greet) {
      writeVersion(client.writer)
      client.flush()
      await client.take(Command.VERSION)
    }
    return client
  }

  private constructor(socket: Socket) {
    this.socket = socket
    const parser = new MessageParser(
      { onMessage: message => void this.inbox.push(message.copy()), onOversized: () => undefined },
      1 << 28,
    )
    socket.on("data", chunk => parser.push(chunk))
    socket.on("error", () => undefined)
    socket.on("close", () => {
      this.closed = true
    })
  }

  flush(): void {
    if (!this.socket.destroyed) this.socket.write(this.writer.take())
  }

  /** Sends one message by its header fields. */
  send(command: number, type = 0, count = 0, p1 = 0, p2 = 0, payload = new Uint8Array(0)): void {
    const at = this.writer.begin(command, payload.length, type, count, p1, p2)
    this.writer.bytes.set(payload, at)
    this.flush()
  }

  /** The oldest untaken message, which must be this command. */
  async take(command: number): Promise<Message> {
    await vi.waitFor(
      () => expect(this.inbox.length, `waiting for ${commandName(command)}`).toBeGreaterThan(0),
      {
        timeout: 40_000,
        interval: 2,
      },
    )
    const message = this.inbox.shift()!
    expect(commandName(message.command)).toBe(commandName(command))
    return message
  }

  /** The next so many messages, whatever they are. */
  async collect(count: number): Promise<Message[]> {
    const enough = (): void => expect(this.inbox.length).toBeGreaterThanOrEqual(count)
    await vi.waitFor(enough, { timeout: 40_000, interval: 2 })
    return this.inbox.splice(0, count)
  }

  /** An ERROR's status and text. */
  async error(): Promise<ReturnType<typeof readError>> {
    return readError(await this.take(Command.ERROR))
  }

  /** Everything that was sent before has been answered when this resolves; what came in is in the inbox. */
  async settle(): Promise<Message[]> {
    const mark = 0x7e570000 + this.#nextCid++
    this.send(Command.ECHO, 0, 0, mark)
    await vi.waitFor(() => expect(this.inbox.at(-1)?.p1).toBe(mark), { timeout: 40_000, interval: 2 })
    this.inbox.pop()
    return this.inbox.splice(0)
  }

  async waitClosed(): Promise<void> {
    await vi.waitFor(() => expect(this.closed).toBe(true), { timeout: 40_000, interval: 2 })
  }

  /** Opens a channel and returns its ids and what the server says of it. */
  async create(
    name: string,
  ): Promise<{ cid: number; sid: number; type: number; count: number; rights: number }> {
    const cid = this.#nextCid++
    writeCreateChannel(this.writer, cid, name)
    this.flush()
    const rights = await this.take(Command.ACCESS_RIGHTS)
    const created = await this.take(Command.CREATE_CHAN)
    expect([rights.p1, created.p1]).toEqual([cid, cid])
    return { cid, sid: created.p2, type: created.dataType, count: created.count, rights: rights.p2 }
  }

  /** Reads with READ_NOTIFY. */
  async read(sid: number, type: number, count = 0): Promise<DbrReading & { eca: number; count: number }> {
    writeRead(this.writer, type, count, sid, 77)
    this.flush()
    const reply = await this.take(Command.READ_NOTIFY)
    expect(reply.p2).toBe(77)
    const reading = reply.size > 0 || reply.count === 0 ? decodeDbr(reply, true) : undefined
    return Object.assign(Object.create(reading ?? null), reading, { eca: reply.p1, count: reply.count })
  }

  /** WRITE_NOTIFY; gives the status of the reply. */
  async put(
    sid: number,
    type: number,
    value: number | string | number[] | string[],
    count?: number,
  ): Promise<number> {
    const length = count ?? (Array.isArray(value) ? value.length : 1)
    writePut(this.writer, true, type, length, sid, 55, value)
    this.flush()
    const reply = await this.take(Command.WRITE_NOTIFY)
    expect([reply.p2, reply.dataType, reply.count, reply.size]).toEqual([55, type, length, 0])
    return reply.p1
  }

  subscribe(sid: number, type: number, mask: number, subid: number, count = 0): void {
    writeSubscribe(this.writer, type, count, sid, subid, mask)
    this.flush()
  }

  /** The next update, decoded. */
  async update(): Promise<{ subid: number; eca: number; value: unknown; message: Message }> {
    const message = await this.take(Command.EVENT_ADD)
    const { value } = decodeDbr(message, true)
    return {
      subid: message.p2,
      eca: message.p1,
      value: ArrayBuffer.isView(value) ? [...(value as never)] : value,
      message,
    }
  }

  close(): Promise<void> {
    this.socket.destroy()
    return Promise.resolve()
  }
}
