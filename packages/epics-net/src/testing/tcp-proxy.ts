import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net"
import { Gate, pause } from "./gate.ts"

/** Where a proxy sends what it receives. The host defaults to 127.0.0.1. */
export interface ProxyTarget {
  readonly host?: string
  readonly port: number
}

/** One TCP connection through the proxy, as a hook sees it. */
export interface ProxiedConnection {
  /** 0 for the first connection that the proxy accepted, 1 for the second, and so on. */
  readonly index: number
  /** Bytes of this connection and direction that went through the hook before this chunk. */
  readonly offset: number
}

/**
 * Looks at a chunk before it is forwarded. The chunk may be altered in place (lie about a size, flip a bit) or
 * replaced; an empty or absent result forwards nothing. TCP gives no promise where a chunk begins or ends.
 */
export type ChunkHook = (chunk: Buffer, connection: ProxiedConnection) => Uint8Array | undefined

/** One direction of a TCP proxy: its faults, which may change at any moment, and counts of what passed. */
export class TcpLane {
  /** Milliseconds that every chunk is held back. The order is kept. */
  delay = 0
  /** Forward in pieces of this many bytes, each in its own turn of the event loop; 0 forwards whole chunks. */
  split = 0
  /** Alters or drops chunks. */
  change: ChunkHook | undefined
  /** Bytes and pieces forwarded so far, over all connections. */
  readonly passed: { bytes: number; pieces: number } = { bytes: 0, pieces: 0 }
  /** @internal */
  readonly gate: Gate = new Gate()

  /** Stops forwarding; connections stay open and ends of stream are held back too, as on a silent network. */
  freeze(): void {
    this.gate.shut()
  }

  /** Forwards what was held back, and everything after it. */
  thaw(): void {
    this.gate.open()
  }
}

/**
 * A TCP proxy for tests: a client that connects to `port` talks to the target, and the test decides what the network
 * between them does. Faults of one direction are on the lanes `toTarget` and `toClient`.
 *
 * @example
 * const proxy = await TcpProxy.start({ port: server.port })
 * proxy.toClient.split = 1        // every byte alone
 * proxy.freeze()                  // silent loss: nothing passes, nothing closes
 * proxy.reset()                   // RST on every connection
 * await proxy.close()
 */
export class TcpProxy {
  readonly toTarget: TcpLane = new TcpLane()
  readonly toClient: TcpLane = new TcpLane()
  /** Where new connections go; may be changed when the server comes back elsewhere. */
  target: ProxyTarget
  /** Connections accepted since the start. */
  accepted = 0
  readonly #pairs = new Set<Pair>()
  readonly #host: string
  #port = 0
  #server: Server | undefined

