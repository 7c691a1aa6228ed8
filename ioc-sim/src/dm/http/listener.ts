import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"

/** Key and certificate in PEM; without them the service speaks plain HTTP. */
export interface TlsMaterial {
  readonly key: string
  readonly cert: string
}

export interface ListenerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls?: TlsMaterial | undefined
  /** Bytes of the request line and headers together. */
  readonly maxHeaderBytes: number
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
}

const maxConnections = 1_000

/** One port of the service, which can go away and come back. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port: number

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.#options.host}:${this.#port}`
  }

  /** Listens, after the first time on the same port as before. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const { tls, maxHeaderBytes, onRequest, host } = this.#options
    const settings = { maxHeaderSize: maxHeaderBytes }
    const server =
      tls === undefined
        ? createServer(settings, onRequest)
        : createSecureServer({ ...settings, ...tls }, onRequest)
    server.maxConnections = maxConnections
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => this.#sockets.delete(socket))
    })
    server.on("clientError", refuseMalformed)
    server.on("tlsClientError", (_error: Error, socket: Duplex) => socket.destroy())
    this.#server = server
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject)
        server.listen(this.#port, host, () => {
          server.off("error", reject)
          resolve()
        })
      })
    } catch (error) {
      this.#server = undefined
      throw error
    }
    const address = server.address()
    if (address !== null && typeof address === "object") this.#port = address.port
  }

  /** Refuses connections from now on and breaks those that exist. */
  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** What is not HTTP, or too long, is answered without a handler. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (socket.destroyed || !socket.writable) return
  const status =
    error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request"
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
