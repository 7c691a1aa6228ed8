import { afterEach, describe, expect, test, vi } from "vitest"
import { ServerPv } from "../../src/index.ts"
import { Command } from "../../src/wire/constants.ts"
import { Dbr } from "../../src/wire/dbr-types.ts"
import { Eca } from "../../src/wire/eca.ts"
import { writeClearChannel } from "../../src/wire/messages/channel.ts"
import { writeSubscribe, writeUnsubscribe } from "../../src/wire/messages/event.ts"
import { closeAll, RawClient, startServer } from "./raw-client.ts"

vi.setConfig({ testTimeout: 60_000 })
afterEach(closeAll)

/** What a client does wrong, how a tolerant server answers, and what rsrv (strict) says before it closes. */
const mistakes: [
  what: string,
  make: (client: RawClient, sid: number) => void,
  tolerant: { command: number; status?: number },
  strict: number | "silence",
][] = [
  [
    "reads with an unknown sid",
    c => c.send(Command.READ_NOTIFY, 6, 1, 99, 1),
    { command: Command.READ_NOTIFY, status: Eca.BADCHID },
    Eca.INTERNAL,
  ],
  [
    "writes with an unknown sid",
    c => c.send(Command.WRITE, 6, 1, 99, 1, new Uint8Array(8)),
    { command: Command.ERROR, status: Eca.BADCHID },
    Eca.INTERNAL,
  ],
  [
    "writes with completion to an unknown sid",
    c => c.send(Command.WRITE_NOTIFY, 6, 1, 99, 1, new Uint8Array(8)),
    { command: Command.WRITE_NOTIFY, status: Eca.BADCHID },
    Eca.INTERNAL,
  ],
  [
    "subscribes with an unknown sid",
    c => writeSubscribe(c.writer, 6, 0, 99, 1, 5),
    { command: Command.ERROR, status: Eca.BADCHID },
    Eca.INTERNAL,
  ],
  [
    "clears an unknown sid",
    c => writeClearChannel(c.writer, 99, 1),
    { command: Command.CLEAR_CHANNEL },
    Eca.INTERNAL,
  ],
  [
    "reads as an invalid type",
    (c, sid) => c.send(Command.READ_NOTIFY, 39, 1, sid, 1),
    { command: Command.READ_NOTIFY, status: Eca.BADTYPE },
    "silence",
  ],
  [
    "reads as PUT_ACKT",
    (c, sid) => c.send(Command.READ_NOTIFY, 35, 1, sid, 1),
    { command: Command.READ_NOTIFY, status: Eca.BADTYPE },
    "silence",
  ],
  [
    "subscribes as an invalid type",
    (c, sid) => writeSubscribe(c.writer, 999, 0, sid, 1, 5),
    { command: Command.ERROR, status: Eca.BADTYPE },
    "silence",
  ],
  [
    "subscribes with mask 0",
    (c, sid) => writeSubscribe(c.writer, 6, 0, sid, 1, 0),
    { command: Command.ERROR, status: Eca.BADMASK },
    Eca.ALLOCMEM,
  ],
  [
    "cancels an unknown subscription",
    (c, sid) => writeUnsubscribe(c.writer, 6, 0, sid, 99),
    { command: Command.ERROR, status: Eca.BADMONID },
    Eca.BADMONID,
  ],
  [
    "sends an obsolete command",
    c => c.send(Command.SNAPSHOT),
    { command: Command.ERROR, status: Eca.INTERNAL },
    Eca.INTERNAL,
  ],
  [
    "sends an unknown command",
    c => c.send(77),
    { command: Command.ERROR, status: Eca.INTERNAL },
    Eca.INTERNAL,
  ],
]

describe("a client that", () => {
  test.each(mistakes)(
    "%s is told, and keeps its circuit and channels",
    async (_, make, { command, status }) => {
      const server = await startServer()
      server.add(new ServerPv("X:a", { type: "double", value: 1 }))
      const client = await RawClient.connect(server.port)
      const { sid } = await client.create("X:a")
      make(client, sid)
      client.flush()
      const reply = await client.take(command)
      if (status !== undefined) expect(command === Command.ERROR ? reply.p2 : reply.p1).toBe(status)
      expect((await client.read(sid, Dbr.DOUBLE)).value).toBe(1)
    },
  )

  test.each(mistakes)("%s loses its circuit when the server is strict", async (_, make, _tolerant, said) => {
    const server = await startServer({ strict: true })
    server.add(new ServerPv("X:a", { type: "double", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    make(client, sid)
    client.flush()
    await client.waitClosed()
    if (said === "silence") expect(client.inbox).toEqual([])
    else expect((await client.error()).status).toBe(said)
    expect(server.channelCount).toBe(0)
  })

  test.each([false, true])(
    "sends a misaligned payload is told and loses its circuit (strict %s)",
    async strict => {
      const server = await startServer({ strict })
      const client = await RawClient.connect(server.port)
      client.send(Command.ECHO, 0, 0, 0, 0, new Uint8Array(12))
      expect((await client.error()).status).toBe(Eca.INTERNAL)
      await client.waitClosed()
    },
  )

  test("cancels after its PV was removed keeps its circuit", async () => {
    const server = await startServer()
    server.add(new ServerPv("X:a", { type: "double", value: 1 }))
    const client = await RawClient.connect(server.port)
    const { sid } = await client.create("X:a")
    client.subscribe(sid, 6, 5, 1)
    await client.update()
    server.remove("X:a")
    writeUnsubscribe(client.writer, 6, 0, sid, 1)
    client.flush()
    await client.take(Command.SERVER_DISCONN)
    await client.error()
    await client.settle()
  })
})
