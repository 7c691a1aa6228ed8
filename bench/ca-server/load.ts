/** A client without comfort, so that the server is what is measured: it sends prepared bytes and counts replies. */
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import {
  Command,
  Dbr,
  DbrFamily,
  dbrType,
  EventMask,
  type Message,
  MessageParser,
  MessageWriter,
  writeCreateChannel,
  writePut,
  writeRead,
  writeSubscribe,
  writeVersion,
} from "../../packages/node-epics-ca/src/wire/index.ts"

const TIME_DOUBLE = dbrType(Dbr.DOUBLE, DbrFamily.TIME)

export class Load {
  readonly #socket: Socket
  readonly #writer = new MessageWriter(1 << 20)
  #cid = 0
  #onMessage: (message: Message) => void = () => undefined

  static async connect(port: number): Promise<Load> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true })
    await once(socket, "connect")
    const load = new Load(socket)
    writeVersion(load.#writer)
    load.#flush()
    return load
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const parser = new MessageParser(
      { onMessage: message => this.#onMessage(message), onOversized: () => undefined },
      1 << 26,
    )
    socket.setMaxListeners(0)
    socket.on("data", chunk => parser.push(chunk))
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Creates a channel so many times; the sid of the last. */
  async channel(name: string, times = 1): Promise<number> {
    for (let i = 0; i < times; i += 1) {
      this.#cid += 1
      writeCreateChannel(this.#writer, this.#cid, name)
    }
    return (await this.#replies(Command.CREATE_CHAN, times)).p2
  }

  /** Reads so many times at once. */
  async read(sid: number, times: number, count = 1): Promise<void> {
    for (let id = 0; id < times; id += 1) writeRead(this.#writer, TIME_DOUBLE, count, sid, id)
    await this.#replies(Command.READ_NOTIFY, times)
  }

  /** Writes with completion so many times at once. */
  async put(sid: number, times: number): Promise<void> {
    for (let id = 0; id < times; id += 1) writePut(this.#writer, true, Dbr.DOUBLE, 1, sid, id, id)
    await this.#replies(Command.WRITE_NOTIFY, times)
  }

  /** Counts the updates of a subscription from now on. */
  async subscribe(sid: number): Promise<() => number> {
    let updates = 0
    writeSubscribe(this.#writer, TIME_DOUBLE, 1, sid, 1, EventMask.VALUE)
    await this.#replies(Command.EVENT_ADD, 1)
    this.#onMessage = () => {
      updates += 1
    }
    return () => updates
  }

  /** Sends what was collected; the last of so many replies. */
  #replies(command: number, count: number): Promise<{ p2: number }> {
    return new Promise((resolve, reject) => {
      this.#socket.once("close", () => reject(new Error("the server closed the circuit")))
      let missing = count
      this.#onMessage = message => {
        if (message.command !== command) return
        missing -= 1
        if (missing === 0) resolve({ p2: message.p2 })
      }
      this.#flush()
    })
  }

  #flush(): void {
    this.#socket.write(this.#writer.take())
  }
}
