import { randomBytes } from "node:crypto"
import { formatEndpoint, TimerWheel } from "@ophyd-ts/epics-net"
import type { PvaClientConfig } from "../client/config.ts"
import { callUser } from "../diagnostics.ts"
import { PvaError, PvaInputError } from "../errors.ts"
import { TcpServer } from "../net/tcp-server.ts"
import type { StructureType } from "../values/field-type.ts"
import { type Search, type SearchResponse, writeSearchResponse } from "../wire/search.ts"
import { type PvaServerConfig, type ResolvedServerConfig, resolveServerConfig } from "./config.ts"
import { Discovery } from "./discovery.ts"
import { infoChannel, infoChannelName } from "./info-channel.ts"
import { ServerSession, type SessionOwner } from "./session.ts"
import type { SharedPv } from "./shared-pv.ts"

/** PVs that are made when somebody asks for them. */
export interface PvProvider {
  /** The PV of this name; always the same one while it is open. Undefined when there is none. */
  find(name: string): SharedPv | undefined
  /** Names to list. Default none: such PVs are found, not listed. */
  names?(): Iterable<string>
}

/**
 * Serves PVs to pvAccess clients.
 *
 *     await using server = await PvaServer.open({ isolated: true })
 *     server.add("lab:temperature", SharedPv.mailbox(ntScalar("double"), { value: 21.5 }))
 *     const client = new PvaClient(server.clientConfig())
 */
export class PvaServer implements AsyncDisposable {
  /** 12 bytes as hexadecimal, different for each server instance. */
  readonly guid = randomBytes(12).toString("hex")
  readonly #config: ResolvedServerConfig
  readonly #pvs = new Map<string, SharedPv>()
  readonly #providers: PvProvider[] = []
  readonly #sessions = new Set<ServerSession>()
  readonly #wheel: TimerWheel
  readonly #listeners: TcpServer[] = []
  #discovery: Discovery | null = null
  #closed = false

  private constructor(config: ResolvedServerConfig) {
    this.#config = config
    this.#wheel = new TimerWheel(config.clock)
    this.#pvs.set(
      infoChannelName,
      infoChannel(() => this.names),
    )
  }

  /** Opens the ports. Rejects with PVA_NET when none can be had; a busy TCP port is replaced by a free one. */
  static async open(config: PvaServerConfig = {}): Promise<PvaServer> {
    const server = new PvaServer(resolveServerConfig(config))
    try {
      await server.#listen()
    } catch (cause) {
      await server.close()
      const where = server.#config.interfaces.join(", ")
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new PvaError("PVA_NET", `cannot serve on ${where}: ${message}`, { cause })
    }
    return server
  }

  /** The TCP port. */
  get port(): number {
    return this.#listeners[0]?.port ?? 0
  }

  /** Names of all PVs that are open, without the info channel, and of those that providers list. */
  get names(): readonly string[] {
    const added = [...this.#pvs].filter(([name, pv]) => name !== infoChannelName && pv.isOpen)
    return [...added.map(([name]) => name), ...this.#providers.flatMap(each => [...(each.names?.() ?? [])])]
  }

  /** Clients that are connected. */
  get clientCount(): number {
    return this.#sessions.size
  }

  /** Makes a PV known under a name; it may have several. Throws PvaInputError when the name is taken. */
  add<T extends StructureType>(name: string, pv: SharedPv<T>): void {
    if (name === "" || name.length > 500)
      throw new PvaInputError(`a PV name is 1 to 500 characters long, not "${name}"`)
    if (this.#pvs.has(name)) throw new PvaInputError(`the server has a PV "${name}" already`)
    this.#pvs.set(name, pv as unknown as SharedPv)
    this.#discovery?.changed()
  }

  /** Asks for PVs that were not added, for instance those that are too many to be made before somebody wants one. */
  provide(provider: PvProvider): void {
    this.#providers.push(provider)
    this.#discovery?.changed()
  }

  /** Forgets a name. Clients that have the PV under it keep it until it is closed. */
  remove(name: string): void {
    if (name !== infoChannelName) this.#pvs.delete(name)
  }

  /** The configuration of a client that reaches exactly this server, without a datagram. */
  clientConfig(): PvaClientConfig {
    const listed = this.#config.interfaces[0] ?? "0.0.0.0"
    const host = listed === "0.0.0.0" ? "127.0.0.1" : listed === "::" ? "::1" : listed
    const nameServers = [formatEndpoint({ host, port: this.port })]
    return { addressList: [], autoAddressList: false, nameServers, env: {} }
  }

  /** Disconnects all clients and closes the ports. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const session of [...this.#sessions]) session.close()
    await Promise.all([this.#discovery?.close(), ...this.#listeners.map(listener => listener.close())])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #listen(): Promise<void> {
    const { interfaces } = this.#config
    const owner: SessionOwner = {
      config: this.#config,
      wheel: this.#wheel,
      find: name => this.#find(name),
      answerSearch: (writer, search) => {
        const response = this.#answer(search)
        if (response !== null) writeSearchResponse(writer, response)
      },
      onClosed: session => this.#sessions.delete(session),
    }
    for (const host of interfaces) {
      // All interfaces share one port number, which is what search replies state.
      const wanted = this.#listeners[0]?.port ?? this.#config.port
      this.#listeners.push(await this.#open(host, wanted, owner))
    }
    if (!this.#config.udp) return
    this.#discovery = new Discovery(this.#config, this.guid, this.port, search => this.#answer(search))
    await this.#discovery.open()
  }

  /** An open PV by its name: added ones first. */
  #find(name: string): SharedPv | undefined {
    const isOpen = (pv: SharedPv | undefined): pv is SharedPv => pv?.isOpen === true
    const added = this.#pvs.get(name)
    if (added !== undefined) return isOpen(added) ? added : undefined
    let found: SharedPv | undefined
    for (const provider of this.#providers) {
      callUser("a name that was not added", () => {
        found = provider.find(name)
      })
      if (isOpen(found)) return found
    }
    return undefined
  }

  async #open(host: string, port: number, owner: SessionOwner): Promise<TcpServer> {
    const accept = (peer: ConstructorParameters<typeof ServerSession>[1]): ServerSession => {
      const session = new ServerSession(owner, peer)
      this.#sessions.add(session)
      return session
    }
    try {
      return await TcpServer.open(host, port, accept)
    } catch (error) {
      const busy = (error as { code?: unknown }).code === "EADDRINUSE"
      if (!busy || port === 0 || this.#listeners.length > 0) throw error
      return TcpServer.open(host, 0, accept)
    }
  }

  /** What this server has of the searched names; null when it has nothing to say. */
  #answer(search: Search): SearchResponse | null {
    if (search.protocols.length > 0 && !search.protocols.includes("tcp")) return null
    // The info channel is one that every server has: it is for those who come without a search.
    const has = (name: string): boolean => name !== infoChannelName && this.#find(name) !== undefined
    const ids = search.channels.filter(c => has(c.name)).map(c => c.id)
    if (ids.length === 0 && !search.replyRequired) return null
    return {
      guid: this.guid,
      sequence: search.sequence,
      address: "",
      port: this.port,
      protocol: "tcp",
      found: ids.length > 0,
      ids,
    }
  }
}