  /** Starts a proxy on a free port of 127.0.0.1, or on the given host and port. */
  static async start(target: ProxyTarget, at: { host?: string; port?: number } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, at.host ?? "127.0.0.1")
    await proxy.#listen(at.port ?? 0)
    return proxy
  }

  private constructor(target: ProxyTarget, host: string) {
    this.target = target
    this.#host = host
  }

  get host(): string {
    return this.#host
  }

  /** The port that clients connect to; it stays the same through `refuse` and `accept`. */
  get port(): number {
    return this.#port
  }

  /** Connections open now. */
  get open(): number {
    return this.#pairs.size
  }

  /** Freezes both directions. */
  freeze(): void {
    this.toTarget.freeze()
    this.toClient.freeze()
  }

  /** Thaws both directions. */
  thaw(): void {
    this.toTarget.thaw()
    this.toClient.thaw()
  }

  /** Ends every connection in an orderly way on both sides; bytes under way are lost. New ones are accepted. */
  cut(): void {
    for (const pair of [...this.#pairs]) pair.cut()
  }

  /** Resets every connection on both sides (RST: the peers see ECONNRESET). New ones are accepted. */
  reset(): void {
    for (const pair of [...this.#pairs]) pair.reset()
  }

  /** From now on new connections are refused (ECONNREFUSED). Open ones are left alone. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    // Node's close() waits for open connections before it calls back; the port is free at once.
    if (server !== undefined) server.close()
    await pause()
  }

  /** Accepts connections again after `refuse`, on the same port. */
  async accept(): Promise<void> {
    if (this.#server === undefined) await this.#listen(this.#port)
  }

  /** Closes everything. */
  async close(): Promise<void> {
    this.thaw()
    await this.refuse()
    this.reset()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#join(client))
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(port, this.#host, resolve)
    })
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
  }

  #join(client: Socket): void {
    const { host = "127.0.0.1", port } = this.target
    const target = dial({ host, port, allowHalfOpen: true, noDelay: true })
    const pair = new Pair(client, target, this.toTarget, this.toClient, this.accepted++)
    this.#pairs.add(pair)
    pair.closed.then(() => this.#pairs.delete(pair))
  }
}

/** The two sockets of one proxied connection. */
class Pair {
  readonly closed: Promise<void>
  readonly #client: Socket
  readonly #target: Socket

  constructor(client: Socket, target: Socket, toTarget: TcpLane, toClient: TcpLane, index: number) {
    this.#client = client
    this.#target = target
    const gone = [client, target].map(
      socket => new Promise<void>(resolve => socket.once("close", () => resolve())),
    )
    this.closed = Promise.all(gone).then(() => undefined)
    pump(client, target, toTarget, index)
    pump(target, client, toClient, index)
  }

  cut(): void {
    for (const socket of [this.#client, this.#target]) {
      socket.end()
      socket.destroySoon()
    }
  }

  reset(): void {
    for (const socket of [this.#client, this.#target]) {
      // A socket that is still connecting cannot be reset, only dropped.
      if (socket.connecting) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
}

/** More than this under way in one direction of one connection, and the sender is made to wait. */
const highWater = 1 << 20

/** Forwards one direction of one connection, in order, with whatever faults the lane has at that moment. */
function pump(from: Socket, to: Socket, lane: TcpLane, index: number): void {
  let line: Promise<void> = Promise.resolve()
  let waiting = 0
  let offset = 0
  const inOrder = (step: () => Promise<void> | void): void => {
    line = line.then(step).catch(() => undefined)
  }

  from.on("data", (received: Buffer) => {
    const due = performance.now() + lane.delay
    waiting += received.length
    if (waiting > highWater) from.pause()
    inOrder(async () => {
      if (due > performance.now()) await pause(due - performance.now())
      await lane.gate.passed
      const chunk = lane.change === undefined ? received : lane.change(received, { index, offset })
      offset += received.length
      if (chunk !== undefined) await forward(chunk, to, lane)
      waiting -= received.length
      if (waiting <= highWater) from.resume()
    })
  })
  from.on("end", () =>
    inOrder(async () => {
      await lane.gate.passed
      to.end()
    }),
  )
  from.on("error", (error: NodeJS.ErrnoException) =>
    inOrder(async () => {
      await lane.gate.passed
      if (error.code === "ECONNRESET" && !to.connecting) to.resetAndDestroy()
      else to.destroy()
    }),
  )
  from.on("close", () =>
    inOrder(async () => {
      await lane.gate.passed
      to.destroySoon()
    }),
  )
}

async function forward(chunk: Uint8Array, to: Socket, lane: TcpLane): Promise<void> {
  const step = lane.split > 0 ? lane.split : chunk.length
  for (let at = 0; at < chunk.length; at += step) {
    if (at > 0) {
      await pause()
      await lane.gate.passed
    }
    if (to.destroyed || to.writableEnded) return
    const piece = chunk.subarray(at, at + step)
    lane.passed.bytes += piece.length
    lane.passed.pieces++
    if (!to.write(piece)) await drained(to)
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      socket.off("drain", done)
      socket.off("close", done)
      resolve()
    }
    socket.on("drain", done)
    socket.on("close", done)
  })
}
