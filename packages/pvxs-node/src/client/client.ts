import { type Endpoint, formatEndpoint, TimerWheel } from "@ophyd-ts/epics-net"
import { diagnostics } from "../diagnostics.ts"
import { PvaError, PvaInputError } from "../errors.ts"
import { parseServer } from "../net/destination.ts"
import type { FieldType, StructureType } from "../values/field-type.ts"
import { layoutOf } from "../values/layout.ts"
import { nodeOf, slotsOf } from "../values/structure.ts"
import type { PvStructureValue, ReadAs } from "../values/value-of.ts"
import { writeType } from "../wire/field-desc.ts"
import { type PvRequest, pvRequest } from "../wire/pv-request.ts"
import type { SearchResponse } from "../wire/search.ts"
import type { Writer } from "../wire/writer.ts"
import { Channel } from "./channel.ts"
import { ChannelCore, channelKey } from "./channel-core.ts"
import { type PvaClientConfig, type ResolvedConfig, resolveConfig } from "./config.ts"
import { Connection, type ConnectionOwner } from "./connection.ts"
import { type GetOptions, get } from "./get.ts"
import { type InfoOptions, info } from "./info.ts"
import { Monitor } from "./monitor.ts"
import type { MonitorOptions } from "./monitor-options.ts"
import { type PutOptions, type PutValue, put } from "./put.ts"
import { type RpcOptions, rpc } from "./rpc.ts"
import { Searcher } from "./searcher.ts"

/** A server that could not be reached, or broke the protocol, is left alone this long. */
const avoidFor = 10
/** A lost name server is tried again after the first of these, and then twice as long each time up to the second. */
const firstRetry = 0.1
const longestRetry = 5
const requestsKept = 256

/** A server that is asked for names. */
interface NameServer {
  /** Seconds until it is tried again after a loss. */
  retry: number
  cancel: (() => void) | undefined
  /** Why it is not connected, once that was tried. */
  problem: string | undefined
}

/**
 * A pvAccess client. Nothing happens on the network before the first call; after the last, `close` it.
 *
 *     await using client = new PvaClient()
 *     const temperature = await client.get("lab:temperature")
 */
export class PvaClient implements AsyncDisposable {
  /** @internal */
  readonly config: ResolvedConfig
  /** @internal */
  readonly wheel: TimerWheel
  /** @internal */
  readonly searcher: Searcher
  readonly #channels = new Map<string, ChannelCore>()
  readonly #byCid = new Map<number, ChannelCore>()
  readonly #connections = new Map<string, Connection>()
  readonly #nameServers = new Map<string, NameServer>()
  /** Servers to leave alone, until when, and whether it is only because they could not be reached. */
  readonly #avoid = new Map<string, { until: number; unreachable: boolean }>()
  readonly #requests = new Map<string, PvStructureValue>()
  readonly #owner: ConnectionOwner
  #nextCid = 1
  #closed = false

  /** Throws PvaInputError or NetConfigError when a setting cannot be understood. */
  constructor(config: PvaClientConfig = {}) {
    this.config = resolveConfig(config)
    this.wheel = new TimerWheel(this.config.clock)
    this.#owner = {
      config: this.config,
      wheel: this.wheel,
      onSearchResponse: (response, from) => this.#onSearchResponse(response, from),
      onClosed: (connection, reason) => this.#onClosed(connection, reason),
    }
    this.searcher = new Searcher(
      this.config,
      () => [...this.#connections.values()].filter(c => c.isNameServer),
      (response, from) => this.#onSearchResponse(response, from),
    )
  }

  /** Reads a channel once. */
  get<T extends StructureType | undefined = undefined>(
    name: string,
    options: GetOptions<T> = {},
  ): Promise<ReadAs<T>> {
    return this.#call(name, core => get(core, options))
  }

  /** Writes to a channel: the members of an object, or its `value`. See `PutOptions.completion` for when that is done. */
  put(name: string, value: PutValue, options: PutOptions = {}): Promise<void> {
    return this.#call(name, core => put(core, value, options))
  }

  /** Calls a remote procedure with a structure such as `ntUri(...)` makes, or null. */
  rpc(name: string, argument: object | null, options: RpcOptions = {}): Promise<PvStructureValue | null> {
    return this.#call(name, core => rpc(core, argument, options), options.server)
  }

  /** The type of a channel. */
  info(name: string, options: InfoOptions = {}): Promise<FieldType> {
    return this.#call(name, core => info(core, options))
  }

  /** Subscribes to a channel, through every loss and return of its server, until it is closed. */
  monitor<T extends StructureType | undefined = undefined>(
    name: string,
    options: MonitorOptions<T> = {},
  ): Monitor<T> {
    return new Monitor<T>(this.core(name), options)
  }

  /** A handle that keeps the channel connected until it is closed. With `server` (`host[:port]`) nothing is searched. */
  channel(name: string, options: { readonly server?: string } = {}): Channel {
    return new Channel(this.core(name, options.server))
  }

