import { type Clock, callSafely, Listeners, Status, systemClock } from "@ophyd-ts/core"
import { type PutRequest, PvaServer, SharedPv } from "pvxs-node"
import { InvalidArgument, InvalidRequest } from "../errors.ts"
import { sleep } from "../time.ts"
import { DmStreamError, type StreamFault } from "./errors.ts"
import {
  batchLimit,
  commandType,
  type FrameResult,
  isEndState,
  isReportState,
  mayFollow,
  noReport,
  pvNames,
  reportType,
  resultsType,
  type StreamAddress,
  type StreamCommand,
  type StreamReport,
} from "./protocol.ts"
import { type ResultNames, ResultQueue } from "./result-queue.ts"

export interface PlanSideOptions {
  /** What the workflow sends for each frame; default nothing. */
  results?: ResultNames
  /** Hears of each result as it comes, before it is in the run: for plots, or for a plan that decides by it. */
  onResult?: (result: FrameResult) => void
  /** Name of the stream of results; default `dm_results`. */
  resultsName?: string
  /**
   * Name or address under which the workflow's machine reaches this one. Default 127.0.0.1: workflows on this machine
   * only, and nobody else can connect. With any other, the server listens on all interfaces.
   */
  host?: string
  /** TCP port; default any free one. Fix it where a firewall has to let it through. */
  port?: number
  /** First part of the PVs' names; default `dm:stream:` and a part of the session. */
  prefix?: string
  /** Seconds between two reports of the workflow; default 1. */
  heartbeat?: number
  /** Seconds without a report after which the workflow counts as lost; default ten heartbeats. */
  heartbeatTimeout?: number
  clock?: Clock
}

/**
 * The plan's side of a streaming collection: serves the PVs over which it talks with the workflow's process, holds the
 * state of that process, and takes its results. One for each collection. Close it in any case.
 */
export class PlanSide implements AsyncDisposable {
  /** What the workflow has to know to reach this. */
  readonly address: StreamAddress
  readonly results: ResultQueue
  readonly #onResult: ((result: FrameResult) => void) | undefined
  readonly #server: PvaServer
  readonly #clock: Clock
  readonly #command: SharedPv<typeof commandType>
  readonly #reports: SharedPv<typeof reportType>
  readonly #timeout: number
  readonly #changes = new Listeners<void>()
  #report = noReport
  #consumer = ""
  #batch = 0n
  #failure: DmStreamError | null = null
  #early: DmStreamError | null = null
  #told: StreamCommand = ""
  #stopWatch: () => void = () => {}

