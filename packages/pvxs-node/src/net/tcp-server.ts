import { createServer, type Server, type Socket } from "node:net"
import type { Endpoint } from "@ophyd-ts/epics-net"

/** What happens on an accepted connection. None of these may throw. */
export interface TcpPeerHandler {
  /** The next bytes; they are the handler's. */
  onData(chunk: Uint8Array): void
  /** What waited to be sent has left. */
  onDrain(): void
  /** The end, exactly once. */
  onClose(): void
}

/** An accepted connection. */
export class TcpPeer {
  readonly remote: Endpoint
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    this.remote = { host: (socket.remoteAddress ?? "").replace(/^::ffff:/, ""), port: socket.remotePort ?? 0 }
  }

  /** Sends bytes, which must not change until `written` is called. */
  write(bytes: Uint8Array, written: () => void): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes, () => written())
  }

  /** Bytes that wait to be taken by the operating system. */
  get backlog(): number {
    return this.#socket.writableLength
  }

  /** Reads nothing more until `resume`; the system then lets the peer wait. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** Listens for TCP connections on one address; `::` is all of IPv6 alone. */
export class TcpServer {
  readonly #server: Server
  readonly #peers = new Set<TcpPeer>()

  private constructor(server: Server) {
    this.#server = server
  }

  /** Rejects with the system's error, such as EADDRINUSE, when the port cannot be had. */
  static open(host: string, port: number, accept: (peer: TcpPeer) => TcpPeerHandler): Promise<TcpServer> {
    const server = createServer({ noDelay: true, keepAlive: true })
    const listener = new TcpServer(server)
    server.on("connection", socket => listener.#accept(socket, accept))
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen({ host, port, ipv6Only: true }, () => {
        server.off("error", reject)
        // Failing to accept one connection is no reason to stop.
        server.on("error", () => {})
        resolve(listener)
      })
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  /** Closes the port and every connection. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      for (const peer of this.#peers) peer.destroy()
    })
  }

  #accept(socket: Socket, accept: (peer: TcpPeer) => TcpPeerHandler): void {
    // A peer that is gone already has no address any more.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const peer = new TcpPeer(socket)
    this.#peers.add(peer)
    const handler = accept(peer)
    socket.on("data", chunk => handler.onData(chunk as Buffer))
    socket.on("drain", () => handler.onDrain())
    socket.on("error", () => {})
    socket.on("end", () => socket.destroy())
    socket.on("close", () => {
      this.#peers.delete(peer)
      handler.onClose()
    })
  }
}
