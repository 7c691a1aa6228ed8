/** Documents of the event model, names and all. Times are seconds since 1970-01-01 UTC. */
import type { DataKey, Hints } from "@ophyd-ts/core"
import type { ExitStatus } from "../messages.ts"

export interface RunStart {
  uid: string
  time: number
  scan_id?: number
  plan_name?: string
  plan_type?: string
  hints?: Hints
  [key: string]: unknown
}

export interface Configuration {
  data: Record<string, unknown>
  timestamps: Record<string, number>
  data_keys: Record<string, DataKey>
}

export interface EventDescriptor {
  configuration: Record<string, Configuration>
  data_keys: Record<string, DataKey>
  /** The stream. */
  name: string
  object_keys: Record<string, string[]>
  run_start: string
  time: number
  uid: string
  hints: Record<string, Hints>
}

export interface Event {
  uid: string
  time: number
  data: Record<string, unknown>
  timestamps: Record<string, number>
  seq_num: number
  filled: Record<string, boolean | string>
  descriptor: string
}

/** Events of one stream, each value a list. */
export interface EventPage {
  uid: string[]
  time: number[]
  data: Record<string, unknown[]>
  timestamps: Record<string, number[]>
  seq_num: number[]
  filled: Record<string, (boolean | string)[]>
  descriptor: string
}

/** Data that another program writes. */
export interface StreamResource {
  uid: string
  data_key: string
  mimetype: string
  uri: string
  parameters: Record<string, unknown>
  run_start?: string
}

/** Half open: `start` belongs to it, `stop` does not. */
export interface StreamRange {
  start: number
  stop: number
}

export interface StreamDatum {
  uid: string
  stream_resource: string
  descriptor: string
  indices: StreamRange
  seq_nums: StreamRange
}

export interface RunStop {
  uid: string
  time: number
  run_start: string
  exit_status: ExitStatus
  reason: string
  /** Highest sequence number per stream. */
  num_events: Record<string, number>
}

export interface DocumentTypes {
  start: RunStart
  descriptor: EventDescriptor
  event: Event
  event_page: EventPage
  stream_resource: StreamResource
  stream_datum: StreamDatum
  stop: RunStop
}

export type DocumentName = keyof DocumentTypes

/** A document with its name, told apart by `name`. */
export type NamedDocument = { [N in DocumentName]: { name: N; doc: DocumentTypes[N] } }[DocumentName]

/**
 * Receives documents in order. One that returns a promise is waited for before the next message if it subscribed as
 * strict. Documents are shared between subscribers: read them, do not change them.
 */
export type Subscriber = (...args: DocumentArgs) => unknown

/** Name and document as two arguments: testing the name narrows the document. */
export type DocumentArgs = { [N in DocumentName]: [name: N, doc: DocumentTypes[N]] }[DocumentName]
