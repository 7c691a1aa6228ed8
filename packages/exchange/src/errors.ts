import { OphydError } from "@ophyd-ts/core"

export type ExchangeErrorCode =
  /** An option or an argument that cannot work. */
  | "ARGUMENT"
  /** The other side cannot be reached, or said that it cannot answer now. It is tried again. */
  | "UNREACHABLE"
  /** The other side refused; trying again would not help. */
  | "REFUSED"
  /** More documents waited than the bound allows; what did not fit is named. */
  | "OVERFLOW"
  /** It was not done within the time allowed. */
  | "TIMEOUT"
  /** It was closed before this was done. */
  | "CLOSED"
  /** What arrived is not a document. */
  | "FORMAT"

/** Base of every error of this package. `code` is stable, the message is for people. */
export class ExchangeError extends OphydError {
  declare readonly code: ExchangeErrorCode

  constructor(code: ExchangeErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
