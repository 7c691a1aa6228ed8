import { type Endpoint, formatEndpoint } from "./address-list.ts"

/** Where the newest datagram did not go to, and why. Its two handlers are options of the sockets that serve an address list. */
export class SendFailures {
  readonly #reasons = new Map<string, string>()

  readonly onSendError = (error: Error, to: Endpoint): void => {
    this.#reasons.set(formatEndpoint(to), error.message)
  }

  readonly onSent = (to: Endpoint): void => {
    if (this.#reasons.size > 0) this.#reasons.delete(formatEndpoint(to))
  }

  /** For messages: "no datagram can be sent to host:port (getaddrinfo ENOTFOUND host)"; undefined when all go out. */
  get problem(): string | undefined {
    if (this.#reasons.size === 0) return undefined
    const places = [...this.#reasons].map(([endpoint, reason]) => `${endpoint} (${reason})`)
    return `no datagram can be sent to ${places.join(", ")}`
  }
}
