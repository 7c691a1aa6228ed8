import { createSocket, type RemoteInfo, type Socket } from "node:dgram"
import type { ProxyTarget } from "./tcp-proxy.ts"

/** Looks at a datagram: alter it in place, replace it, drop it (`undefined`), or make several of it. */
export type DatagramHook = (datagram: Buffer) => Uint8Array | readonly Uint8Array[] | undefined

/** One direction of a UDP proxy: its faults, which may change at any moment, and counts of what passed. */
export class UdpLane {
  /** Milliseconds that every datagram is held back. */
  delay = 0
  /** Drops datagrams: all of them, or those for which the function answers true. */
  drop: boolean | ((datagram: Buffer) => boolean) = false
  /** How many extra copies of every datagram are sent. */
  duplicate = 0
  /** Collects this many datagrams and sends them in reverse order; below 2 keeps the order. */
  reorder = 0
  /** Alters datagrams. */
  change: DatagramHook | undefined
  /** Datagrams and bytes sent on so far, copies included. */
  readonly passed: { datagrams: number; bytes: number } = { datagrams: 0, bytes: 0 }
  /** Datagrams that `drop` or `change` swallowed. */
  dropped = 0
  #held: (() => void)[] = []

  /** @internal */
  carry(datagram: Buffer, send: (datagram: Uint8Array) => void): void {
    const lose = typeof this.drop === "function" ? this.drop(datagram) : this.drop
    const changed = lose ? undefined : this.change === undefined ? datagram : this.change(datagram)
    if (changed === undefined) {
      this.dropped++
      return
    }
    const list: readonly Uint8Array[] = changed instanceof Uint8Array ? [changed] : changed
    for (const one of list) {
      for (let copy = 0; copy <= this.duplicate; copy++) this.#order(() => this.#send(one, send))
    }
  }

  /** Sends what `reorder` is still collecting. */
  flush(): void {
    const held = this.#held.reverse()
    this.#held = []
    for (const step of held) step()
  }

  #order(step: () => void): void {
    this.#held.push(step)
    if (this.#held.length >= this.reorder) this.flush()
  }

  #send(datagram: Uint8Array, send: (datagram: Uint8Array) => void): void {
    const now = (): void => {
      this.passed.datagrams++
      this.passed.bytes += datagram.length
      send(datagram)
    }
    if (this.delay > 0) setTimeout(now, this.delay)
    else now()
  }
}

/**
 * A UDP proxy for tests. Datagrams that reach `port` go to the target, and what the target answers goes back to
 * whoever asked: every client gets an upstream socket of its own. Replies come from the proxy's port, as
 * protocols that answer "from the same socket" require.
 *
 * @example
 * const proxy = await UdpProxy.start({ port: server.udpPort })
 * proxy.toClient.duplicate = 2
 * proxy.toTarget.drop = true      // the network is silent
 */
export class UdpProxy {
  readonly toTarget: UdpLane = new UdpLane()
  readonly toClient: UdpLane = new UdpLane()
  /** Where datagrams go; may be changed. */
  target: ProxyTarget
  readonly #front: Socket
  readonly #upstream = new Map<string, Socket>()
  #closed = false

  /** Starts a proxy on a free port of 127.0.0.1, or on the given host and port. */
  static async start(target: ProxyTarget, at: { host?: string; port?: number } = {}): Promise<UdpProxy> {
    const proxy = new UdpProxy(target)
    await bound(proxy.#front, at.port ?? 0, at.host ?? "127.0.0.1")
    return proxy
  }

  private constructor(target: ProxyTarget) {
    this.target = target
    this.#front = createSocket("udp4")
    this.#front.on("message", (datagram, client) => this.#fromClient(datagram, client))
    this.#front.on("error", () => undefined)
  }

  get host(): string {
    return this.#front.address().address
  }

  get port(): number {
    return this.#front.address().port
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const sockets = [this.#front, ...this.#upstream.values()]
    await Promise.all(sockets.map(socket => new Promise<void>(resolve => socket.close(() => resolve()))))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #fromClient(datagram: Buffer, client: RemoteInfo): void {
    this.toTarget.carry(datagram, bytes => {
      if (this.#closed) return
      this.#upstreamOf(client).send(bytes, this.target.port, this.target.host ?? "127.0.0.1")
    })
  }

  #upstreamOf(client: RemoteInfo): Socket {
    const key = `${client.address}:${client.port}`
    let socket = this.#upstream.get(key)
    if (socket === undefined) {
      socket = createSocket("udp4")
      socket.on("error", () => undefined)
      socket.on("message", datagram =>
        this.toClient.carry(datagram, bytes => {
          if (!this.#closed) this.#front.send(bytes, client.port, client.address)
        }),
      )
      this.#upstream.set(key, socket)
    }
    return socket
  }
}

function bound(socket: Socket, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject)
    socket.bind(port, host, () => {
      socket.off("error", reject)
      resolve()
    })
  })
}
