import {
  callSafely,
  type Datatype,
  type Reading,
  type ReadingListener,
  reportCallbackError,
} from "@ophyd-ts/core"
import {
  type Channel,
  type FieldType,
  field,
  type Monitor,
  PvaError,
  PvaRefusedError,
  type PvStructureValue,
  readAlarm,
  readTimeStamp,
} from "pvxs-node"
import { EpicsBackend, type Link } from "../backend.ts"
import type { ClientSource } from "../clients.ts"
import { type PvaConversion, pvaConversion } from "./conversion.ts"
import { describing, metadataOf } from "./metadata.ts"

export interface PvaBackendOptions {
  /** Seconds that a read may take; default that of the client. */
  readTimeout?: number | undefined
}

/** What a value needs to become a reading; the rest of the structure is asked for when it connects. */
const readingFields = "field(value,alarm,timeStamp)"

/** A signal's value in a pvAccess server: the member `value` of a normative type. */
export class PvaBackend<T> extends EpicsBackend<T, PvaConversion<T>> {
  readonly #name: string
  readonly #clients: ClientSource
  readonly #readTimeout: number | undefined
  #channel: Channel | null = null
  #type: FieldType | undefined
  #choices: readonly string[] = []
  #properties: Monitor | null = null

  /** `clients` is asked once, when it connects. */
  constructor(name: string, datatype: Datatype<T>, clients: ClientSource, options: PvaBackendOptions = {}) {
    super(datatype)
    this.#name = name
    this.#clients = clients
    this.#readTimeout = options.readTimeout
  }

  get source(): string {
    return `pva://${this.#name}`
  }

  async read(): Promise<Reading<T>> {
    const conversion = this.converter()
    const timeout = this.#readTimeout === undefined ? {} : { timeout: this.#readTimeout }
    const structure = await this.#handle().get({ request: readingFields, ...timeout })
    return this.#decode(structure, conversion)
  }

  monitor(listener: ReadingListener<T>): () => void {
    this.converter()
    const where = `an update of ${this.source}`
    const monitor = this.#handle().monitor({
      request: readingFields,
      onUpdate: ({ value }) =>
        callSafely(update => listener(this.#decode(update, this.converter())), value, where),
    })
    monitor.on("ended", reason => {
      if (reason !== undefined && !ending) this.#report(reason, `the subscription to ${this.source}`)
    })
    let ending = false
    return () => {
      ending = true
      monitor.close()
    }
  }

  protected get link(): Link | null {
    const channel = this.#channel
    if (channel === null) return null
    const { isConnected: connected, state, endpoint, problem: reason } = channel
    return { connected, state, address: endpoint === "" ? undefined : endpoint, reason }
  }

  protected async open(): Promise<void> {
    const channel = this.#handle()
    await channel.connect({ timeout: Number.POSITIVE_INFINITY })
    await this.#learn(channel)
    if (this.mismatch !== null) throw this.mismatch
  }

  protected sender(value: T): (completion: boolean) => Promise<void> {
    const encoded = { value: this.converter().encode(value, this.#choices) }
    const channel = this.#handle()
    return completion => channel.put(encoded, completion ? { completion } : {})
  }

  protected isRefusal(error: unknown): boolean {
    return error instanceof PvaRefusedError
  }

  #handle(): Channel {
    if (this.#channel !== null) return this.#channel
    const channel = this.#clients.clientFor("pva").channel(this.#name)
    this.#channel = channel
    channel.on("disconnected", () => this.tell(false))
    channel.on("connected", () => {
      // The first time it is `connect` that waits for the type; later the server may be another one, with another type.
      if (this.#type === undefined) return
      this.#learn(channel).then(
        () => this.tell(true),
        thrown => this.#report(thrown, `asking for the type of ${this.source}`),
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
    this.verify(pvaConversion(this.datatype, { value: this.#type, choices: this.#choices, metadata }))
    const properties = describing.filter(name => members.some(member => member.name === name))
    if (this.mismatch === null && properties.length > 0 && this.#properties === null)
      this.#watchProperties(channel, properties)
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

  #decode(structure: PvStructureValue, conversion: PvaConversion<T>): Reading<T> {
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

  /** Nobody waits for this. That the client was closed, or the connection lost again, is no news. */
  #report(thrown: unknown, where: string): void {
    const code = thrown instanceof PvaError ? thrown.code : undefined
    if (code !== "PVA_CLOSED" && code !== "PVA_DISCONNECTED") reportCallbackError(thrown, where)
  }
}
