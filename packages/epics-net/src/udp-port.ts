import { createSocket, type Socket } from "node:dgram"
import { type Endpoint, isIpv6 } from "./address-list.ts"

export interface UdpPortOptions {
  /** Local port; 0, the default, is any free one. */
  port?: number
  /** Local address; its family is that of the socket. Default all IPv4 interfaces. `::` is all of IPv6 alone. */
  address?: string
  /** Share the port with others on this host. */
  reuse?: boolean
  /** Multicast groups to receive, each on the interface with this local address, or one of the system's choice. */
  join?: readonly { group: string; interface?: string | undefined }[]
  /** Local address (for IPv6 `::%name`) of the interface that multicast datagrams leave by. Default the system's choice. */
  multicastInterface?: string | undefined
  /** Routers that a multicast datagram may pass, plus one; 0 keeps it on this host. Default 1. */
  multicastTtl?: number | undefined
  onDatagram(datagram: Uint8Array, from: Endpoint): void
  /** A datagram could not be sent to one destination. Never fatal. */
  onSendError?(error: Error, to: Endpoint): void
  /** A datagram has left. */
  onSent?(to: Endpoint): void
}

/** A UDP socket that broadcasts, and that no failing destination disturbs. */
export class UdpPort {
  readonly #socket: Socket
  readonly #options: UdpPortOptions
  #closed = false

  private constructor(socket: Socket, options: UdpPortOptions) {
    this.#socket = socket
    this.#options = options
  }

  /** Binds; rejects when the port is taken. */
  static open(options: UdpPortOptions): Promise<UdpPort> {
    const ipv6 = isIpv6(options.address ?? "")
    const socket = createSocket({
      type: ipv6 ? "udp6" : "udp4",
      reuseAddr: options.reuse ?? false,
      ...(ipv6 ? { ipv6Only: true } : {}),
    })
    return new Promise((resolve, reject) => {
      socket.once("error", reject)
      socket.bind(options.port ?? 0, options.address ?? "0.0.0.0", () => {
        socket.off("error", reject)
        // Refused or unreachable destinations come back as errors of later calls; they are no reason to stop.
        socket.on("error", () => {})
        if (!ipv6) socket.setBroadcast(true)
        // Answers to many searches come at once; the default of some systems loses them.
        try {
          socket.setRecvBufferSize(1 << 20)
        } catch {
          // The system's default remains.
        }
        try {
          for (const { group, interface: local } of options.join ?? []) socket.addMembership(group, local)
          if (options.multicastInterface !== undefined)
            socket.setMulticastInterface(options.multicastInterface)
          if (options.multicastTtl !== undefined) socket.setMulticastTTL(options.multicastTtl)
        } catch (error) {
          socket.close()
          reject(error)
          return
        }
        const udp = new UdpPort(socket, options)
        socket.on("message", (datagram, { address, port }) => {
          if (!udp.#closed) options.onDatagram(datagram, { host: address, port })
        })
        resolve(udp)
      })
    })
  }

  /** True when it sends to IPv6 addresses, and to no others. */
  get isIpv6(): boolean {
    return isIpv6(this.#options.address ?? "")
  }

  /** The local port. */
  get port(): number {
    return this.#socket.address().port
  }

  /** Sends a datagram, whose bytes must not change any more. A host name is resolved each time. */
  send(datagram: Uint8Array, to: Endpoint): void {
    if (this.#closed) return
    try {
      this.#socket.send(datagram, to.port, to.host, error => {
        if (error) this.#options.onSendError?.(error, to)
        else this.#options.onSent?.(to)
      })
    } catch (error) {
      this.#options.onSendError?.(error as Error, to)
    }
  }

  /** Resolves when the port is free again. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return new Promise(resolve => this.#socket.close(() => resolve()))
  }
}
