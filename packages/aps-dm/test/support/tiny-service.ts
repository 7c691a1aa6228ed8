import http from "node:http"
import type { AddressInfo } from "node:net"
import { DmClient, type DmSettings, dmConfig } from "../../src/index.ts"

export interface Seen {
  verb: string
  target: string
  cookie: string | undefined
  body: string
  login: boolean
}

type Answer = (request: Seen, response: http.ServerResponse) => void | Promise<void>

/**
 * A DM service reduced to its manners: it logs in whoever asks and hands everything else to `answer`. For behaviour
 * that the simulated service does not misbehave into.
 */
export class TinyService implements AsyncDisposable {
  readonly seen: Seen[] = []
  /** Sessions that are accepted; clear it to end them all. */
  readonly sessions = new Set<string>()
  answer: Answer = (_, response) => send(response, {})
  login: Answer | null = null
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => void this.#serve(request, response, Buffer.concat(chunks).toString()))
  })

  static async start(answer?: Answer): Promise<TinyService> {
    const service = new TinyService()
    if (answer !== undefined) service.answer = answer
    await service.listen()
    return service
  }

  listen(port = 0): Promise<void> {
    return new Promise(resolve => this.#server.listen(port, "127.0.0.1", resolve))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get logins(): number {
    return this.seen.filter(request => request.login).length
  }

  /** Requests other than logins. */
  get calls(): Seen[] {
    return this.seen.filter(request => !request.login)
  }

  client(settings: DmSettings = {}): DmClient {
    const urls = { ds: this.url, daq: this.url, cat: this.url, proc: this.url, aps: this.url }
    return new DmClient(
      dmConfig.from({ urls, station: "255IDZ", username: "s255user", password: "s3cret/word", ...settings }),
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse, body: string): Promise<void> {
    const seen: Seen = {
      verb: request.method ?? "",
      target: request.url ?? "",
      cookie: request.headers.cookie,
      body,
      login: request.url === "/dm/login",
    }
    this.seen.push(seen)
    if (seen.login) {
      if (this.login !== null) return this.login(seen, response)
      const session = `session_id=${this.seen.length}`
      this.sessions.add(session)
      response.setHeader("Set-Cookie", [
        `${session}; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=3600; Path=/`,
        "other=1; Path=/",
      ])
      response.setHeader("Dm-Session-Role", "user")
      return send(response, {})
    }
    if (![...this.sessions].some(session => seen.cookie?.includes(session))) {
      response.statusCode = 401
      return send(response, { errorCode: 12, errorMessage: "no session" })
    }
    await this.answer(seen, response)
  }
}

/** Answers with JSON and DM's headers. */
export function send(
  response: http.ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.setHeader("Content-Type", "application/json")
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(JSON.stringify(body))
}