  /** Closes all channels and sockets. Calls that wait reject with PVA_CLOSED, monitors end. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const reason = new PvaError("PVA_CLOSED", "the client was closed")
    for (const core of [...this.#channels.values()]) core.close(reason)
    for (const { cancel } of this.#nameServers.values()) cancel?.()
    for (const connection of [...this.#connections.values()]) connection.close(reason)
    await this.searcher.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal The one channel of this name. */
  core(name: string, server?: string): ChannelCore {
    if (this.#closed) throw new PvaError("PVA_CLOSED", `channel ${name}: the client is closed`)
    if (typeof name !== "string" || name === "" || name.length > 500) {
      throw new PvaInputError(`a channel name is 1 to 500 characters long, not "${name}"`)
    }
    const endpoint = server === undefined ? undefined : parseServer(server, this.config.serverPort, "server")
    let core = this.#channels.get(channelKey(name, endpoint))
    if (core === undefined) {
      if (endpoint === undefined) this.#connectNameServers()
      while (this.#byCid.has(this.#nextCid)) this.#nextCid = (this.#nextCid + 1) >>> 0
      core = new ChannelCore(this, name, this.#nextCid, endpoint)
      this.#nextCid = (this.#nextCid + 1) >>> 0
      this.#channels.set(core.key, core)
      this.#byCid.set(core.cid, core)
    }
    return core
  }

  /** @internal */
  forget(core: ChannelCore): void {
    this.#channels.delete(core.key)
    this.#byCid.delete(core.cid)
  }

  /** @internal What keeps servers from being asked; undefined when nothing does. */
  get searchProblem(): string | undefined {
    const problems = [...this.#nameServers.values()]
      .flatMap(({ problem }) => problem ?? [])
      .concat(this.searcher.problem ?? [])
    return problems.length === 0 ? undefined : problems.join(", ")
  }

  /** @internal Equal requests have equal keys. Throws PvaInputError for a text that cannot be read. */
  requestKey(request: string | PvRequest = ""): string {
    const key = typeof request === "string" ? request : JSON.stringify(request)
    if (!this.#requests.has(key)) {
      if (this.#requests.size >= requestsKept) this.#requests.clear()
      this.#requests.set(key, pvRequest(request))
    }
    return key
  }

  /** @internal */
  writeRequest(writer: Writer, key: string): void {
    const value =
      this.#requests.get(key) ?? pvRequest(key.startsWith("{") ? (JSON.parse(key) as PvRequest) : key)
    const type = nodeOf(value).type as StructureType
    writeType(writer, type)
    layoutOf(type).encodeWhole(writer, slotsOf(value))
  }

  async #call<R>(name: string, action: (core: ChannelCore) => Promise<R>, server?: string): Promise<R> {
    return action(this.core(name, server))
  }

  #connectNameServers(): void {
    for (const endpoint of this.config.nameServers) {
      const key = formatEndpoint(endpoint)
      if (this.#nameServers.has(key)) continue
      this.#nameServers.set(key, { retry: firstRetry, cancel: undefined, problem: undefined })
      this.#connectNameServer(endpoint)
    }
  }

  #connectNameServer(endpoint: Endpoint): void {
    const connection = this.connectionTo(endpoint)
    connection.isNameServer = true
    // Its handshake ends like a channel's; then it is asked for everything that is missing.
    connection.attach({
      cid: -1,
      onReady: ready => {
        const key = formatEndpoint(endpoint)
        const entry = this.#nameServers.get(key)!
        entry.retry = firstRetry
        entry.problem = undefined
        if (this.#avoid.get(key)?.unreachable === true) this.#avoid.delete(key)
        this.searcher.askAll(this.#channels.values(), ready)
      },
      onCreated: () => {},
      onDestroyed: () => {},
      onTick: () => {},
      onLost: reason => this.#retryNameServer(endpoint, reason),
    })
  }

  #retryNameServer(endpoint: Endpoint, { message }: PvaError): void {
    const entry = this.#nameServers.get(formatEndpoint(endpoint))
    if (entry === undefined || this.#closed) return
    entry.problem = message
    entry.cancel = this.config.clock.after(entry.retry, () => this.#connectNameServer(endpoint))
    entry.retry = Math.min(longestRetry, 2 * entry.retry)
  }

  /** @internal The one connection to a server. */
  connectionTo(endpoint: Endpoint): Connection {
    const key = formatEndpoint(endpoint)
    let connection = this.#connections.get(key)
    if (connection === undefined) {
      connection = new Connection(endpoint, this.#owner)
      this.#connections.set(key, connection)
    }
    return connection
  }

  #onSearchResponse(response: SearchResponse, from: Endpoint): void {
    if (this.#closed || !response.found || response.port === 0 || response.protocol !== "tcp") return
    const endpoint = { host: response.address === "" ? from.host : response.address, port: response.port }
    const key = formatEndpoint(endpoint)
    if ((this.#avoid.get(key)?.until ?? 0) > this.config.clock.now()) return
    for (const id of response.ids) {
      const core = this.#byCid.get(id)
      if (core === undefined) continue
      if (core.state === "searching") core.found(this.connectionTo(endpoint), response.guid)
      else if (core.guid !== response.guid) this.#duplicate(core, key)
    }
  }

  #duplicate(core: ChannelCore, other: string): void {
    const error = new PvaError(
      "PVA_NET",
      `${core.name} is served by ${core.endpoint} and by ${other}; the first is used`,
    )
    diagnostics.problem.publish({ where: `channel ${core.name}`, error })
  }

  #onClosed(connection: Connection, reason: PvaError): void {
    const key = formatEndpoint(connection.endpoint)
    this.#connections.delete(key)
    // One that worked may be tried again at once; one that never did, or talked nonsense, gets time to recover.
    const { cause } = reason
    const unreachable = !connection.wasReady
    const nonsense = cause instanceof PvaError && cause.code !== "PVA_DISCONNECTED"
    const now = this.config.clock.now()
    for (const [endpoint, { until }] of this.#avoid) if (until <= now) this.#avoid.delete(endpoint)
    if (unreachable || nonsense) this.#avoid.set(key, { until: now + avoidFor, unreachable: !nonsense })
  }
}
