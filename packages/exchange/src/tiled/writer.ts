import { type Clock, systemClock, toError } from "@ophyd-ts/core"
import type { DocumentArgs, Subscriber } from "@ophyd-ts/run-engine"
import { Outbox } from "../delivery/outbox.ts"
import { type BackOff, persist } from "../delivery/persist.ts"
import { type DeliveryReport, Reporter } from "../delivery/report.ts"
import { RunsByDocument } from "../delivery/runs.ts"
import { documentSize } from "../delivery/size.ts"
import { ExchangeError } from "../errors.ts"
import { Catalog } from "./catalog.ts"
import { TiledClient, type TiledServer } from "./client.ts"
import { RunWriter } from "./run-writer.ts"
import { Spool } from "./spool.ts"

export interface TiledWriterOptions extends TiledServer {
  /** Container of the catalogue in which runs are made, e.g. `["raw"]`; it must exist. Default: the catalogue itself. */
  container?: readonly string[]
  /**
   * Folder that keeps each run, one document per line, until the server has all of it. With it a run survives a server
   * that stays away and the end of this process: `resend()` delivers what was left. One folder per process.
   */
  spool?: string
  /**
   * True makes the plan wait until the server has each document, and fail when it does not within `patience`: subscribe
   * as `RE.subscribe(writer.subscriber, { strict: true })`. Default false: the plan never waits.
   */
  strict?: boolean
  /** Seconds of trying again before a document counts as lost. Default: 30 when strict, else without end. */
  patience?: number
  /** The most documents that may wait in memory; default 100 000. A run that exceeds it is left to the spool. */
  maxPending?: number
  /** The most bytes that may wait in memory, about; default 512 MiB. */
  maxPendingBytes?: number
  /** Seconds after which events appear in the catalogue at the latest, while it keeps up; default 1. */
  flushInterval?: number
  /** Events of a stream that are written together at most; default 10 000. */
  batchSize?: number
  /** Larger arrays than this many items become arrays of their own, others columns of a table; default 16 as in bluesky. */
  maxArrayInTable?: number
  backOff?: BackOff
  /** Hears of outages and of what was lost. Without it the engine does: among the `problems` of the run. */
  report?: (report: DeliveryReport) => void
  clock?: Clock
}

export interface TiledHealth {
  /** Documents that wait. */
  readonly pending: number
  /** Why it is being tried again, null while all is well. */
  readonly away: Error | null
  /** Runs that will not arrive by themselves. */
  readonly lost: readonly string[]
}

type Item = { kind: "document"; run: string; args: DocumentArgs } | { kind: "flush" }

/**
 * Writes runs to a Tiled catalogue over HTTP, in the layout of bluesky's own TiledWriter, so that `tiled.client` and
 * bluesky-tiled-plugins read them as any other run.
 *
 * ```ts
 * const writer = new TiledWriter({ url: "http://127.0.0.1:8000", apiKey, spool: "spool/tiled" })
 * RE.subscribe(writer.subscriber)
 * …
 * await writer.close()
 * ```
 *
 * The plan does not wait for the server: documents wait in memory up to a bound, and on disk with `spool`. A server that
 * stays away or restarts is tried again; rows whose arrival is uncertain are counted before they are sent again. A run
 * that cannot be written to its end is left without a stop document, so that it never looks complete.
 */
export class TiledWriter implements AsyncDisposable {
  readonly #options: TiledWriterOptions
  readonly #client: TiledClient
  readonly #clock: Clock
  readonly #reporter: Reporter
  readonly #spool: Spool | null
  readonly #outbox: Outbox<Item>
  readonly #owners = new RunsByDocument()
  readonly #writers = new Map<string, RunWriter>()
  /** Runs with documents that are to come or still wait. */
  readonly #open = new Set<string>()
  readonly #lost = new Set<string>()
  readonly #signal = new AbortController()
  readonly #strict: boolean
  #flushing: (() => void) | null = null

