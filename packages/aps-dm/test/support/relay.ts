import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { onTestFinished } from "vitest"

/** A port that leads to another one, as a tunnel does, until it is cut. */
export class Relay {
  readonly #server
  readonly #sockets = new Set<Socket>()

  constructor(target: number) {
    this.#server = createServer(socket => {
      const onward = connect(target, "127.0.0.1")
      for (const end of [socket, onward]) {
        this.#sockets.add(end)
        end.on("error", () => {})
        end.on("close", () => {
          this.#sockets.delete(end)
          socket.destroy()
          onward.destroy()
        })
      }
      socket.pipe(onward).pipe(socket)
    })
  }

  static async to(target: number): Promise<Relay> {
    const relay = new Relay(target)
    relay.#server.listen(0, "127.0.0.1")
    await once(relay.#server, "listening")
    onTestFinished(() => relay.close())
    return relay
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Breaks all connections; new ones may come. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Breaks all connections for good. */
  close(): void {
    this.#server.close()
    this.cut()
  }
}
