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
  toError,
} from "@ophyd-ts/core"
import {
  type Channel,
  type FieldType,
  field,
  type Monitor,
  type PvaClient,
  PvaRefusedError,
  type PvStructureValue,
  readAlarm,
  readTimeStamp,
} from "pvxs-node"
import { EpicsError } from "../errors.ts"
import { PutGate } from "../put-gate.ts"
import { type PvaConversion, pvaConversion } from "./conversion.ts"
import { describing, metadataOf } from "./metadata.ts"

export interface PvaBackendOptions {
  /** Seconds that a read may take; default that of the client. */
  readTimeout?: number | undefined
}

/** What a value needs to become a reading; the rest of the structure is asked for when it connects. */
const readingFields = "field(value,alarm,timeStamp)"

/** A signal's value in a pvAccess server: the member `value` of a normative type. */
export class PvaBackend<T> implements SignalBackend<T> {
  readonly source: string
  readonly datatype: Datatype<T>
  metadata: Metadata = {}
  readonly #name: string
  readonly #client: () => PvaClient
  readonly #readTimeout: number | undefined
  readonly #listeners = new Listeners<boolean>()
  readonly #gate = new PutGate()
  #channel: Channel | null = null
  #connecting: Promise<void> | null = null
  #conversion: PvaConversion<T> | null = null
  #mismatch: EpicsError | null = null
  #type: FieldType | undefined
  #choices: readonly string[] = []
  #properties: Monitor | null = null

  /** `client` is asked for once, when it connects. */
  constructor(name: string, datatype: Datatype<T>, client: () => PvaClient, options: PvaBackendOptions = {}) {
    this.source = `pva://${name}`
    this.datatype = datatype
    this.#name = name
    this.#client = client
    this.#readTimeout = options.readTimeout
  }

  get connection(): ConnectionState {
    const channel = this.#channel
    if (channel === null) return { connected: false, state: "not started" }
    const known = this.#conversion !== null
    const asking = channel.isConnected && !known ? "asking for its type" : channel.state
    const state = this.#mismatch !== null ? "wrong type" : asking
    const address = channel.endpoint === "" ? undefined : channel.endpoint
    return { connected: channel.isConnected && known, state, address }
  }

  connect(): Promise<void> {
    this.#connecting ??= this.#open().catch(error => {
      this.#connecting = null
      throw error
    })
    return this.#connecting
  }

  async read(): Promise<Reading<T>> {
    const { channel } = this.#use()
    const timeout = this.#readTimeout === undefined ? {} : { timeout: this.#readTimeout }
    return this.#decode(await channel.get({ request: readingFields, ...timeout }))
  }

  put(value: T, { completion }: PutOptions): Promise<void> {
    const { channel, conversion } = this.#use()
    if (!channel.isConnected) {
      const why = `${this.source} is ${channel.state} at the moment, nothing was written`
      return Promise.reject(new EpicsError("DISCONNECTED", why))
    }
    const encoded = { value: conversion.encode(value, this.#choices) }
    return this.#gate.put(
      wait => channel.put(encoded, wait ? { completion: true } : {}),
      completion,
      error => error instanceof PvaRefusedError,
    )
  }

  monitor(listener: ReadingListener<T>): () => void {
    const { channel } = this.#use()
    const where = `an update of ${this.source}`
    const monitor = channel.monitor({
      request: readingFields,
      onUpdate: ({ value }) => callSafely(update => listener(this.#decode(update)), value, where),
    })
    monitor.on("ended", reason => {
      if (reason !== undefined && !ending) reportCallbackError(reason, `the subscription to ${this.source}`)
    })
    let ending = false
    return () => {
      ending = true
      monitor.close()
    }
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#listeners.add(listener)
  }

  async #open(): Promise<void> {
    const channel = this.#start()
    await channel.connect({ timeout: Number.POSITIVE_INFINITY })
    await this.#learn(channel)
    if (this.#mismatch !== null) throw this.#mismatch
  }

  #start(): Channel {
    if (this.#channel !== null) return this.#channel
    const channel = this.#client().channel(this.#name)
    this.#channel = channel
    const where = `a connection listener of ${this.source}`
    channel.on("disconnected", () => this.#listeners.tell(false, where))
    channel.on("connected", () => {
      // The first time it is `connect` that waits for the type; later the server may be another one, with another type.
      if (this.#type === undefined) return
      this.#learn(channel).then(
        () => this.#listeners.tell(true, where),
        thrown => reportCallbackError(toError(thrown), `asking for the type of ${this.source}`),
      )
    })
    return channel
  }

  /** Asks for type and description of the value. */
  async #learn(channel: Channel): Promise<void> {
    const [type, structure] = await Promise.all([channel.info(), channel.get()])
    const members = type.kind === "structure" ? type.members : []
    this.#type = members.find(member => member.name === "value")?.type
    const choices = field(structure, "value", "choices")
    this.#choices = Array.isArray(choices) ? (choices as string[]) : []
    this.metadata = metadataOf(this.#type, structure, this.#choices)
    const { metadata } = this
    const found = pvaConversion(this.datatype, { value: this.#type, choices: this.#choices, metadata })
    const fits = typeof found !== "string"
    this.#conversion = fits ? found : null
    this.#mismatch = fits ? null : new EpicsError("WRONG_TYPE", `${this.source}: ${found}`)
    const properties = describing.filter(name => members.some(member => member.name === name))
    if (fits && properties.length > 0 && this.#properties === null) this.#watchProperties(channel, properties)
  }

  #watchProperties(channel: Channel, properties: readonly string[]): void {
    this.#properties = channel.monitor({
      request: `field(${properties.join(",")})`,
      onUpdate: ({ value }) => {
        this.metadata = metadataOf(this.#type, value, this.#choices)
      },
    })
    // A server that came back without these members refuses; whoever connects again asks anew.
    this.#properties.on("ended", () => {
      this.#properties = null
    })
  }

  #use(): { channel: Channel; conversion: PvaConversion<T> } {
    if (this.#mismatch !== null) throw this.#mismatch
    if (this.#channel === null || this.#conversion === null) {
      throw new EpicsError("DISCONNECTED", `${this.source} was never connected`)
    }
    return { channel: this.#channel, conversion: this.#conversion }
  }

  #decode(structure: PvStructureValue): Reading<T> {
    const { conversion } = this.#use()
    const time = readTimeStamp(structure)
    const alarm = readAlarm(structure)
    const severity = alarm?.severity ?? 0
    const decoded: Reading<T> = {
      value: conversion.decode(field(structure, "value"), this.#choices),
      timestamp: time === null ? Date.now() / 1000 : time.secondsPastEpoch + time.nanoseconds * 1e-9,
      // pvAccess counts "undefined" as 4, documents as -1.
      alarm_severity: severity === 4 ? -1 : severity,
    }
    if (severity !== 0 && alarm?.message) decoded.message = alarm.message
    return decoded
  }
}