  /** @throws ExchangeError `ARGUMENT` */
  constructor(options: TiledWriterOptions) {
    this.#options = options
    this.#client = new TiledClient(options)
    this.#clock = options.clock ?? systemClock
    this.#strict = options.strict ?? false
    this.#reporter = new Reporter(options.report)
    this.#spool = options.spool === undefined ? null : new Spool(options.spool)
    this.#outbox = new Outbox<Item>({
      capacity: options.maxPending ?? 100_000,
      bytes: options.maxPendingBytes ?? 512 * 2 ** 20,
      sizeOf: item => (item.kind === "document" ? documentSize(...item.args) : 0),
      clock: this.#clock,
      deliver: item => this.#deliver(item),
      failed: (error, item) => {
        // A flush is tried again with the next one; its rows belong to runs that fail by themselves.
        if (item.kind === "document") this.#give(item.run, error)
      },
    })
  }

  get health(): TiledHealth {
    return { pending: this.#outbox.pending, away: this.#reporter.away, lost: [...this.#lost] }
  }

  /** For `RE.subscribe`. */
  readonly subscriber: Subscriber = (...args: DocumentArgs) => {
    const run = this.#owners.owner(...args)
    if (run === undefined) return
    if (args[0] === "start") this.#open.add(run)
    if (args[0] === "stop") this.#owners.forget(run)
    this.#record(run, args)
    if (this.#strict) return this.#deliverStrictly(run, args)
    if (!this.#lost.has(run) && !this.#outbox.push({ kind: "document", run, args }))
      this.#give(run, this.#refusal())
    this.#reporter.complain()
  }

  /** Resolves when everything that has come so far is in the catalogue. Rejects with `TIMEOUT` after so many seconds. */
  async flush(timeout = 30): Promise<void> {
    this.#outbox.push({ kind: "flush" })
    await this.#outbox.idle(timeout)
  }

  /**
   * Ends the writer: waits up to so many seconds for what is still to be written, then leaves it (to the spool, if there
   * is one) and reports it as lost.
   */
  async close(timeout = 10): Promise<void> {
    if (this.#outbox.closed) return
    this.#flushing?.()
    await this.flush(timeout).catch(() => {})
    this.#signal.abort(new ExchangeError("CLOSED", "the writer was closed"))
    this.#outbox.close()
    for (const run of this.#open)
      this.#give(run, new ExchangeError("CLOSED", `run ${run} was not complete when the writer was closed`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * Delivers the runs that the spool has kept, each as a whole; what an earlier attempt left in the catalogue is
   * replaced (the key needs the scope `delete:node` for that). Runs of this writer that are still open are left alone.
   *
   * @returns uids of what arrived, and the error of what did not
   * @throws ExchangeError `ARGUMENT` without a spool
   */
  async resend(): Promise<{ sent: string[]; failed: { run: string; error: Error }[] }> {
    if (this.#spool === null) throw new ExchangeError("ARGUMENT", "resend: this writer has no spool")
    const sent: string[] = []
    const failed: { run: string; error: Error }[] = []
    for (const run of this.#spool.kept().filter(uid => !this.#open.has(uid))) {
      try {
        const writer = this.#runWriter(true, this.#options.patience ?? 30)
        for (const { name, doc } of this.#spool.read(run))
          await writer.write(...([name, doc] as DocumentArgs))
        await writer.flush()
        this.#spool.arrived(run)
        this.#lost.delete(run)
        sent.push(run)
      } catch (thrown) {
        failed.push({ run, error: toError(thrown) })
      }
    }
    return { sent, failed }
  }

  async #deliverStrictly(run: string, args: DocumentArgs): Promise<void> {
    try {
      await this.#outbox.send({ kind: "document", run, args })
    } catch (thrown) {
      this.#give(run, toError(thrown))
      throw thrown
    }
  }

  #record(run: string, args: DocumentArgs): void {
    try {
      this.#spool?.record(...args)
    } catch (cause) {
      if (this.#strict) throw cause
      this.#reporter.lost(run, new ExchangeError("REFUSED", "the spool cannot be written", { cause }), null)
    }
  }

  #refusal(): ExchangeError {
    if (this.#outbox.closed) return new ExchangeError("CLOSED", `${this.#client.url}: the writer was closed`)
    const { away } = this.#reporter
    const why = away === null ? "the server is too slow" : away.message
    return new ExchangeError(
      "OVERFLOW",
      `${this.#client.url}: ${this.#outbox.pending} documents wait and no more can: ${why}`,
      { cause: away ?? undefined },
    )
  }

  /** What is left of the run is not written any more. */
  #give(run: string, error: Error): void {
    this.#writers.delete(run)
    this.#open.delete(run)
    if (this.#lost.has(run)) return
    this.#lost.add(run)
    this.#reporter.lost(run, error, this.#spool?.file(run) ?? null)
  }

  async #deliver(item: Item): Promise<void> {
    if (item.kind === "flush") {
      for (const [run, writer] of this.#writers)
        await writer.flush().catch((error: unknown) => this.#give(run, toError(error)))
      return
    }
    const { run, args } = item
    if (args[0] === "start") {
      const patience = this.#options.patience ?? (this.#strict ? 30 : Number.POSITIVE_INFINITY)
      this.#writers.set(run, this.#runWriter(false, patience))
    }
    const writer = this.#writers.get(run)
    if (writer === undefined) return
    await writer.write(...args)
    if (this.#strict) await writer.flush()
    else this.#flushSoon()
    if (args[0] !== "stop") return
    this.#writers.delete(run)
    this.#open.delete(run)
    this.#spool?.arrived(run)
  }

  #flushSoon(): void {
    if (this.#flushing !== null) return
    const forget = this.#clock.after(this.#options.flushInterval ?? 1, () => {
      this.#flushing = null
      this.#outbox.push({ kind: "flush" })
    })
    this.#flushing = () => {
      this.#flushing = null
      forget()
    }
  }

  #runWriter(replace: boolean, patience: number): RunWriter {
    const { signal } = this.#signal
    const { backOff = {}, container = [], batchSize = 10_000, maxArrayInTable = 16 } = this.#options
    const catalog = new Catalog(
      this.#client,
      async attempt => {
        const retrying = (error: ExchangeError) => this.#reporter.retrying(error)
        const result = await persist(attempt, { backOff, clock: this.#clock, signal, patience, retrying })
        this.#reporter.arrived()
        return result
      },
      signal,
    )
    return new RunWriter(catalog, { parent: container, maxInTable: maxArrayInTable, batchSize, replace })
  }
}
