import { jetstream } from "@nats-io/jetstream"
import { headers } from "@nats-io/transport-node"
import { type Clock, systemClock, toError } from "@ophyd-ts/core"
import type { DocumentArgs, DocumentName, Subscriber } from "@ophyd-ts/run-engine"
import { Outbox } from "../delivery/outbox.ts"
import { type BackOff, persist } from "../delivery/persist.ts"
import { type DeliveryReport, Reporter } from "../delivery/report.ts"
import { RunsByDocument } from "../delivery/runs.ts"
import { ExchangeError } from "../errors.ts"
import { packDocument } from "./codec.ts"
import { Connection, type NatsServers, natsError } from "./connection.ts"

export interface NatsPublisherOptions extends NatsServers {
  /** Documents go to `<subject>.<document name>`; default `events.volatile` as in bluesky-nats. */
  subject?: string | (() => string)
  /** The most documents that may wait; default 100 000. A run that exceeds it is not published to its end. */
  maxPending?: number
  /** The most bytes that may wait; default 512 MiB. */
  maxPendingBytes?: number
  /** Seconds for the broker's acknowledgement; then the document is sent again under the same id. Default 5. */
  ackTimeout?: number
  /**
   * True makes the plan wait until the broker has stored each document, and fail when it does not within `patience`:
   * subscribe as `RE.subscribe(publisher.subscriber, { strict: true })`. Default false: the plan never waits.
   */
  strict?: boolean
  /** Seconds of trying again before a document counts as lost. Default: 30 when strict, else without end. */
  patience?: number
  backOff?: BackOff
  /** Hears of outages and of what was lost. Without it the engine does: among the `problems` of the run. */
  report?: (report: DeliveryReport) => void
  clock?: Clock
}

interface Item {
  run: string
  /** Of the document within its run, from 0. */
  number: number
  name: DocumentName
  /** Encoded at once, so that later changes to shared documents do not matter. */
  payload: Uint8Array
}

/**
 * Publishes documents to NATS JetStream as bluesky-nats 2 does: subject `<subject>.<name>`, MessagePack, header `run_id`.
 * Each document is acknowledged by the broker before the next is sent, so their order is kept; it carries an id by which
 * the broker drops what it has twice.
 *
 * ```ts
 * const publisher = new NatsPublisher({ servers: "nats://broker:4222" })
 * RE.subscribe(publisher.subscriber)
 * ```
 */
export class NatsPublisher implements AsyncDisposable {
  readonly #options: NatsPublisherOptions
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #reporter: Reporter
  readonly #outbox: Outbox<Item>
  readonly #owners = new RunsByDocument()
  readonly #signal = new AbortController()
  /** Documents so far, by run. */
  readonly #counts = new Map<string, number>()
  readonly #lost = new Set<string>()

  /** No connection is made before the first document. */
  constructor(options: NatsPublisherOptions = {}) {
    this.#options = options
    this.#connection = new Connection(options)
    this.#clock = options.clock ?? systemClock
    this.#reporter = new Reporter(options.report)
    if (typeof options.subject === "string" && !isSubject(options.subject))
      throw new ExchangeError("ARGUMENT", `"${options.subject}" is no subject to publish to`)
    this.#outbox = new Outbox<Item>({
      capacity: options.maxPending ?? 100_000,
      bytes: options.maxPendingBytes ?? 512 * 2 ** 20,
      sizeOf: item => item.payload.length,
      clock: this.#clock,
      deliver: item => this.#deliver(item),
      failed: (error, item) => this.#give(item.run, error),
    })
  }

  get health(): { pending: number; published: number; away: Error | null; lost: readonly string[] } {
    return {
      pending: this.#outbox.pending,
      published: this.#outbox.delivered,
      away: this.#reporter.away,
      lost: [...this.#lost],
    }
  }

  /** For `RE.subscribe`. */
  readonly subscriber: Subscriber = (...args: DocumentArgs) => {
    const [name, doc] = args
    const run = this.#owners.owner(...args)
    if (run === undefined || this.#lost.has(run)) return
    const number = this.#counts.get(run) ?? 0
    this.#counts.set(run, number + 1)
    if (name === "stop") {
      this.#owners.forget(run)
      this.#counts.delete(run)
    }
    const item = { run, number, name, payload: packDocument(doc) }
    if (this.#options.strict) return this.#deliverStrictly(item)
    if (!this.#outbox.push(item)) this.#give(run, this.#refusal())
    this.#reporter.complain()
  }

  /** Resolves when the broker has stored everything that has come so far. Rejects with `TIMEOUT` after so many seconds. */
  flush(timeout = 30): Promise<void> {
    return this.#outbox.idle(timeout)
  }

  /** Waits up to so many seconds for what is still to be sent, then gives it up and reports it as lost. */
  async close(timeout = 10): Promise<void> {
    if (this.#outbox.closed) return
    await this.flush(timeout).catch(() => {})
    this.#signal.abort(new ExchangeError("CLOSED", `${this.#connection.text}: the publisher was closed`))
    for (const { run } of this.#outbox.close())
      this.#give(
        run,
        new ExchangeError("CLOSED", `documents of run ${run} waited when the publisher was closed`),
      )
    await this.#connection.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #deliverStrictly(item: Item): Promise<void> {
    try {
      await this.#outbox.send(item)
    } catch (thrown) {
      this.#give(item.run, toError(thrown))
      throw thrown
    }
  }

  async #deliver({ run, number, name, payload }: Item): Promise<void> {
    if (this.#lost.has(run)) return
    const { subject = "events.volatile", ackTimeout = 5, backOff = {}, strict = false } = this.#options
    const to = `${typeof subject === "string" ? subject : subject()}.${name}`
    const what = `${this.#connection.text}: publish ${to}`
    const patience = this.#options.patience ?? (strict ? 30 : Number.POSITIVE_INFINITY)
    const attempt = async () => {
      const connection = await this.#connection.open()
      const header = headers()
      header.set("run_id", run)
      try {
        await jetstream(connection).publish(to, payload, {
          headers: header,
          msgID: `${run}.${number}`,
          timeout: ackTimeout * 1000,
        })
      } catch (thrown) {
        throw natsError(what, thrown)
      }
    }
    const { signal } = this.#signal
    const retrying = (error: ExchangeError) => this.#reporter.retrying(error)
    await persist(attempt, { backOff, clock: this.#clock, signal, patience, retrying })
    this.#reporter.arrived()
  }

  /** What is left of the run is not published: without a stop document it does not look complete. */
  #give(run: string, error: Error): void {
    if (this.#lost.has(run)) return
    this.#lost.add(run)
    this.#counts.delete(run)
    this.#reporter.lost(run, error, null)
  }

  #refusal(): ExchangeError {
    if (this.#outbox.closed)
      return new ExchangeError("CLOSED", `${this.#connection.text}: the publisher was closed`)
    const why = this.#reporter.away?.message ?? "the broker is too slow"
    return new ExchangeError(
      "OVERFLOW",
      `${this.#connection.text}: ${this.#outbox.pending} documents wait and no more can: ${why}`,
    )
  }
}

const isSubject = (text: string): boolean => /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text)
