import type { Clock } from "@ophyd-ts/core"

/** Thrown into a task that was cancelled, at its next wait. */
export class TaskCancelled extends Error {
  override readonly name = "TaskCancelled"
  constructor() {
    super("the task was cancelled")
  }
}

/** What runs inside a task may do with time. */
export interface Task {
  readonly signal: AbortSignal
  /** s since 1970. */
  time(): number
  /** @throws TaskCancelled */
  sleep(seconds: number): Promise<void>
  /** Waits for something that only the outside can bring about, so a moved clock does not wait for it. */
  outside<T>(promise: Promise<T>): Promise<T>
}

export interface TaskHandle {
  readonly done: Promise<void>
  cancel(): void
}

/**
 * Background work of the service on its clock: watched directories, transfers, jobs. Knows when all of it sleeps
 * (`settled`), which is what makes a hand-moved clock exact, and ends all of it on `close`.
 */
export class Tasks {
  readonly #clock: Clock
  readonly #onProblem: (error: unknown) => void
  readonly #running = new Map<AbortController, Promise<void>>()
  #awake = 0
  #whenAsleep: (() => void)[] = []

  constructor(clock: Clock, onProblem: (error: unknown) => void) {
    this.#clock = clock
    this.#onProblem = onProblem
  }

  /** Work of its own; `done` never rejects. */
  spawn(body: (task: Task) => Promise<void>): TaskHandle {
    const { done, cancel } = this.fork(body)
    const handled = done.catch(error => {
      if (!(error instanceof TaskCancelled)) this.#onProblem(error)
    })
    return { done: handled, cancel }
  }

  /** Part of another task, which waits for it: `done` rejects as the body does. */
  fork(body: (task: Task) => Promise<void>): TaskHandle {
    const controller = new AbortController()
    const waits = new Waits(change => this.#count(change))
    const done = body(this.#task(controller.signal, waits)).finally(() => {
      this.#running.delete(controller)
      waits.end()
    })
    this.#running.set(
      controller,
      done.catch(() => {}),
    )
    return { done, cancel: () => controller.abort(new TaskCancelled()) }
  }

  /** Resolves when every task sleeps, waits for the outside, or has ended. */
  async settled(): Promise<void> {
    do {
      if (this.#awake > 0) await new Promise<void>(resolve => this.#whenAsleep.push(resolve))
      // A task that waited for another one wakes a few microtasks later.
      await new Promise(resolve => setImmediate(resolve))
    } while (this.#awake > 0)
  }

  /** Cancels everything and waits for its end. */
  async close(): Promise<void> {
    while (this.#running.size > 0) {
      const all = [...this.#running]
      for (const [controller] of all) controller.abort(new TaskCancelled())
      await Promise.all(all.map(([, done]) => done))
    }
  }

  #count(change: 1 | -1): void {
    this.#awake += change
    if (this.#awake > 0) return
    const waiting = this.#whenAsleep
    this.#whenAsleep = []
    for (const resolve of waiting) resolve()
  }

  #task(signal: AbortSignal, waits: Waits): Task {
    const clock = this.#clock
    return {
      signal,
      time: () => clock.time(),
      sleep: seconds => waits.during(sleep(clock, seconds, signal)),
      outside: promise => waits.during(abortable(promise, signal)),
    }
  }
}

/** Whether one task is awake. It may wait for several things at once, and is awake when none is left. */
class Waits {
  readonly #count: (change: 1 | -1) => void
  #waits = 0
  #ended = false

  constructor(count: (change: 1 | -1) => void) {
    this.#count = count
    count(1)
  }

  async during<T>(promise: Promise<T>): Promise<T> {
    if (this.#waits++ === 0 && !this.#ended) this.#count(-1)
    try {
      return await promise
    } finally {
      if (--this.#waits === 0 && !this.#ended) this.#count(1)
    }
  }

  end(): void {
    this.#ended = true
    if (this.#waits === 0) this.#count(-1)
  }
}

function sleep(clock: Clock, seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      stop()
      reject(signal.reason)
    }
    const stop = clock.after(seconds, () => {
      signal.removeEventListener("abort", abort)
      resolve()
    })
    if (signal.aborted) abort()
    else signal.addEventListener("abort", abort, { once: true })
  })
}

/** The promise, or the reason of the signal when that is aborted first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener("abort", abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort))
  })
}
