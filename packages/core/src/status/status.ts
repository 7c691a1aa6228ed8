/** Seconds of patience and cancel for one caller; the status itself stays as it is. */
export interface WaitOptions {
  timeout?: number
  signal?: AbortSignal
}

/** How far an action is. `fraction` is the part done, 0 at the start and 1 at the end. */
export interface Progress {
  name?: string
  current?: number
  initial?: number
  target?: number
  unit?: string
  precision?: number
  fraction?: number
  /** Seconds. */
  timeElapsed?: number
  /** Seconds, estimated. */
  timeRemaining?: number
}

/**
 * CONTRACT DRAFT (to be replaced by the class in this file): an action in progress. Goes from pending to done once.
 * It is `PromiseLike`, so `await status` waits and throws its error. Because of that an `async` function must never
 * *return* a status (it would be awaited): operations that give one are plain functions.
 */
export interface Status<T = void> extends PromiseLike<T> {
  /** What is being done, for people: `m1: move to 3 mm`. */
  readonly description: string
  readonly done: boolean
  readonly success: boolean
  readonly error: Error | null
  /** Runs `fn` exactly once when done; at once if it is done already. A throwing callback disturbs nobody. */
  onDone(fn: (status: Status<T>) => void): void
  /** Progress callbacks until done; gives a function that ends them. */
  watch(fn: (progress: Progress) => void): () => void
  /** The caller's patience: rejects with `WaitTimeoutError` while the status stays pending. */
  wait(options?: WaitOptions): Promise<T>
  /** Ends the action if it still runs: its clean-up runs, the status fails with `reason`. */
  cancel(reason?: Error): void
}
