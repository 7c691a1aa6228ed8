import type { IncomingHttpHeaders } from "node:http"

/** Far more than a service sets; what comes beyond is dropped. */
const maxCookies = 20
const maxCookieLength = 4096

/**
 * The cookies of one login, by name. Their attributes are not looked at: DM's clock may differ from ours, so the
 * service alone says, by 401, when a session has ended.
 */
export class Session {
  readonly role: string | null
  readonly #cookies = new Map<string, string>()

  constructor(headers: IncomingHttpHeaders, role: string | null) {
    this.role = role
    this.update(headers)
  }

  /** Takes over cookies that the service renews in a later answer. */
  update(headers: IncomingHttpHeaders): void {
    for (const line of headers["set-cookie"] ?? []) {
      const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? []
      if (name === undefined || value === undefined || line.length > maxCookieLength) continue
      if (this.#cookies.size < maxCookies || this.#cookies.has(name)) this.#cookies.set(name, value.trim())
    }
  }

  get empty(): boolean {
    return this.#cookies.size === 0
  }

  /** Value of the `Cookie` header. */
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ")
  }
}

/**
 * The session of one service. Logs in when there is none, and once for all who ask at the same time.
 */
export class SessionKeeper {
  readonly #login: () => Promise<Session>
  #current: Session | null = null
  #joining: Promise<Session> | null = null

  constructor(login: () => Promise<Session>) {
    this.#login = login
  }

  /** The session to use. `stale` is one that the service has just refused. */
  get(stale: Session | null = null): Promise<Session> {
    if (this.#current !== null && this.#current !== stale) return Promise.resolve(this.#current)
    this.#current = null
    this.#joining ??= this.#login()
      .then(session => (this.#current = session))
      .finally(() => (this.#joining = null))
    return this.#joining
  }
}
