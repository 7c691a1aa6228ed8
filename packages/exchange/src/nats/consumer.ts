import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { type Clock, systemClock } from "@ophyd-ts/core"
import type { DocumentArgs, DocumentName, NamedDocument, Subscriber } from "@ophyd-ts/run-engine"
import { type BackOff, persist } from "../delivery/persist.ts"
import { ExchangeError } from "../errors.ts"
import { unpackDocument } from "./codec.ts"
import { Connection, exists, type NatsServers, natsError } from "./connection.ts"

export interface NatsDocumentsOptions extends NatsServers {
  /** The stream that keeps the documents; default `bluesky`. */
  stream?: string
  /** Which of its subjects, with `*` and `>`; default all. */
  subject?: string
  /**
   * Name under which the broker remembers how far this reader has come: it goes on there after a restart of either
   * side. Without it every start begins at `from`.
   */
  durable?: string
  /** Where a reader begins that the broker does not know: with all that is kept (default), or with what is new. */
  from?: "all" | "new"
  /** Seconds after which the broker sends a document again that was not dealt with; default 10. */
  ackWait?: number
  backOff?: BackOff
  /** Hears of outages (`UNREACHABLE`) and of messages that are no documents (`FORMAT`), which are passed over. */
  problem?: (error: ExchangeError) => void
  clock?: Clock
}

/** A document with what the broker knows of it. */
export type ReceivedDocument = NamedDocument & {
  subject: string
  /** Header `run_id`, empty where there is none. */
  run: string
  /** Its number in the stream. */
  sequence: number
}

const names: readonly DocumentName[] = [
  "start",
  "descriptor",
  "event",
  "event_page",
  "stream_resource",
  "stream_datum",
  "stop",
]

/**
 * Reads documents that bluesky-nats or `NatsPublisher` published, in order, each once. A document counts as dealt with
 * when the next is asked for: one that a loop left in the middle comes again.
 *
 * ```ts
 * await using documents = new NatsDocuments({ servers, durable: "archiver" })
 * for await (const { name, doc } of documents) …
 * ```
 */
export class NatsDocuments implements AsyncIterable<ReceivedDocument>, AsyncDisposable {
  readonly #options: NatsDocumentsOptions
  readonly #connection: Connection
  readonly #signal = new AbortController()
  #messages: ConsumerMessages | null = null
  #last = 0

  constructor(options: NatsDocumentsOptions = {}) {
    this.#options = options
    this.#connection = new Connection(options)
  }

  /** Hands the documents to a subscriber, waiting for it where it returns a promise, until this is closed. */
  async forward(subscriber: Subscriber): Promise<void> {
    for await (const { name, doc } of this) await subscriber(...([name, doc] as DocumentArgs))
  }

  /** Ends every loop over the documents. */
  async close(): Promise<void> {
    this.#signal.abort(new ExchangeError("CLOSED", `${this.#connection.text}: the reader was closed`))
    await this.#messages?.close().catch(() => {})
    await this.#connection.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedDocument, void, undefined> {
    const { signal } = this.#signal
    const { backOff = {}, clock = systemClock, problem = () => {} } = this.#options
    while (!signal.aborted) {
      try {
        const options = { backOff, clock, signal, patience: Number.POSITIVE_INFINITY, retrying: problem }
        this.#messages = await persist(() => this.#consume(), options)
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
      for await (const message of this.#messages) {
        if (message.seq > this.#last) {
          const document = this.#documentOf(message)
          if (document !== null) yield document
          this.#last = message.seq
        }
        message.ack()
      }
    }
  }

  async #consume(): Promise<ConsumerMessages> {
    const what = `${this.#connection.text}: read stream ${this.#stream}`
    try {
      const consumer = await this.#consumer(await this.#connection.open())
      return await consumer.consume({ max_messages: 100 })
    } catch (thrown) {
      throw natsError(what, thrown)
    }
  }

  get #stream(): string {
    return this.#options.stream ?? "bluesky"
  }

  async #consumer(connection: NatsConnection): Promise<Consumer> {
    const { subject, durable, from = "all", ackWait = 10 } = this.#options
    const begin = from === "all" ? DeliverPolicy.All : DeliverPolicy.New
    const streams = jetstream(connection).consumers
    if (durable === undefined) {
      const after = this.#last > 0
      return streams.get(this.#stream, {
        ...(subject !== undefined && { filter_subjects: subject }),
        ...(after
          ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#last + 1 }
          : { deliver_policy: begin }),
      })
    }
    const manager = await jetstreamManager(connection)
    if (!(await exists(manager.consumers.info(this.#stream, durable)))) {
      await manager.consumers.add(this.#stream, {
        durable_name: durable,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: begin,
        ack_wait: ackWait * 1e9,
        // Of several that are under way the first could be lost and come again after the second.
        max_ack_pending: 1,
        ...(subject !== undefined && { filter_subject: subject }),
      })
    }
    return streams.get(this.#stream, durable)
  }

  #documentOf(message: JsMsg): ReceivedDocument | null {
    const { subject } = message
    const name = subject.slice(subject.lastIndexOf(".") + 1) as DocumentName
    try {
      if (!names.includes(name)) throw new ExchangeError("FORMAT", `"${name}" is no kind of document here`)
      const doc = unpackDocument(message.data)
      const run = message.headers?.get("run_id") ?? ""
      return { name, doc, subject, run, sequence: message.seq } as unknown as ReceivedDocument
    } catch (cause) {
      const error = cause as ExchangeError
      const text = `${this.#connection.text}: message ${message.seq} on ${subject} is passed over: ${error.message}`
      this.#options.problem?.(new ExchangeError("FORMAT", text, { cause }))
      return null
    }
  }
}
