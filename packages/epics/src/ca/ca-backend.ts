import {
  type ConnectionState,
  callSafely,
  type Datatype,
  Listeners,
  type Metadata,
  type PutOptions,
  type Reading,
  type ReadingListener,
  reportCallbackError,
  type SignalBackend,
} from "@ophyd-ts/core"
import {
  type CaChannel,
  type CaClient,
  CaError,
  type CaMonitor,
  type CaReading,
  type DbrMetadata,
} from "node-epics-ca"
import { EpicsError } from "../errors.ts"
import { PutGate } from "../put-gate.ts"
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
export class CaBackend<T> implements SignalBackend<T> {
  readonly source: string
  readonly datatype: Datatype<T>
  metadata: Metadata = {}
  readonly #name: string
  readonly #client: () => CaClient
  readonly #options: CaBackendOptions
  readonly #listeners = new Listeners<boolean>()
  readonly #gate = new PutGate()
  #channel: CaChannel | null = null
  #connecting: Promise<void> | null = null
  #conversion: Conversion<T> | null = null
  #mismatch: EpicsError | null = null
  /** Tells whoever connects that the type is known, or what is wrong with it. */
  #opened: ((error: Error | null) => void) | null = null
  /** `client` is asked for once, when it connects. */
  constructor(name: string, datatype: Datatype<T>, client: () => CaClient, options: CaBackendOptions = {}) {
    this.source = `ca://${name}`
    this.datatype = datatype
    this.#name = name
    this.#client = client
    this.#options = options
  }

  get connection(): ConnectionState {
    const channel = this.#channel
    if (channel === null) return { connected: false, state: "not started" }
    const known = this.#conversion !== null
    const state =
      this.#mismatch !== null
        ? "wrong type"
        : channel.connected && !known
          ? "asking for its type"
          : channel.state
    return { connected: channel.connected && known, state, address: channel.server ?? this.#places() }
  }

  connect(): Promise<void> {
    this.#connecting ??= this.#open().then(
      () => {
        this.#connecting = connectedAlready
      },
      error => {
        this.#connecting = null
        throw error
      },
    )
    return this.#connecting
  }

  read(): Promise<Reading<T>> {
    const { channel, conversion } = this.#use()
    const { readTimeout } = this.#options
    const options =
      readTimeout === undefined ? conversion.request : { ...conversion.request, timeout: readTimeout }
    // A request without options takes the shortest way through the client.
    const reading = options === plainRequest ? channel.get() : channel.get(options)
    return reading.then(sent => this.#decode(sent))
  }

  put(value: T, { completion }: PutOptions): Promise<void> {
    const { channel, conversion } = this.#use()
    if (!channel.connected) {
      const why = `${this.source} is ${channel.state} at the moment, nothing was written`
      return Promise.reject(new EpicsError("DISCONNECTED", why))
    }
    const encoded = conversion.encode(value, this.metadata)
    return this.#gate.put(
      wait => channel.put(encoded, wait ? { completion: true } : undefined),
      completion,
      error => error instanceof CaError && error.code === "REMOTE",
    )
  }

  monitor(listener: ReadingListener<T>): () => void {
    const { channel, conversion } = this.#use()
    const monitor = channel.monitor({
      ...conversion.request,
      onUpdate: reading => {
        callSafely(sent => listener(this.#decode(sent)), reading, `an update of ${this.source}`)
      },
      onError: error => reportCallbackError(error, `the subscription to ${this.source}`),
    })
    return () => monitor.close()
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#listeners.add(listener)
  }

  async #open(): Promise<void> {
    if (this.datatype.family === "table") {
      const why = `${this.source}: declared ${this.datatype.label}: Channel Access has no tables, use pva://${this.#name}`
      throw new EpicsError("WRONG_TYPE", why)
    }
    const channel = this.#start()
    await channel.connect({ timeout: Number.POSITIVE_INFINITY })
    await new Promise<void>((resolve, reject) => {
      this.#opened = error => {
        this.#opened = null
        if (error === null) resolve()
        else {
          monitor.close()
          reject(error)
        }
      }
      const monitor = this.#watchProperties(channel)
    })
  }

  #watchProperties(channel: CaChannel): CaMonitor {
    return channel.monitor({
      metadata: true,
      events: ["property"],
      count: 1,
      onUpdate: ({ metadata }) => this.#know(channel, metadata),
      // A channel that may be written only has no metadata to show.
      onError: error => (channel.readable ? this.#opened?.(error) : this.#know(channel, undefined)),
    })
  }

  #know(channel: CaChannel, metadata: DbrMetadata | undefined): void {
    this.metadata = metadataOf(channel, metadata)
    this.#verify(channel)
    this.#opened?.(this.#mismatch)
  }

  #start(): CaChannel {
    if (this.#channel !== null) return this.#channel
    const channel = this.#client().channel(this.#name)
    this.#channel = channel
    const where = `a connection listener of ${this.source}`
    channel.events.on("connected", () => this.#listeners.tell(true, where))
    channel.events.on("disconnected", () => this.#listeners.tell(false, where))
    channel.events.on("access", () => {
      this.metadata = { ...this.metadata, readable: channel.readable, writable: channel.writable }
    })
    return channel
  }

  /** After each connect the server may be another one, with another type. */
  #verify(channel: CaChannel): void {
    const { nativeType: type = "double", count = 1 } = channel
    const found = conversion(this.datatype, { type, count, metadata: this.metadata })
    if (typeof found === "string") {
      this.#conversion = null
      this.#mismatch = new EpicsError("WRONG_TYPE", `${this.source}: ${found}`)
    } else {
      this.#conversion = found
      this.#mismatch = null
    }
  }

  #use(): { channel: CaChannel; conversion: Conversion<T> } {
    if (this.#mismatch !== null) throw this.#mismatch
    if (this.#channel === null || this.#conversion === null) {
      throw new EpicsError("DISCONNECTED", `${this.source} was never connected`)
    }
    return { channel: this.#channel, conversion: this.#conversion }
  }

  #decode(reading: CaReading): Reading<T> {
    const { conversion } = this.#use()
    const { severity } = reading
    const decoded: Reading<T> = {
      value: conversion.decode(reading.value, this.metadata),
      timestamp: reading.timestamp,
      alarm_severity: severity,
    }
    if (severity !== 0) decoded.message = reading.statusText
    return decoded
  }

  /** Where the client looks for names. */
  #places(): string | undefined {
    const { nameServers, addressList } = this.#client().settings
    const places = [...nameServers, ...addressList].map(({ host, port }) => `${host}:${port}`)
    return places.length === 0 ? undefined : places.join(", ")
  }
}

/** What all connected backends give: one promise, and none that keeps its history. */
const connectedAlready = Promise.resolve()
