/** What went wrong, in a form that a program can compare. */
export type IocSimErrorCode =
  | "python-not-found"
  | "install-failed"
  | "softioc-not-found"
  | "softioc-failed"
  | "softioc-port-taken"
  | "container-engine-not-found"
  | "container-image-failed"
  | "container-failed"
  | "port-taken"
  | "bad-argument"

/** Base of every error of this package; `code` is stable. */
export class SimError<Code extends string = string> extends Error {
  override readonly name: string = "SimError"
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Every error of the simulated beamline: an action, what it was tried on, and why it did not work. */
export class IocSimError extends SimError<IocSimErrorCode> {
  override readonly name = "IocSimError"
}
