import {
  callSafely,
  type Datatype,
  type Reading,
  type ReadingListener,
  reportCallbackError,
} from "@ophyd-ts/core"
import {
  type CaChannel,
  type CaChannelEvents,
  type CaChannelListener,
  CaError,
  type CaMonitor,
  type CaMonitorListener,
  type CaMonitorOptions,
  type CaReading,
} from "node-epics-ca"
import { EpicsBackend, type Link } from "../backend.ts"
import type { ClientSource } from "../clients.ts"
import { EpicsError } from "../errors.ts"
import { type Conversion, conversion, plainRequest } from "./conversion.ts"
import { metadataOf } from "./metadata.ts"

export interface CaBackendOptions {
  /** Seconds that a read may take; default that of the client. */
  readTimeout?: number | undefined
}

/**
 * A signal's value in a Channel Access server. Connecting subscribes to the channel's properties: that brings limits, units
 * and labels in one request, and tells of their changes.
 */
export class CaBackend<T>
  extends EpicsBackend<T, Conversion<T>>
  implements CaChannelListener, CaMonitorListener
{
  readonly #name: string
  readonly #clients: ClientSource
  readonly #readTimeout: number | undefined
  #channel: CaChannel | null = null
  #properties: CaMonitor | null = null
  /** Tells whoever connects that the type is known, or what is wrong. */
  #opened: ((error: Error | null) => void) | null = null

  /** `clients` is asked once, when it connects. */
  constructor(name: string, datatype: Datatype<T>, clients: ClientSource, options: CaBackendOptions = {}) {
    super(datatype)
    this.#name = name
    this.#clients = clients
    this.#readTimeout = options.readTimeout
  }

  get source(): string {
    return `ca://${this.#name}`
  }

  read(): Promise<Reading<T>> {
    const { request } = this.converter()
    const timeout = this.#readTimeout
    const options = timeout === undefined ? request : { ...request, timeout }
    const channel = this.#handle()
    // A request without options takes the shortest way through the client.
    const reading = options === plainRequest ? channel.get() : channel.get(options)
    return reading.then(sent => this.#decode(sent))
  }

  monitor(listener: ReadingListener<T>): () => void {
    const { request } = this.converter()
    const monitor = this.#handle().monitor({
      ...request,
      onUpdate: reading => {
        callSafely(sent => listener(this.#decode(sent)), reading, `an update of ${this.source}`)
      },
      onError: error => reportCallbackError(error, `the subscription to ${this.source}`),
    })
    return () => monitor.close()
  }

  /** @internal Its channel came, went, or changed its rights. */
  onChannel(event: keyof CaChannelEvents): void {
    if (event !== "access") this.tell(event === "connected")
    else {
      const { readable, writable } = this.#handle()
      this.metadata = { ...this.metadata, readable, writable }
    }
  }

  /** @internal Properties of its channel. */
  onUpdate({ metadata }: CaReading): void {
    this.#learn(metadata)
  }

  /** @internal The server does not tell the properties of its channel. */
  onError(error: CaError): void {
    // A channel that may be written only has none to show.
    if (this.#handle().readable) this.#opened?.(error)
    else this.#learn(undefined)
  }

  /** @internal The client was closed. */
  onClose(): void {
    this.#opened?.(new CaError("CLOSED", `${this.source}: the client was closed`))
  }

  protected get link(): Link | null {
    const channel = this.#channel
    if (channel === null) return null
    const { connected, state, problem: reason } = channel
    return { connected, state, address: channel.server ?? this.#places(), reason }
  }

  protected async open(): Promise<void> {
    if (this.datatype.family === "table") {
      const why = `${this.source}: declared ${this.datatype.label}: Channel Access has no tables, use pva://${this.#name}`
      throw new EpicsError("WRONG_TYPE", why)
    }
    const channel = this.#handle()
    await new Promise<void>((resolve, reject) => {
      this.#opened = error => {
        this.#opened = null
        if (error === null) return resolve()
        const properties = this.#properties
        this.#properties = null
        properties?.close()
        reject(error)
      }
      this.#properties = channel.monitor(properties(this))
    })
  }

  protected sender(value: T): (completion: boolean) => Promise<void> {
    const encoded = this.converter().encode(value, this.metadata)
    const channel = this.#handle()
    return completion => channel.put(encoded, completion ? { completion } : undefined)
  }

  protected isRefusal(error: unknown): boolean {
    return error instanceof CaError && error.code === "REMOTE"
  }

  #handle(): CaChannel {
    this.#channel ??= this.#clients.clientFor("ca").channel(this.#name, { listener: this })
    return this.#channel
  }

  #learn(metadata: CaReading["metadata"]): void {
    const channel = this.#handle()
    this.metadata = metadataOf(channel, metadata)
    const { nativeType: type = "double", count = 1 } = channel
    this.verify(conversion(this.datatype, { type, count, metadata: this.metadata }))
    this.#opened?.(this.mismatch)
  }

  #decode(reading: CaReading): Reading<T> {
    const { severity } = reading
    const decoded: Reading<T> = {
      value: this.converter().decode(reading.value, this.metadata),
      timestamp: reading.timestamp,
      alarm_severity: severity,
    }
    if (severity !== 0) decoded.message = reading.statusText
    return decoded
  }

  /** Where the client looks for names. */
  #places(): string | undefined {
    const { nameServers, addressList } = this.#clients.clientFor("ca").settings
    const places = [...nameServers, ...addressList].map(({ host, port }) => `${host}:${port}`)
    return places.length === 0 ? undefined : places.join(", ")
  }
}

/** The subscription that tells limits, units and labels. */
const properties = (listener: CaMonitorListener): CaMonitorOptions => ({
  metadata: true,
  events: ["property"],
  count: 1,
  listener,
})
