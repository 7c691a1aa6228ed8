/** Messages about the plan itself: time, checkpoints, pauses, subscriptions, suspenders. */
import { errorOf, IllegalMessageSequence, WaitTimeout } from "../../errors.ts"
import { Waiting } from "../waiting.ts"
import type { Handlers } from "./handler.ts"

type Control =
  | "null"
  | "sleep"
  | "call"
  | "wait_for"
  | "checkpoint"
  | "clear_checkpoint"
  | "rewindable"
  | "pause"
  | "subscribe"
  | "unsubscribe"
  | "install_suspender"
  | "remove_suspender"
  | "_resume_from_suspender"

export const control: Handlers<Control> = {
  null: () => {},
  sleep: (x, { args: [seconds] }) => new Waiting<void>(resolve => x.engine.clock.after(seconds, resolve)),
  call: (_x, { args: [fn] }) => fn(),
  wait_for: (x, { args: [factories], kwargs: { timeout = null } }) =>
    new Waiting<unknown[]>((resolve, reject) => {
      const expired = () => reject(new WaitTimeout(`wait_for: still pending after ${timeout} s`))
      const forget = timeout === null ? () => {} : x.engine.clock.after(timeout, expired)
      Promise.all(factories.map(f => f())).then(
        values => {
          forget()
          resolve(values)
        },
        error => {
          forget()
          reject(errorOf(error))
        },
      )
      return forget
    }),
  checkpoint: x => {
    for (const run of x.runs.values()) {
      if (run.bundle !== null) {
        throw new IllegalMessageSequence(
          `checkpoint: the bundle "${run.bundle.name}" is open; save or drop it first`,
        )
      }
    }
    x.checkpoint()
  },
  clear_checkpoint: x => x.rewinder.clear(),
  rewindable: (x, { args: [allowed] }) => {
    const before = x.rewinder.allowed
    if (allowed !== null && allowed !== before) {
      x.rewinder.allowed = allowed
      x.restartStretch()
    }
    return x.rewinder.allowed
  },
  pause: (x, { kwargs: { defer } }) => {
    if (!x.pausable) return
    if (defer) x.deferredPause = true
    else x.pauseNow()
  },
  subscribe: (x, { args: [fn], kwargs }) => {
    const token = x.engine.dispatcher.add(fn, kwargs)
    x.subscriptions.add(token)
    return token
  },
  unsubscribe: (x, { args: [token] }) => {
    x.subscriptions.delete(token)
    x.engine.dispatcher.remove(token)
  },
  install_suspender: (x, { args: [suspender] }) => x.engine.addSuspender(suspender),
  remove_suspender: (x, { args: [suspender] }) => x.engine.removeSuspender(suspender),
  _resume_from_suspender: x => x.resumeFromSuspension(),
}
