import type { Clock } from "@ophyd-ts/core"
import { DmRefusal } from "./errors.ts"
import type { Ids } from "./ids.ts"

/** An account of the service. */
export interface DmUser {
  readonly username: string
  readonly password: string
  /** Default `user`. An `admin` may use every station. */
  readonly role?: "user" | "admin"
  /** Stations of which the account may see and change experiments. Default: the service's station. */
  readonly stations?: readonly string[]
  readonly firstName?: string
  readonly lastName?: string
  readonly email?: string
}

interface Session {
  readonly user: DmUser
  readonly expires: number
}

const maxSessions = 1_000
const cookieName = "session_id"

export interface SessionOptions {
  readonly users: readonly DmUser[]
  /** Life of a session. */
  readonly seconds: number
  /** s by which the announced end is later than the true one. */
  readonly cookieSkew: number
  readonly clock: Clock
  readonly ids: Ids
}

/** Login and sessions of one service: each of DM's services has its own. */
export class Sessions {
  readonly #users: readonly DmUser[]
  readonly #seconds: number
  readonly #skew: number
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #sessions = new Map<string, Session>()

  constructor(options: SessionOptions) {
    this.#users = options.users
    this.#seconds = options.seconds
    this.#skew = options.cookieSkew
    this.#clock = options.clock
    this.#ids = options.ids
  }

  /** The `Set-Cookie` of a new session. @throws DmRefusal AuthenticationError */
  login(username: unknown, password: unknown): { cookie: string; user: DmUser } {
    const user = this.#users.find(u => u.username === username && u.password === password)
    if (user === undefined) {
      throw new DmRefusal("AuthenticationError", "login failed: no such user, or a wrong password")
    }
    const oldest = this.#sessions.keys().next().value
    if (this.#sessions.size >= maxSessions && oldest !== undefined) this.#sessions.delete(oldest)
    const token = this.#ids.token()
    const expires = this.#clock.time() + this.#seconds
    this.#sessions.set(token, { user, expires })
    // The vendor's client reads the second attribute as `expires`, so it comes directly after the value.
    const date = new Date((expires + this.#skew) * 1000).toUTCString()
    return {
      cookie: `${cookieName}=${token}; expires=${date}; Max-Age=${Math.ceil(this.#seconds)}; Path=/`,
      user,
    }
  }

  /**
   * Who sends this `Cookie` header. It may repeat a whole `Set-Cookie` with its attributes.
   * @throws DmRefusal InvalidSession
   */
  user(cookie: string | undefined): DmUser {
    for (const part of (cookie ?? "").split(";")) {
      const [name, value] = part.trim().split("=", 2)
      const session = name === cookieName && value !== undefined ? this.#sessions.get(value) : undefined
      if (session === undefined || value === undefined) continue
      if (session.expires > this.#clock.time()) return session.user
      this.#sessions.delete(value)
    }
    throw new DmRefusal("InvalidSession", "no valid session: log in")
  }

  /** Ends all sessions now. */
  expire(): void {
    this.#sessions.clear()
  }
}
