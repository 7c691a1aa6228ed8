import { type Clock, systemClock } from "../clock.ts"
import { reportCallbackError } from "../error-hook.ts"
import { toError } from "../errors.ts"
import { formatSeconds, formatValue } from "../format.ts"
import { UpdateQueue, type Updates } from "../queue.ts"
import { type Action, Owner, type Work } from "./action.ts"
import { joinAll, raceAll } from "./combine.ts"
import {
  StatusCancelledError,
  StatusDoneError,
  StatusError,
  StatusTimeoutError,
  WaitTimeoutError,
} from "./errors.ts"
import { completeProgress, type Progress } from "./progress.ts"

/** Seconds of patience and cancel for one waiter; the status itself stays as it is. */
export interface WaitOptions {
  timeout?: number | undefined
  signal?: AbortSignal | undefined
}

/** What is being done, and within which bounds. All times are seconds. */
export interface StatusOptions {
  /** Who: the name of the device or signal. */
  name?: string | undefined
  /** What, as a verb: `move to`, `set`, `trigger`. */
  action?: string | undefined
  /** To which value. */
  target?: unknown
  /** Unit of the target. */
  unit?: string | undefined
  /** Fails the status with `StatusTimeoutError`; default never. */
  timeout?: number | undefined
  /** Pause between "finished" and "done". Not after a failure. */
  settleTime?: number | undefined
  /** Aborting it cancels the action. */
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
}

/**
 * An action in progress: a move, a trigger, a write with completion. Goes from pending to done once.
 *
 * It is `PromiseLike`, so `await status` waits and throws its error. Because of that an `async` function must never
 * *return* a status (it would be awaited): operations that give one are plain functions. A failed status that nobody
 * awaits is no unhandled rejection; it keeps its `error` for whoever looks.
 */
export class Status<out T = void> implements PromiseLike<T> {
  readonly #options: StatusOptions
  readonly #clock: Clock
  readonly #started: number
  #ended: number | null = null
  #state: "pending" | "settling" | "abandoned" | "done" = "pending"
  #done = false
  #value: T | undefined
  #error: Error | null = null
  #stopTimer: (() => void) | null = null
  #onAbort: (() => void) | null = null
  #callbacks: (() => void)[] = []
  #watchers: Set<(progress: Progress) => void> | null = null
  #latest: Progress | null = null
  #cleanUps: ((reason: Error) => void)[] | null = null
  #promise: Promise<T> | null = null

