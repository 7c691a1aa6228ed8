import http from "node:http"
import https from "node:https"

/** One exchange, nothing retried. */
export interface HttpRequest {
  readonly url: URL
  readonly verb: string
  /** Path and query exactly as they go out. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Seconds for the whole exchange. */
  readonly timeout: number
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

/** Why there is no answer. `sent` is false when the service cannot have seen the request. */
export class HttpFailure extends Error {
  readonly sent: boolean
  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options)
    this.sent = sent
  }
}

/** Connections to DM's services. Paths go out raw, which `fetch` would not do. */
export class HttpTransport {
  readonly #plain = new http.Agent({ keepAlive: true, maxSockets: 8 })
  readonly #secure: https.Agent
  readonly #tls: https.AgentOptions
  readonly #running = new Set<(reason: HttpFailure) => void>()
  #closed = false

  constructor(tls: { ca: string | null; insecure: boolean }) {
    this.#tls = { ...(tls.ca === null ? {} : { ca: tls.ca }), rejectUnauthorized: !tls.insecure }
    this.#secure = new https.Agent({ keepAlive: true, maxSockets: 8, ...this.#tls })
  }

  /**
   * A GET may use a kept connection and is repeated once when that turns out to be dead; anything else gets a new
   * connection, so that a lost answer is never an old connection's fault.
   * @throws HttpFailure, or the signal's reason.
   */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.#once(request, request.verb === "GET")
    } catch (error) {
      if (error instanceof StaleConnection) return await this.#once(request, false)
      throw error
    }
  }

  /** Ends all connections; requests under way fail. */
  close(): void {
    this.#closed = true
    for (const fail of [...this.#running]) fail(new HttpFailure("the client was closed", true))
    this.#plain.destroy()
    this.#secure.destroy()
  }

  #once(request: HttpRequest, keep: boolean): Promise<HttpAnswer> {
    const { url, verb, target, signal, timeout, maxBytes } = request
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new HttpFailure("the client was closed", false))
      if (signal?.aborted) return reject(signal.reason)
      const secure = url.protocol === "https:"
      const kept = secure ? this.#secure : this.#plain
      const options: https.RequestOptions = {
        // An IPv6 address is in brackets in a URL and without them for a socket.
        hostname: url.hostname.replace(/^\[|\]$/g, ""),
        port: url.port,
        method: verb,
        path: target,
        headers: request.headers,
        agent: keep ? kept : false,
        ...(secure ? this.#tls : {}),
      }
      let connected = false
      let finished = false
      const end = (act: () => void) => {
        if (finished) return
        finished = true
        clearTimeout(timer)
        signal?.removeEventListener("abort", abort)
        this.#running.delete(fail)
        act()
      }
      const fail = (reason: unknown) =>
        end(() => {
          reject(reason)
          outgoing.destroy()
        })
      const abort = () => fail(signal?.reason)
      const outgoing = (secure ? https : http).request(options)
      const timer = setTimeout(
        () => fail(new HttpFailure(`no complete answer within ${timeout} s`, connected)),
        Math.min(timeout * 1000, 2 ** 31 - 1),
      )
      signal?.addEventListener("abort", abort, { once: true })
      this.#running.add(fail)

      outgoing.on("socket", socket => {
        if (!socket.connecting) connected = true
        else socket.once(secure ? "secureConnect" : "connect", () => (connected = true))
      })
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        const stale = outgoing.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? "")
        fail(stale ? new StaleConnection() : new HttpFailure(describe(error), connected, { cause: error }))
      })
      outgoing.on("response", incoming => {
        const chunks: Buffer[] = []
        let size = 0
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length
          if (size > maxBytes) fail(new HttpFailure(`the answer is larger than ${maxBytes} bytes`, true))
          else chunks.push(chunk)
        })
        incoming.on("end", () =>
          end(() =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: Buffer.concat(chunks).toString("utf8"),
            }),
          ),
        )
        incoming.on("error", cause => fail(new HttpFailure("the answer was cut off", true, { cause })))
      })
      outgoing.end(request.body ?? undefined)
    })
  }
}

/** A kept connection that the service had closed meanwhile: the request was not seen. */
class StaleConnection extends Error {}

function describe(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused"
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "host name not found"
    case "ECONNRESET":
      return "connection dropped"
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `the certificate is not trusted (${error.code}): give the authority as caFile`
    case "EPROTO":
      if (/wrong version number|packet length too long/.test(error.message))
        return "what answers does not speak TLS: http:// in place of https://, or another port?"
      return `${error.message.trim()} (EPROTO)`
    case "HPE_INVALID_CONSTANT":
      return "what answers does not speak HTTP: https:// in place of http://, or another port?"
    default:
      return error.code === undefined ? error.message : `${error.message} (${error.code})`
  }
}
