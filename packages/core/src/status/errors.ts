import { OphydError } from "../errors.ts"

/** An action failed. The message starts with device, action and target; `cause` is the reason. */
export class StatusError extends OphydError {
  constructor(message: string, options?: ErrorOptions, code = "STATUS_FAILED") {
    super(code, message, options)
  }
}

/** The status' own limit passed: the action counts as failed, whatever it reports later. */
export class StatusTimeoutError extends StatusError {
  constructor(message: string) {
    super(message, undefined, "STATUS_TIMEOUT")
  }
}

/** Someone ended the action before it was done: `cancel`, an AbortSignal, `stop`, a newer `set`. */
export class StatusCancelledError extends StatusError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, "STATUS_CANCELLED")
  }
}

/** Several actions were combined and at least one failed. `errors` grows while more of them fail. */
export class StatusGroupError extends StatusError {
  readonly errors: Error[]

  constructor(first: Error) {
    super(first.message, { cause: first }, "STATUS_GROUP_FAILED")
    this.errors = [first]
  }
}

/** The patience of one waiter ended; the status it waited for is still pending. */
export class WaitTimeoutError extends OphydError {
  constructor(message: string) {
    super("WAIT_TIMEOUT", message)
  }
}

/** A status was finished twice: a mistake in the code that owns it. */
export class StatusDoneError extends OphydError {
  constructor(message: string) {
    super("STATUS_ALREADY_DONE", message)
  }
}
