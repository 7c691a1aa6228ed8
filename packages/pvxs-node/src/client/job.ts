import { WheelTimer } from "@ophyd-ts/epics-net"
import { PvaError } from "../errors.ts"
import type { ChannelCore } from "./channel-core.ts"

/** How long a call may take, and what ends it early. */
export interface CallOptions {
  /** Seconds, `Infinity` for no limit; default is the client's. */
  readonly timeout?: number
  /** Aborting rejects with PVA_ABORTED, at any phase, and tells the server to stop. */
  readonly signal?: AbortSignal
}

/** One call of a user that waits for one answer. */
export abstract class Job<T> extends WheelTimer {
  /** For messages: "get", "put to". */
  abstract readonly what: string
  readonly promise: Promise<T>
  protected readonly core: ChannelCore
  readonly #started: number
  protected readonly signal: AbortSignal | undefined
  readonly #timeout: number
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void
  #settled = false
  /** Something was sent that must not be sent twice, and was not answered. */
  protected inFlight = false

  constructor(core: ChannelCore, options: CallOptions) {
    super()
    this.core = core
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { config, wheel } = core.client
    this.#started = config.clock.now()
    this.#timeout = options.timeout ?? config.timeout
    this.signal = options.signal
    wheel.start(this, this.#timeout)
    options.signal?.addEventListener("abort", this.abort)
  }

  /** It is over. `reusable`: nothing of it can still arrive, so its operation may serve the next one. */
  protected abstract over(reusable: boolean): void

  /** From here on only the caller or the server ends this. */
  protected withoutLimit(): void {
    this.core.client.wheel.stop(this)
  }

  /** All went well; the operation can be used again. */
  protected succeed(value: T): void {
    if (!this.#settle()) return
    this.over(true)
    this.#resolve(value)
  }

  /** The server, or a check, said no to this execution; the operation itself is fine. */
  refused(error: unknown): void {
    if (!this.#settle()) return
    this.over(true)
    this.#reject(error)
  }

  /** Ends now; whatever still comes for the operation is ignored. */
  fail(error: unknown): void {
    if (!this.#settle()) return
    this.over(false)
    this.#reject(error)
  }

  override onTimeout(): void {
    const where = this.core.describe()
    const sent = this.inFlight ? ", the request was sent" : ""
    this.fail(
      new PvaError(
        "PVA_TIMEOUT",
        `${this.what} ${this.core.name}: no answer after ${this.#timeout} s; ${where}${sent}`,
      ),
    )
  }

  /** The caller does not want it any more. */
  readonly abort = (): void => {
    const seconds = (this.core.client.config.clock.now() - this.#started).toFixed(1)
    const message = `${this.what} ${this.core.name}: aborted after ${seconds} s`
    this.fail(new PvaError("PVA_ABORTED", message, { cause: this.signal?.reason }))
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.core.client.wheel.stop(this)
    this.signal?.removeEventListener("abort", this.abort)
    return true
  }
}
