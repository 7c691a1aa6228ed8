import { JetStreamApiError, JetStreamError, jetstreamManager } from "@nats-io/jetstream"
import { connect, errors, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node"
import { toError } from "@ophyd-ts/core"
import { ExchangeError } from "../errors.ts"

export interface NatsServers {
  /** One or several of a cluster; default `nats://127.0.0.1:4222`. */
  servers?: string | readonly string[]
  /** Credentials, TLS and the like, as the NATS client takes them. */
  connection?: Omit<NodeConnectionOptions, "servers">
}

/** A connection that is made when it is first needed, and made again when it was given up. */
export class Connection {
  readonly #options: NatsServers
  #current: Promise<NatsConnection> | null = null
  #closed = false

  constructor(options: NatsServers) {
    this.#options = options
  }

  get text(): string {
    return `NATS at ${[this.#options.servers ?? "nats://127.0.0.1:4222"].flat().join(", ")}`
  }

  /** @throws ExchangeError `UNREACHABLE`, `REFUSED`, `CLOSED` */
  async open(): Promise<NatsConnection> {
    if (this.#closed) throw new ExchangeError("CLOSED", `${this.text}: the connection was closed`)
    if (this.#current !== null) {
      const known = await this.#current.catch(() => null)
      if (known !== null && !known.isClosed()) return known
    }
    const { servers, connection } = this.#options
    const opening = connect({
      timeout: 5000,
      reconnectTimeWait: 250,
      ...connection,
      ...(servers !== undefined && { servers: typeof servers === "string" ? servers : [...servers] }),
      reconnect: true,
      maxReconnectAttempts: -1,
    })
    this.#current = opening
    try {
      const made = await opening
      // It may have been closed while it was being made.
      if (this.#closed) await made.close()
      return made
    } catch (thrown) {
      if (this.#current === opening) this.#current = null
      throw natsError(`${this.text}: connect`, thrown)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const current = await this.#current?.catch(() => null)
    await current?.close().catch(() => {})
  }
}

/** What went wrong, told apart by whether trying again makes sense. */
export function natsError(what: string, thrown: unknown): ExchangeError {
  if (thrown instanceof ExchangeError) return thrown
  const error = toError(thrown)
  const refused =
    error instanceof errors.AuthorizationError ||
    error instanceof errors.PermissionViolationError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.InvalidSubjectError ||
    (error instanceof JetStreamApiError && error.status < 500 && error.status !== 408) ||
    (error instanceof JetStreamError && !(error instanceof JetStreamApiError))
  const why =
    error.name === "JetStreamNotEnabled"
      ? "no stream takes this subject (make one with makeStream), or the broker runs without JetStream"
      : error.message
  return new ExchangeError(refused ? "REFUSED" : "UNREACHABLE", `${what}: ${why}`, { cause: error })
}

/** Whether the broker knows what it was asked about. */
export const exists = (info: Promise<unknown>): Promise<boolean> =>
  info.then(
    () => true,
    error => {
      if (error instanceof JetStreamApiError && error.status === 404) return false
      throw error
    },
  )

/** How long the broker keeps documents. */
export interface StreamOptions extends NatsServers {
  /** Default `bluesky`, where stock consumers look. */
  name?: string
  /** Default `events.>`. */
  subjects?: readonly string[]
  /** Seconds; default: for ever. */
  maxAge?: number
  /** Bytes; default: no bound. The oldest documents go first. */
  maxBytes?: number
}

/** Makes a stream that keeps documents on the broker's disk; nothing happens where it exists. */
export async function makeStream(options: StreamOptions = {}): Promise<void> {
  const connection = new Connection(options)
  const { name = "bluesky", subjects = ["events.>"], maxAge, maxBytes } = options
  const what = `${connection.text}: make stream ${name} for ${subjects.join(", ")}`
  try {
    const manager = await jetstreamManager(await connection.open())
    if (await exists(manager.streams.info(name))) return
    await manager.streams.add({
      name,
      subjects: [...subjects],
      ...(maxAge !== undefined && { max_age: maxAge * 1e9 }),
      ...(maxBytes !== undefined && { max_bytes: maxBytes }),
    })
  } catch (thrown) {
    throw natsError(what, thrown)
  } finally {
    await connection.close()
  }
}
