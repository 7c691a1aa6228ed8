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

/** Every error of the simulated beamline: an action, what it was tried on, and why it did not work. */
export class IocSimError extends Error {
  override readonly name = "IocSimError"
  readonly code: IocSimErrorCode

  constructor(code: IocSimErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