  private constructor(server: PvaServer, options: PlanSideOptions) {
    const {
      host = "127.0.0.1",
      heartbeat = 1,
      clock = systemClock,
      results = {},
      resultsName = "dm_results",
    } = options
    const session = crypto.randomUUID()
    const { prefix = `dm:stream:${session.slice(0, 8)}:` } = options
    const names = pvNames(prefix)
    this.address = { address: `${host}:${server.port}`, prefix, session }
    this.results = new ResultQueue(resultsName, results, `pva://${names.results}`)
    this.#onResult = options.onResult
    this.#server = server
    this.#clock = clock
    this.#timeout = options.heartbeatTimeout ?? 10 * heartbeat
    this.#command = new SharedPv(commandType, { value: { session, frames: -1, heartbeat } })
    this.#reports = new SharedPv(reportType, {
      value: { state: "waiting", lastFrame: -1 },
      onPut: put => this.#onReport(put),
    })
    const found = new SharedPv(resultsType, { onPut: put => this.#onResults(put) })
    server.add(names.command, this.#command)
    server.add(names.report, this.#reports)
    server.add(names.results, found)
  }

  /** @throws InvalidArgument for options that cannot be, InvalidRequest when the port is taken. */
  static async open(options: PlanSideOptions = {}): Promise<PlanSide> {
    const { host = "127.0.0.1", port = 0, heartbeat = 1, heartbeatTimeout = 10 * heartbeat } = options
    if (!(heartbeat > 0 && heartbeatTimeout > heartbeat)) {
      throw new InvalidArgument(
        `a heartbeat of ${heartbeat} s with a timeout of ${heartbeatTimeout} s: the timeout has to be longer`,
      )
    }
    const isHere = host === "127.0.0.1" || host === "localhost"
    const server = await PvaServer.open(
      isHere ? { isolated: true, port } : { interfaces: ["0.0.0.0"], port, udp: false, env: {} },
    )
    try {
      // Where a port is asked for, a firewall is open for that one only.
      if (port !== 0 && server.port !== port)
        throw new InvalidRequest(`port ${port} is taken by another program`)
      return new PlanSide(server, options)
    } catch (error) {
      await server.close()
      throw error
    }
  }

  /** What the workflow's process said last. */
  get report(): StreamReport {
    return this.#report
  }

  /** What the plan said last. */
  get told(): StreamCommand {
    return this.#told
  }

  /** Why this collection cannot go on; null while it can. The first reason stays. */
  get failure(): DmStreamError | null {
    return this.#failure
  }

  /** Nothing more will come: the workflow has finished, or failed. */
  get isOver(): boolean {
    return this.#failure !== null || isEndState(this.#report.state)
  }

  /** Says that the workflow has finished by itself, before the plan told it to; null when it has not. */
  get early(): DmStreamError | null {
    if (this.#report.state !== "finished" || this.#told === "stop" || this.#told === "abort") return null
    const message = `the workflow finished by itself after ${this.#report.received} frames`
    this.#early ??= new DmStreamError("early", message, { report: this.#report })
    return this.#early
  }

  /** Calls `fn` after each report, failure and command; the function it gives ends that. */
  onChange(fn: () => void): () => void {
    return this.#changes.add(fn)
  }

  /** Frames count from now. */
  start(): void {
    this.#tell("start", "")
  }

  /** No more frames will come; `frames`: how many there were since the start, null when unknown. */
  stop({ frames = null, reason = "" }: { frames?: number | null; reason?: string } = {}): void {
    if (this.#told !== "abort") this.#tell("stop", reason, frames ?? -1)
  }

  /** The workflow is to give up. */
  abort(reason: string): void {
    this.#tell("abort", reason)
  }

  /** Ends this collection for a reason that was found elsewhere, for example that the DM job has ended. */
  fail(fault: StreamFault, message: string, cause?: unknown): void {
    if (this.isOver) return
    this.#stopWatch()
    this.#failure = new DmStreamError(fault, message, { report: this.#report, cause })
    this.#changed()
  }

  /**
   * Resolves when the workflow is ready.
   * @throws DmStreamError when it is not within the timeout (seconds), or fails before; the signal's reason.
   */
  ready({ timeout, signal }: { timeout: number; signal?: AbortSignal }): Promise<void> {
    return this.#until(() => this.#report.state !== "waiting" && this.#report.state !== "starting", {
      timeout,
      signal,
      late: () => {
        const { state, message } = this.#report
        const said =
          state === "waiting"
            ? "nobody has reported"
            : `it is ${state}${message === "" ? "" : ` (${message})`}`
        return new DmStreamError("never-ready", `the workflow was not ready after ${timeout} s: ${said}`, {
          report: this.#report,
        })
      },
    })
  }

  /** Resolves with the last report when the workflow has finished. @throws as `ready` does. */
  async finished({ timeout, signal }: { timeout: number; signal?: AbortSignal }): Promise<StreamReport> {
    await this.#until(() => this.#report.state === "finished", {
      timeout,
      signal,
      late: () => {
        const { state, received, processed } = this.#report
        return new DmStreamError(
          "unfinished",
          `the workflow has not finished ${timeout} s after it was told to: it is ${state}, ${processed} of ${received} frames are processed`,
          { report: this.#report },
        )
      },
    })
    return this.#report
  }

  /** Resolves when the workflow has said its last word, or when so many seconds are over. */
  async over(seconds: number): Promise<void> {
    await this.#until(() => this.isOver, {
      timeout: seconds,
      signal: undefined,
      late: () => new DmStreamError("unfinished", "the workflow did not answer", { report: this.#report }),
    }).catch(() => {})
  }

  /**
   * Fails as soon as the workflow ends, whatever way, before it was told to; done when it was told to stop or to abort.
   * To be watched by a plan while it acquires.
   */
  guard(name: string): Status<void> {
    return new Status<void>({ name, action: "stream to the workflow" }, action => {
      const look = () => {
        if (this.#failure !== null) return end(() => action.fail(this.#failure))
        if (this.#told === "stop" || this.#told === "abort") return end(() => action.finish())
        const { early } = this
        if (early !== null) end(() => action.fail(early))
      }
      const forget = this.onChange(look)
      const end = (settle: () => void) => {
        forget()
        settle()
      }
      action.onCancel(() => forget())
      look()
    })
  }

  /**
   * Disconnects the workflow's process, if it is still there, and frees the port. One that has just said its last word
   * gets a moment to hear that it was understood.
   */
  async close(): Promise<void> {
    this.#stopWatch()
    for (let i = 0; i < 50 && isEndState(this.#report.state) && this.#server.clientCount > 0; i++) {
      await sleep(this.#clock, 0.02)
    }
    await this.#server.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #tell(command: StreamCommand, reason: string, frames = -1): void {
    this.#told = command
    this.#command.post({ command, reason, frames })
    this.#changed()
  }

  #onReport(put: PutRequest<typeof reportType>): void {
    const { session, consumer } = put.value
    const state = put.value.state || this.#report.state
    this.#check(session, consumer)
    if (!isReportState(state) || !mayFollow(this.#report.state, state)) {
      throw new InvalidArgument(`"${state}" cannot be reported after "${this.#report.state}"`)
    }
    this.#consumer = consumer
    put.apply()
    // What a put leaves out stays as it was.
    const { message, received, missed, processed, lastFrame } = this.#reports.value
    this.#report = {
      state,
      message,
      received: Number(received),
      missed: Number(missed),
      processed: Number(processed),
      lastFrame: Number(lastFrame),
    }
    this.#stopWatch()
    if (state === "error" && this.#failure === null) {
      this.#failure = new DmStreamError(
        "reported",
        `the workflow reports an error: ${message || "no reason given"}`,
        {
          report: this.#report,
        },
      )
    }
    if (!this.isOver) this.#watchFor(this.#timeout)
    this.#changed()
  }

  #watchFor(seconds: number, last = false): void {
    this.#stopWatch = this.#clock.after(seconds, () => {
      // After a time in which this process could not listen, reports wait to be read: they get a chance.
      if (!last) this.#watchFor(Math.min(0.5, this.#timeout / 4), true)
      else this.#onSilence()
    })
  }

  #onSilence(): void {
    const { state, received, processed } = this.#report
    this.fail(
      "silent",
      `no heartbeat of the workflow for ${this.#timeout} s: it was ${state}, with ${processed} of ${received} frames processed`,
    )
  }

  #onResults(put: PutRequest<typeof resultsType>): void {
    const { session, consumer, batch, frames, names, values } = put.value
    this.#check(session, consumer)
    if (frames.length > batchLimit) throw new InvalidArgument(`a batch has up to ${batchLimit} frames`)
    if (values.length !== frames.length * names.length) {
      throw new InvalidArgument(
        `${frames.length} frames with ${names.length} results each are not ${values.length} values`,
      )
    }
    if (batch <= this.#batch) return
    const found = Array.from(frames, (frame, i) => ({
      frame: Number(frame),
      values: Object.fromEntries(names.map((name, j) => [name, values[i * names.length + j] as number])),
    }))
    this.results.push(found, this.#clock.time())
    this.#batch = batch
    const onResult = this.#onResult
    if (onResult !== undefined)
      for (const result of found) callSafely(onResult, result, "a listener of results")
  }

  #check(session: string, consumer: string): void {
    if (session !== this.address.session) throw new InvalidArgument("this belongs to another collection")
    if (this.#failure !== null)
      throw new InvalidArgument(`the collection has ended: ${this.#failure.message}`)
    if (this.#consumer !== "" && this.#consumer !== consumer) {
      throw new InvalidArgument("another process does the work of this collection")
    }
  }

  #changed(): void {
    this.#changes.tell(undefined, "a listener of a streaming collection")
  }

  #until(
    holds: () => boolean,
    {
      timeout,
      signal,
      late,
    }: { timeout: number; signal: AbortSignal | undefined; late: () => DmStreamError },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const release = () => {
        forget()
        stopTimer()
        signal?.removeEventListener("abort", onAbort)
      }
      const onAbort = () => {
        release()
        reject(signal?.reason)
      }
      const look = () => {
        if (this.#failure === null && !holds()) return
        release()
        if (this.#failure !== null) reject(this.#failure)
        else resolve()
      }
      const forget = this.onChange(look)
      const stopTimer = this.#clock.after(timeout, () => {
        release()
        reject(late())
      })
      signal?.addEventListener("abort", onAbort, { once: true })
      if (signal?.aborted) onAbort()
      else look()
    })
  }
}