  /** Starts the action: `start` gets the owner's side. If it throws, the status fails with that. */
  constructor(options: StatusOptions, start: (action: Action<T>) => void) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#started = this.#clock.now()
    if (start === never) return
    const { timeout, signal } = options
    if (signal?.aborted) {
      this.cancel(toError(signal.reason))
      return
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.cancel(toError(signal.reason))
      signal.addEventListener("abort", this.#onAbort, { once: true })
    }
    if (timeout !== undefined) this.#limit(timeout)
    try {
      start(
        new Owner<T>(
          value => this.#finish(value),
          cause => this.#fail(cause),
          progress => this.#progress(progress),
          cleanUp => this.#onCancel(cleanUp),
          seconds => this.#limit(seconds),
        ),
      )
    } catch (thrown) {
      if (this.#state !== "pending") throw thrown
      this.#fail(thrown)
    }
  }

  /** Runs `work`; its result finishes the status, its rejection fails it. */
  static run<T>(options: StatusOptions, work: (work: Work) => PromiseLike<T> | T): Status<T> {
    return new Status<T>(options, action => {
      Promise.resolve(work(action)).then(action.finish, action.fail)
    })
  }

  /** An action that is finished already. */
  static finished(options?: StatusOptions): Status<void>
  static finished<T>(options: StatusOptions, value: T): Status<T>
  static finished<T>(options: StatusOptions = {}, value?: T): Status<T> {
    const status = new Status<T>(options, never)
    status.#finish(value as T)
    return status
  }

  /** An action that has failed already. */
  static failed<T = void>(options: StatusOptions, cause: unknown): Status<T> {
    const status = new Status<T>(options, never)
    status.#fail(cause)
    return status
  }

  /**
   * Done when all are; fails as soon as one fails, with a `StatusGroupError` whose message and `cause` are that failure
   * and whose `errors` collects the later ones too. The others go on; cancelling the whole cancels each.
   */
  static all<const S extends readonly Status<unknown>[]>(
    statuses: S,
    options: StatusOptions = {},
  ): Status<{ -readonly [K in keyof S]: S[K] extends Status<infer T> ? T : never }> {
    return new Status(options, action => joinAll(statuses, action as Action<unknown>))
  }

  /** Ends as the first of them ends; the others are cancelled. */
  static race<T>(statuses: readonly Status<T>[], options: StatusOptions = {}): Status<T> {
    return new Status(options, action => raceAll(statuses, action))
  }

  /** Done when both are; see `Status.all`. */
  and<U>(other: Status<U>): Status<[T, U]> {
    return Status.all<[Status<T>, Status<U>]>([this, other])
  }

  /** What is being done, for people: `m1: move to 3 mm`. */
  get description(): string {
    const { name, action = "action", target, unit } = this.#options
    const to = target === undefined ? "" : ` ${formatValue(target)}${unit ? ` ${unit}` : ""}`
    return `${name ? `${name}: ` : ""}${action}${to}`
  }

  get done(): boolean {
    return this.#done
  }

  get success(): boolean {
    return this.#done && this.#error === null
  }

  /** Why it failed; null while it is pending and when it succeeded. */
  get error(): Error | null {
    return this.#error
  }

  /** What it gave; undefined until it has succeeded. */
  get value(): T | undefined {
    return this.success ? this.#value : undefined
  }

  /** Seconds from its start until now, or until it was done. */
  get elapsed(): number {
    return (this.#ended ?? this.#clock.now()) - this.#started
  }

  /** Runs `fn` exactly once when done; at once if it is done already. A throwing callback disturbs nobody. */
  onDone(fn: (status: this) => void): void {
    if (this.#done) this.#call(fn, this)
    else this.#callbacks.push(() => this.#call(fn, this))
  }

  /** Progress callbacks until done, starting with the latest if there is one; gives a function that ends them. */
  watch(fn: (progress: Progress) => void): () => void {
    if (this.#latest !== null) this.#call(fn, this.#latest)
    if (this.#done) return () => {}
    this.#watchers ??= new Set()
    const watcher = (progress: Progress) => fn(progress)
    this.#watchers.add(watcher)
    return () => void this.#watchers?.delete(watcher)
  }

  /** Progress for `for await`, newest first served; the loop ends when the status is done, also when it failed. */
  progress(): Updates<Progress> {
    const queue = new UpdateQueue<Progress>({}, () => unwatch())
    const unwatch = this.watch(progress => queue.push(progress))
    this.onDone(() => queue.end())
    return queue
  }

  /** The caller's patience: rejects with `WaitTimeoutError` while the status stays pending. */
  wait(options: WaitOptions = {}): Promise<T> {
    const { timeout, signal } = options
    if (this.#done || (timeout === undefined && signal === undefined)) return this.#asPromise()
    return new Promise((resolve, reject) => {
      const abort = () => leave(toError(signal?.reason))
      const stopTimer = this.#clock.after(timeout ?? Number.POSITIVE_INFINITY, () =>
        leave(
          new WaitTimeoutError(
            `${this.description} is still pending after waiting ${formatSeconds(timeout ?? 0)}`,
          ),
        ),
      )
      const release = () => {
        stopTimer()
        signal?.removeEventListener("abort", abort)
      }
      const leave = (error: Error) => {
        release()
        reject(error)
      }
      this.onDone(() => {
        release()
        this.#asPromise().then(resolve, reject)
      })
      if (signal?.aborted) abort()
      else signal?.addEventListener("abort", abort, { once: true })
    })
  }

  // biome-ignore lint/suspicious/noThenProperty: a status is awaitable, that is its purpose
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#asPromise().then(onFulfilled, onRejected)
  }

  /** Ends the action if it still runs: its clean-up runs, the status fails with `StatusCancelledError` and this cause. */
  cancel(reason?: Error): void {
    if (this.#done) return
    const why = reason === undefined ? "" : `: ${reason.message}`
    const message = `${this.description} was cancelled after ${formatSeconds(this.elapsed)}${why}`
    this.#abandon(new StatusCancelledError(message, reason === undefined ? undefined : { cause: reason }))
  }

  /** `using status = …` cancels what still runs at the end of the block. */
  [Symbol.dispose](): void {
    this.cancel()
  }

  toString(): string {
    if (!this.#done) return `${this.description} (pending for ${formatSeconds(this.elapsed)})`
    return this.#error?.message ?? `${this.description} (done after ${formatSeconds(this.elapsed)})`
  }

  #limit(timeout: number): void {
    if (this.#state !== "pending") return
    this.#stopTimer?.()
    this.#stopTimer = null
    if (timeout === Number.POSITIVE_INFINITY) return
    this.#stopTimer = this.#clock.after(timeout, () => {
      const limit = formatSeconds(this.elapsed)
      this.#abandon(new StatusTimeoutError(`${this.description} did not finish within ${limit}`))
    })
  }

  #onCancel(cleanUp: (reason: Error) => void): void {
    if (this.#state === "pending") {
      this.#cleanUps ??= []
      this.#cleanUps.push(cleanUp)
    } else if (this.#state === "abandoned") this.#call(cleanUp, this.#error as Error)
  }

  #finish(value: T): void {
    if (this.#lateOrTwice()) return
    this.#stopTimer?.()
    this.#value = value
    const { settleTime } = this.#options
    if (settleTime === undefined || !(settleTime > 0)) {
      this.#end(null)
      return
    }
    this.#state = "settling"
    this.#stopTimer = this.#clock.after(settleTime, () => this.#end(null))
  }

  #fail(cause: unknown): void {
    if (!this.#lateOrTwice()) this.#end(this.#explain(cause))
  }

  /** True for the answer of hardware after time-out or cancel; throws when the owner ends it twice. */
  #lateOrTwice(): boolean {
    if (this.#state === "abandoned") return true
    if (this.#state === "pending") return false
    throw new StatusDoneError(`${this.description} was finished a second time`)
  }

  #explain(cause: unknown): Error {
    const error = toError(cause)
    const { name, action } = this.#options
    if (
      error instanceof StatusError &&
      ((name ?? action) === undefined || error.message.startsWith(this.description))
    ) {
      return error
    }
    return new StatusError(
      `${this.description} failed after ${formatSeconds(this.elapsed)}: ${error.message}`,
      {
        cause: error,
      },
    )
  }

  #abandon(error: Error): void {
    const cleanUps = this.#cleanUps
    this.#error = error
    this.#state = "abandoned"
    if (cleanUps !== null) for (const cleanUp of cleanUps) this.#call(cleanUp, error)
    this.#end(error)
  }

  #end(error: Error | null): void {
    this.#error = error
    this.#ended = this.#clock.now()
    if (this.#state !== "abandoned") this.#state = "done"
    this.#stopTimer?.()
    this.#stopTimer = null
    this.#cleanUps = null
    if (this.#onAbort !== null) this.#options.signal?.removeEventListener("abort", this.#onAbort)
    if (error === null && this.#latest !== null && this.#latest.fraction !== 1) {
      const { target } = this.#latest
      this.#progress({
        ...this.#latest,
        ...(target === undefined ? {} : { current: target }),
        fraction: 1,
        timeRemaining: 0,
      })
    }
    this.#watchers = null
    this.#done = true
    if (this.#callbacks.length === 0) return
    for (const callback of this.#callbacks.splice(0)) callback()
  }

  #progress(partial: Progress): void {
    if (this.#done) return
    const { name = "" } = this.#options
    const progress = completeProgress(partial, name, this.elapsed)
    this.#latest = progress
    if (this.#watchers !== null) for (const watcher of [...this.#watchers]) this.#call(watcher, progress)
  }

  #call<A>(fn: (argument: A) => void, argument: A): void {
    try {
      fn(argument)
    } catch (thrown) {
      reportCallbackError(thrown, `a callback of ${this.description}`)
    }
  }

  #asPromise(): Promise<T> {
    if (this.#promise === null) {
      const promise = new Promise<T>((resolve, reject) => {
        this.onDone(() => (this.#error === null ? resolve(this.#value as T) : reject(this.#error)))
      })
      // Whoever awaits gets the rejection through their own chain; that nobody does is no crime.
      promise.catch(() => {})
      this.#promise = promise
    }
    return this.#promise
  }
}

/** Marks a status that is made in its final state. */
const never = () => {}
