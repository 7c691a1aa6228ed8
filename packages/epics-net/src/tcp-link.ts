import { connect, type Socket } from "node:net"
import type { Endpoint } from "./address-list.ts"

/** What happens on a {@link TcpLink}. None of these may throw. */
export interface TcpLinkHandler {
  onConnect(): void
  /** The next bytes; the memory is re-used as soon as this returns. `full` when there was no room for more. */
  onData(chunk: Uint8Array, full: boolean): void
  /**
   * Memory of the handler's own for the next bytes, e.g. the array that they belong to: it saves a copy. Asked before each read; without it,
   * or when undefined, the link's buffer is used.
   */
  readInto?(): Uint8Array | undefined
  /** The end, exactly once, unless {@link TcpLink.destroy} was called. Without an error the peer closed in an orderly way. */
  onClose(error: Error | undefined): void
}

export interface TcpLinkOptions {
  /** Bytes read at once. Default 64 KiB. */
  readBuffer?: number
}

/** After so many bytes a link lets the others have their turn: well below a millisecond's reading. */
const bytesPerTurn = 0x8_0000
/** Links that are open. One alone keeps no other waiting, and shorter turns would cost it some of its rate. */
let linksOpen = 0

/** A TCP connection to a server: reads into one re-used buffer, sends without delay. */
export class TcpLink {
  readonly #socket: Socket
  readonly #handler: TcpLinkHandler
  #error: Error | undefined
  #done = false
  /** Bytes received since the others had their turn. */
  #sinceTurn = 0

  /** Starts to connect. Host names are resolved anew each time. */
  constructor(endpoint: Endpoint, handler: TcpLinkHandler, options: TcpLinkOptions = {}) {
    this.#handler = handler
    const buffer = new Uint8Array(options.readBuffer ?? 65536)
    let current: Uint8Array = buffer
    this.#socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: () => {
          current = (this.#done ? undefined : handler.readInto?.()) ?? buffer
          return current
        },
        callback: bytes => {
          const full = current === buffer && bytes === buffer.length
          if (!this.#done) handler.onData(current.subarray(0, bytes), full)
          return this.#goesOn(bytes)
        },
      },
    })
    this.#socket.on("connect", () => {
      if (!this.#done) handler.onConnect()
    })
    this.#socket.on("error", error => {
      this.#error ??= error
    })
    this.#socket.on("end", () => this.#socket.destroy())
    linksOpen++
    this.#socket.on("close", () => {
      linksOpen--
      this.#finish()
    })
  }

  /** Sends bytes, which must not change until `written` is called. */
  write(bytes: Uint8Array, written?: () => void): void {
    if (this.#done || this.#socket.destroyed) return
    this.#socket.write(bytes, written === undefined ? undefined : () => written())
  }

  /** Bytes that wait to be taken by the operating system. */
  get backlog(): number {
    return this.#socket.writableLength
  }

  /** The server's address once connected. */
  get remote(): Endpoint | undefined {
    const { remoteAddress, remotePort } = this.#socket
    if (remoteAddress === undefined || remotePort === undefined) return undefined
    return { host: remoteAddress.replace(/^::ffff:/, ""), port: remotePort }
  }

  /** Closes after what was written is sent; resolves when the connection is gone, after `limit` seconds at the latest. */
  end(limit = 1): Promise<void> {
    this.#done = true
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#socket.destroy(), limit * 1000)
      const over = (): void => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#socket.destroyed) over()
      else if (this.#socket.connecting) this.#socket.once("close", over).destroy()
      else this.#socket.once("close", over).end(() => this.#socket.destroy())
    })
  }

  /** Closes at once. The handler hears nothing any more. */
  destroy(): void {
    this.#done = true
    this.#socket.destroy()
  }

  /** False pauses the socket for the rest of this turn, so that a stream without end does not hold up other links. */
  #goesOn(bytes: number): boolean {
    this.#sinceTurn += bytes
    if (this.#sinceTurn < bytesPerTurn || linksOpen < 2) return true
    this.#sinceTurn = 0
    setImmediate(() => this.#socket.resume())
    return false
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    this.#handler.onClose(this.#error)
  }
}
