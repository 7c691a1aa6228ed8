import { OphydError } from "../errors.ts"
import { formatSeconds, formatValue } from "../format.ts"
import type { Action, StatusOptions } from "../status/status.ts"
import { Status } from "../status/status.ts"

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

/** Lets one action at a time through, by the stated policy. One per object that can be set. */
export class SetSlot {
  #last: Status<unknown> | null = null

  /** The action under way, or the last of those that wait in the queue. */
  get pending(): Status<unknown> | null {
    return this.#last
  }

  /** Begins an action when its turn comes. */
  start<T>(options: StatusOptions, whenBusy: WhenBusy, begin: (action: Action<T>) => void): Status<T> {
    const before = this.#last
    if (before === null) return this.#hold(new Status(options, begin))
    if (whenBusy === "reject") throw new SetInProgressError(options.name ?? "", options.target, before)
    if (whenBusy === "supersede") {
      const status = new Status<T>(options, action => {
        before.cancel(new Error(`superseded by set ${formatValue(options.target)}`))
        begin(action)
      })
      return this.#hold(status)
    }
    const status = new Status<T>(options, action => {
      let left = false
      action.onCancel(() => {
        left = true
      })
      before.onDone(() => {
        if (left) return
        try {
          begin(action)
        } catch (thrown) {
          action.fail(thrown)
        }
      })
    })
    return this.#hold(status)
  }

  #hold<T>(status: Status<T>): Status<T> {
    if (status.done) return status
    this.#last = status
    status.onDone(() => {
      if (this.#last === status) this.#last = null
    })
    return status
  }
}
