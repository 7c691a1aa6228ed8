import { type Clock, Listeners, systemClock, toError } from "@ophyd-ts/core"
import { type Channel, PvaClient, PvaError, type ValueOf } from "pvxs-node"
import { sleep } from "../time.ts"
import { DmStreamError } from "./errors.ts"
import { atAddress, channelAt } from "./frames.ts"
import {
  batchLimit,
  commandType,
  type FrameResult,
  isEndState,
  pvNames,
  type ReportState,
  type StreamAddress,
} from "./protocol.ts"

export interface WorkflowSideOptions extends StreamAddress {
  /** Seconds for which the plan's side may be away before the work is given up; default 10. */
  patience?: number
  clock?: Clock
}

/** How many frames there were. */
export interface FrameCounts {
  readonly received: number
  readonly missed: number
  readonly processed: number
  /** `uniqueId` of the last one. */
  readonly lastFrame: number
}

/** What the plan says, as the workflow's process sees it. */
export interface StreamOrder {
  readonly command: string
  readonly reason: string
  /** With `stop`: frames since the start; null when the plan does not know. */
  readonly frames: number | null
}

/**
 * The workflow's side of a streaming collection, for the process that a stage of the workflow starts: reports states,
 * keeps the heartbeat going, sends results, hears the plan's orders. It survives a lost connection for as long as its
 * patience lasts; results are sent again, and counted once.
 */
export class WorkflowSide implements AsyncDisposable {
  readonly #options: WorkflowSideOptions
  readonly #client: PvaClient
  readonly #channels: Readonly<Record<"command" | "report" | "results", Channel>>
  readonly #clock: Clock
  readonly #consumer = crypto.randomUUID()
  readonly #orders = new Listeners<StreamOrder>()
  readonly #gone = new AbortController()
  #order: StreamOrder = { command: "", reason: "", frames: null }
  #state: ReportState = "waiting"
  #message = ""
  #counts: FrameCounts = { received: 0, missed: 0, processed: 0, lastFrame: -1 }
  #beat = 0n
  #batch = 0n
  #waiting: FrameResult[] = []
  #sending: Promise<void> = Promise.resolve()
  #isSending = false
  #flushing: Promise<void> | null = null
  #stopBeat: () => void = () => {}
  #stopPatience: () => void = () => {}

  private constructor(options: WorkflowSideOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#client = new PvaClient()
    const names = pvNames(options.prefix)
    const at = (name: string) => channelAt(this.#client, name, options.address)
    this.#channels = { command: at(names.command), report: at(names.report), results: at(names.results) }
  }

  /**
   * Finds the plan and reports `starting`.
   * @throws DmStreamError `plan-gone` when it is not found within the patience, `refused` when it does not want this
   * process.
   */
  static async open(options: WorkflowSideOptions): Promise<WorkflowSide> {
    const side = new WorkflowSide(options)
    try {
      await side.#listen()
      await side.report("starting")
      return side
    } catch (error) {
      await side.close()
      throw error
    }
  }

  /** What the plan said last. */
  get order(): StreamOrder {
    return this.#order
  }

  get state(): ReportState {
    return this.#state
  }

  get counts(): FrameCounts {
    return this.#counts
  }

  /** Aborted, with a DmStreamError, when the plan says abort or cannot be reached any more. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** Calls `fn` with each order; the function it gives ends that. */
  onOrder(fn: (order: StreamOrder) => void): () => void {
    return this.#orders.add(fn)
  }

  /** Everything is in place: the plan may send frames. */
  reportReady(message = ""): Promise<void> {
    return this.report("ready", message)
  }

  /** Tells the plan a state; resolves when it knows. `running` comes by itself with the first frame counted. */
  async report(state: ReportState, message = ""): Promise<void> {
    this.#state = state
    this.#message = message
    await this.#send()
  }

  /** Frames so far; they travel with the next heartbeat. */
  count(counts: FrameCounts): void {
    this.#counts = counts
    if (this.#state !== "ready" || counts.received === 0) return
    this.#state = "running"
    this.#quietly(this.#send())
  }

  /**
   * Sends what was found in a frame, together with what else waits. Resolves when the plan has it; need not be waited
   * for, since `finish` does, and `signal` tells when it cannot be done.
   */
  result(frame: number, values: Readonly<Record<string, number>>): Promise<void> {
    this.#waiting.push({ frame, values })
    return this.#flushed()
  }

  /**
   * All is done: sends what waits, and reports `finished`. The work is done when the plan has all results, also when
   * the plan goes away before it has answered to that.
   */
  async finish(message = ""): Promise<void> {
    await this.#flushed()
    await this.report("finished", message).catch((error: unknown) => {
      if (!(error instanceof DmStreamError && error.fault === "plan-gone")) throw error
    })
  }

  /** Reports an error, if the plan can still be told. Never rejects. */
  async fail(error: unknown): Promise<void> {
    if (isEndState(this.#state)) return
    await this.report("error", toError(error).message).catch(() => {})
  }

  async close(): Promise<void> {
    this.#stopBeat()
    this.#stopPatience()
    await this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #patience(): number {
    return this.#options.patience ?? 10
  }

  #listen(): Promise<void> {
    const { session } = this.#options
    const channel = this.#channels.command
    const { name } = channel
    return new Promise((resolve, reject) => {
      const giveUp = (error: DmStreamError) => {
        this.#lose(error)
        reject(error)
      }
      const away = (what: string) => {
        this.#stopPatience()
        const where = `${name}${atAddress(this.#options.address)}`
        this.#stopPatience = this.#clock.after(this.#patience, () =>
          giveUp(new DmStreamError("plan-gone", `the plan (${where}) ${what} for ${this.#patience} s`)),
        )
      }
      away("was not found")
      const monitor = channel.monitor({ type: commandType })
      monitor.on("connected", () => this.#stopPatience())
      monitor.on("disconnected", () => away("has been away"))
      monitor.on("update", ({ value }) => {
        if (value.session !== session) {
          giveUp(new DmStreamError("refused", `${name} belongs to another collection`))
          return
        }
        this.#hear(value)
        resolve()
      })
      monitor.on("ended", reason => {
        if (reason !== undefined) giveUp(new DmStreamError("plan-gone", reason.message, { cause: reason }))
      })
    })
  }

  #hear({ command, reason, frames, heartbeat }: ValueOf<typeof commandType>): void {
    this.#order = { command, reason, frames: frames < 0n ? null : Number(frames) }
    this.#beatEvery(heartbeat)
    if (command === "abort") this.#lose(new DmStreamError("plan-gone", `the plan has given up: ${reason}`))
    this.#orders.tell(this.#order, "a listener of a plan's orders")
  }

  #beatEvery(seconds: number): void {
    this.#stopBeat()
    this.#stopBeat = this.#clock.after(seconds, () => {
      // A report that is still on its way is a heartbeat, too.
      if (this.#state !== "waiting" && !isEndState(this.#state) && !this.#isSending)
        this.#quietly(this.#send())
      this.#beatEvery(seconds)
    })
  }

