import type { Progress } from "./progress.ts"

/** What a running action may use. */
export interface Work {
  /** Aborted when the action is cancelled or timed out, with the error as reason. */
  readonly signal: AbortSignal
  /** Runs when the action is cancelled or timed out, so that it can stop what it started. */
  onCancel(cleanUp: (reason: Error) => void): void
  /** Sets the status' time-out anew, in seconds from now, for when it is known only after the start. */
  limit(timeout: number): void
  /** Reports progress; missing fields that follow from others are filled in. */
  progress(progress: Progress): void
}

/**
 * The owner's side of a status. `finish` or `fail` ends it, once: a second call throws `StatusDoneError`. After a
 * time-out or a cancel both are ignored, because hardware that answers late is normal.
 */
export interface Action<T> extends Work {
  finish(value: T): void
  fail(cause: unknown): void
}

/** The owner's side. Its functions are bound, so that they can be handed on: `promise.then(action.finish, action.fail)`. */
export class Owner<T> implements Action<T> {
  readonly finish: (value: T) => void
  readonly fail: (cause: unknown) => void
  readonly progress: (progress: Progress) => void
  readonly onCancel: (cleanUp: (reason: Error) => void) => void
  readonly limit: (timeout: number) => void
  #controller: AbortController | null = null

  constructor(
    finish: Action<T>["finish"],
    fail: Action<T>["fail"],
    progress: Action<T>["progress"],
    onCancel: Action<T>["onCancel"],
    limit: Action<T>["limit"],
  ) {
    this.finish = finish
    this.fail = fail
    this.progress = progress
    this.onCancel = onCancel
    this.limit = limit
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController()
      this.#controller = controller
      this.onCancel(reason => controller.abort(reason))
    }
    return this.#controller.signal
  }
}
