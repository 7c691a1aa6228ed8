import type { Status } from "@ophyd-ts/core"
import type { ExitStatus } from "./messages.ts"

export type RunEngineErrorCode =
  | "ILLEGAL_SEQUENCE"
  | "INVALID_COMMAND"
  | "TRANSITION"
  | "FAILED_STATUS"
  | "WAIT_TIMEOUT"
  | "MISSING_PROTOCOL"
  | "NO_REPLAY_ALLOWED"
  | "FAILED_PAUSE"
  | "BUNDLE"
  | "PLAN_ARGUMENT"
  | "LIMITS"
  | "CLEANUP"
  | "METADATA"
  | "RECORD"
  | "DOCUMENT_RULE"
  | "PLAN_ENDED"
  | "FORGOTTEN_PLAN"

/** Base of every error of this package. `code` is stable, the message is for people. */
export class RunEngineError extends Error {
  readonly code: RunEngineErrorCode

  constructor(code: RunEngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** A message that the present state of the run forbids, e.g. `save` without `create`. Thrown into the plan. */
export class IllegalMessageSequence extends RunEngineError {
  constructor(message: string) {
    super("ILLEGAL_SEQUENCE", message)
  }
}

/** A command nobody registered. Thrown into the plan. */
export class InvalidCommand extends RunEngineError {
  constructor(command: string) {
    super("INVALID_COMMAND", `the engine knows no command "${command}": add one with registerCommand`)
  }
}

/** The engine is in a state in which this is not possible, e.g. `resume` while running. */
export class TransitionError extends RunEngineError {
  constructor(message: string) {
    super("TRANSITION", message)
  }
}

/** An action failed: the message names it and its cause, `status` is the status, `cause` its error. */
export class FailedStatus extends RunEngineError {
  readonly status: Status<unknown>

  constructor(status: Status<unknown>, verb: string, name: string) {
    const what = status.description === "" ? `${name}: ${verb}` : status.description
    const why = status.error?.message ?? "no reason given"
    super("FAILED_STATUS", why.startsWith(what) ? why : `${what} failed: ${why}`, { cause: status.error })
    this.status = status
  }
}

/** A `wait` whose patience ended. What it waited for goes on. */
export class WaitTimeout extends RunEngineError {
  constructor(message: string) {
    super("WAIT_TIMEOUT", message)
  }
}

/** The object lacks a member that the message needs. */
export class MissingProtocol extends RunEngineError {
  constructor(command: string, obj: unknown, member: string) {
    const name = (obj as { name?: unknown } | null)?.name
    const what = typeof name === "string" && name !== "" ? `"${name}"` : String(obj)
    super("MISSING_PROTOCOL", `${command}: ${what} has no ${member}()`)
  }
}

/** Thrown by a device's `pause()` to forbid replaying what was done since the last checkpoint. */
export class NoReplayAllowed extends RunEngineError {
  constructor(message = "replay is not allowed") {
    super("NO_REPLAY_ALLOWED", message)
  }
}

/** A pause was asked for where no checkpoint allows one; the plan is aborted instead. */
export class FailedPause extends RunEngineError {
  constructor() {
    super(
      "FAILED_PAUSE",
      "a pause was requested after clear_checkpoint, where the plan cannot be resumed: aborted",
    )
  }
}

/**
 * A stop or an abort, thrown into the plan where it is, so that `finally` blocks run on the way out. A `catch` that
 * meets it should throw it on; the engine throws it again at what would be new work, and drops a plan that will not end.
 */
export class PlanEnded extends RunEngineError {
  readonly exitStatus: ExitStatus

  constructor(exitStatus: ExitStatus, reason: string) {
    const verb = exitStatus === "success" ? "stopped" : "aborted"
    super("PLAN_ENDED", `the plan was ${verb}${reason === "" ? "" : `: ${reason}`}`)
    this.exitStatus = exitStatus
  }
}

/** Readings that do not make an event: the same key twice, other objects than the stream has, undescribed keys. */
export class BundleError extends RunEngineError {
  constructor(message: string) {
    super("BUNDLE", message)
  }
}

/** A plan was given arguments it cannot work with. Thrown before anything moves. */
export class PlanArgumentError extends RunEngineError {
  constructor(message: string) {
    super("PLAN_ARGUMENT", message)
  }
}

/** Clean-up of one thing failed or took too long. Collected in `RunEngineResult.problems`. */
export class CleanupError extends RunEngineError {
  constructor(message: string, options?: ErrorOptions) {
    super("CLEANUP", message, options)
  }
}

/** An error from whatever was thrown. */
export const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))
