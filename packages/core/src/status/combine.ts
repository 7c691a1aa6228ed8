import type { Action } from "./action.ts"
import { StatusGroupError } from "./errors.ts"
import type { Status } from "./status.ts"

/** Finishes the action when all are done; fails it at the first failure, and collects the later ones in that error. */
export function joinAll(statuses: readonly Status<unknown>[], action: Action<unknown>): void {
  const values: unknown[] = new Array(statuses.length)
  let left = statuses.length
  let group: StatusGroupError | null = null
  action.onCancel(reason => {
    for (const status of statuses) status.cancel(reason)
  })
  statuses.forEach((status, i) => {
    status.watch(action.progress)
    status.onDone(() => {
      if (status.error !== null) {
        if (group !== null) group.errors.push(status.error)
        else {
          group = new StatusGroupError(status.error)
          action.fail(group)
        }
        return
      }
      values[i] = status.value
      left -= 1
      if (left === 0) action.finish(values)
    })
  })
  if (statuses.length === 0) action.finish(values)
}

/** Ends the action as the first of them ends, and cancels the rest. */
export function raceAll<T>(statuses: readonly Status<T>[], action: Action<T>): void {
  let over = false
  const cancelOthers = (reason?: Error) => {
    over = true
    for (const status of statuses) status.cancel(reason)
  }
  action.onCancel(cancelOthers)
  for (const status of statuses) {
    status.onDone(() => {
      if (over) return
      over = true
      for (const other of statuses)
        if (other !== status) other.cancel(new Error(`${status.description} was first`))
      if (status.error !== null) action.fail(status.error)
      else action.finish(status.value as T)
    })
  }
}
