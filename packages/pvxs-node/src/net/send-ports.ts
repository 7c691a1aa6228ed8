import {
  type Endpoint,
  formatEndpoint,
  isIpv6,
  isMulticast,
  multicastInterface,
  SendFailures,
  UdpPort,
} from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import type { Destination } from "./destination.ts"

/** The destinations that one socket can serve. */
interface Route {
  readonly destinations: Destination[]
  /** Null while there is none, or when the last attempt to open one failed. */
  port: Promise<UdpPort | null> | null
}

export interface SendPortsOptions {
  readonly destinations: readonly Destination[]
  /** Local addresses to send from, the first of each family counting. */
  readonly interfaces: readonly string[]
  /** For messages: "searches". */
  readonly what: string
  onDatagram(datagram: Uint8Array, from: Endpoint): void
}

/**
 * The sockets that some destinations need: one per family, and one for each interface and time-to-live that multicast
 * is to use. Each is opened when something is first sent through it, and again when that failed.
 */
export class SendPorts {
  readonly #options: SendPortsOptions
  readonly #unsent = new SendFailures()
  readonly #routes: readonly Route[]
  #closed = false

  constructor(options: SendPortsOptions) {
    this.#options = options
    const routes = new Map<string, Route>()
    for (const destination of options.destinations) {
      const { host, ttl, interface: via } = destination
      const own = isMulticast(host) ? `${ttl ?? ""}@${via ?? ""}` : "@"
      const key = `${isIpv6(host)}${own}`
      const route = routes.get(key)
      if (route === undefined) routes.set(key, { destinations: [destination], port: null })
      else route.destinations.push(destination)
    }
    this.#routes = [...routes.values()]
  }

  /** Calls `send` for each socket that can be had, with the destinations that are to be reached through it. */
  each(send: (port: UdpPort, destinations: readonly Destination[]) => void): void {
    if (this.#closed) return
    for (const route of this.#routes) {
      route.port ??= this.#open(route)
      route.port
        .then(port => {
          if (port !== null && !this.#closed) send(port, route.destinations)
        })
        .catch(error => diagnostics.problem.publish({ where: this.#options.what, error }))
    }
  }

  /** Destinations that nothing can be sent to, and why; undefined when there is none. */
  get problem(): string | undefined {
    return this.#unsent.problem
  }

  async close(): Promise<void> {
    this.#closed = true
    const ports = await Promise.all(this.#routes.map(route => route.port))
    await Promise.all(ports.map(port => port?.close()))
  }

  async #open(route: Route): Promise<UdpPort | null> {
    const { what, interfaces, onDatagram } = this.#options
    const { host, ttl, interface: via } = route.destinations[0]!
    const ipv6 = isIpv6(host)
    const local = interfaces.find(each => isIpv6(each) === ipv6) ?? (ipv6 ? "::" : "0.0.0.0")
    const isAny = local === "::" || local === "0.0.0.0"
    try {
      const by = isMulticast(host) ? (via ?? (isAny ? undefined : local)) : undefined
      return await UdpPort.open({
        // A socket bound to one interface would not send by another.
        address: via === undefined ? local : ipv6 ? "::" : "0.0.0.0",
        multicastInterface: by === undefined ? undefined : multicastInterface(by, ipv6, what),
        multicastTtl: isMulticast(host) ? ttl : undefined,
        onDatagram,
        onSent: this.#unsent.onSent,
        onSendError: (error, to) => {
          this.#unsent.onSendError(error, to)
          diagnostics.problem.publish({ where: `${what} to ${formatEndpoint(to)}`, error })
        },
      })
    } catch (error) {
      diagnostics.problem.publish({ where: `opening a socket for ${what}`, error })
      route.port = null
      return null
    }
  }
}
