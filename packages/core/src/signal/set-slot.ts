import { OphydError } from "../errors.ts"
import { formatSeconds, formatValue } from "../format.ts"
import type { Action } from "../status/action.ts"
import { Status, type StatusOptions } from "../status/status.ts"

/** What a `set` does while another one is under way. */
export type WhenBusy =
  /** Throws `SetInProgressError`; nothing is written. */
  | "reject"
  /** Cancels the earlier one and writes at once. */
  | "supersede"
  /** Writes when the earlier one has ended, well or not. */
  | "queue"

/** Another `set` of this object is under way. The message says to which value, and since when. */
export class SetInProgressError extends OphydError {
  constructor(who: string, value: unknown, pending: Status<unknown>) {
    super(
      "SET_IN_PROGRESS",
      `${who}: cannot set ${formatValue(value)}: "${pending.description}" has been in progress for ${formatSeconds(pending.elapsed)}`,
    )
  }
}

/** Why a set was cancelled: a newer one took its place. */
export class SupersededError extends OphydError {
  constructor(by: StatusOptions) {
    super("SUPERSEDED", `superseded by ${by.action ?? "set"} ${formatValue(by.target)}`)
  }
}

interface Waiting {
  status: Status<unknown> | null
  begin: () => void
}

/** Lets one action at a time through, by the stated policy. One per object that can be set. */
export class SetSlot {
  #current: Status<unknown> | null = null
  /** Replaced, never changed: most slots never have a queue. */
  #waiting: readonly Waiting[] = none

  /** The action under way. */
  get pending(): Status<unknown> | null {
    return this.#current
  }

  /** Begins an action when its turn comes. */
  start<T>(options: StatusOptions, whenBusy: WhenBusy, begin: (action: Action<T>) => void): Status<T> {
    const current = this.#current
    if (current === null) return this.#hold(new Status(options, begin))
    if (whenBusy === "reject") throw new SetInProgressError(options.name ?? "", options.target, current)
    if (whenBusy === "queue") return this.#queue(options, begin)
    const supersede = (action: Action<T>) => {
      const why = new SupersededError(options)
      for (const { status } of this.#waiting) status?.cancel(why)
      current.cancel(why)
      begin(action)
    }
    return this.#hold(new Status(options, supersede))
  }

  #queue<T>(options: StatusOptions, begin: (action: Action<T>) => void): Status<T> {
    const entry: Waiting = { status: null, begin: () => {} }
    const status = new Status<T>(options, action => {
      entry.begin = () => {
        try {
          begin(action)
        } catch (thrown) {
          action.fail(thrown)
        }
      }
      action.onCancel(() => {
        this.#waiting = this.#waiting.filter(one => one !== entry)
      })
      this.#waiting = [...this.#waiting, entry]
    })
    entry.status = status
    return status
  }

  #hold<T>(status: Status<T>): Status<T> {
    if (status.done) return status
    this.#current = status
    status.onDone(() => {
      if (this.#current !== status) return
      this.#current = null
      this.#next()
    })
    return status
  }

  #next(): void {
    while (this.#current === null) {
      const [entry, ...rest] = this.#waiting
      if (entry === undefined) return
      this.#waiting = rest
      entry.begin()
      if (entry.status !== null) this.#hold(entry.status)
    }
  }
}

const none: readonly Waiting[] = []