  /** The work is over. What still goes wrong after that is no news. */
  #lose(error: DmStreamError): void {
    if (!this.#gone.signal.aborted) this.#gone.abort(error)
  }

  /** For what nobody waits: the signal tells. */
  #quietly(promise: Promise<void>): void {
    promise.catch(() => {})
  }

  /** One report after the other, each with what holds when it goes out. */
  #send(): Promise<void> {
    const { session } = this.#options
    this.#isSending = true
    const mine = this.#sending
      .catch(() => {})
      .then(() =>
        this.#put(this.#channels.report, () => ({
          session,
          consumer: this.#consumer,
          state: this.#state,
          message: this.#message,
          heartbeat: ++this.#beat,
          ...this.#counts,
        })),
      )
      .finally(() => {
        if (this.#sending === mine) this.#isSending = false
      })
    this.#sending = mine
    return mine
  }

  #flushed(): Promise<void> {
    if (this.#flushing === null) {
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = null
      })
      this.#quietly(this.#flushing)
    }
    return this.#flushing
  }

  async #flush(): Promise<void> {
    const { session } = this.#options
    // Whatever else is found in this turn goes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const names = Object.keys(this.#waiting[0]?.values ?? {})
      const like = ({ values }: FrameResult) => Object.keys(values).join() === names.join()
      const end = this.#waiting.slice(0, batchLimit).findIndex(found => !like(found))
      const found = this.#waiting.splice(0, end < 0 ? batchLimit : end)
      const batch = ++this.#batch
      await this.#put(this.#channels.results, () => ({
        session,
        consumer: this.#consumer,
        batch,
        frames: found.map(({ frame }) => frame),
        names,
        values: found.flatMap(({ values }) => names.map(name => values[name] ?? Number.NaN)),
      }))
    }
  }

  /** Puts, again and again while the connection is lost. @throws DmStreamError */
  async #put(channel: Channel, value: () => Readonly<Record<string, unknown>>): Promise<void> {
    const deadline = this.#clock.now() + this.#patience
    for (;;) {
      try {
        await channel.put(value(), { timeout: Math.min(2, this.#patience) })
        return
      } catch (cause) {
        const { message } = toError(cause)
        const isLost = cause instanceof PvaError && lostCodes.has(cause.code)
        if (!isLost) throw this.#refused(new DmStreamError("refused", message, { cause }))
        if (this.signal.aborted || this.#clock.now() >= deadline) {
          const error = new DmStreamError("plan-gone", `the plan cannot be told any more: ${message}`, {
            cause,
          })
          throw this.#refused(error)
        }
        await sleep(this.#clock, 0.1)
      }
    }
  }

  #refused(error: DmStreamError): DmStreamError {
    this.#lose(error)
    return error
  }
}

const lostCodes: ReadonlySet<string> = new Set([
  "PVA_TIMEOUT",
  "PVA_OUTCOME_UNKNOWN",
  "PVA_DISCONNECTED",
  "PVA_NET",
])
