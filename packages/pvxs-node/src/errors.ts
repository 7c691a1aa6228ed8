import type { Status } from "./wire/status.ts"

/** Stable names of everything that can go wrong; a caller branches on these, never on a message. */
export type PvaErrorCode =
  | "PVA_DECODE"
  | "PVA_LIMIT"
  | "PVA_BAD_INPUT"
  | "PVA_BAD_REQUEST"
  | "PVA_BAD_CONFIG"
  | "PVA_TYPE_MISMATCH"
  | "PVA_TIMEOUT"
  | "PVA_ABORTED"
  | "PVA_DISCONNECTED"
  | "PVA_OUTCOME_UNKNOWN"
  | "PVA_REFUSED"
  | "PVA_NOT_VALIDATED"
  | "PVA_CLOSED"
  | "PVA_NET"

/** Base of every error this package throws or rejects with. */
export class PvaError extends Error {
  override readonly name: string = "PvaError"
  readonly code: PvaErrorCode

  constructor(code: PvaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** The peer sent bytes that break the protocol or a limit; the connection they came from is closed. */
export class PvaProtocolError extends PvaError {
  override readonly name = "PvaProtocolError"

  constructor(message: string, code: "PVA_DECODE" | "PVA_LIMIT" = "PVA_DECODE") {
    super(code, message)
  }
}

/** The caller handed over something that cannot be sent; nothing was written. */
export class PvaInputError extends PvaError {
  override readonly name = "PvaInputError"

  constructor(message: string, code: PvaErrorCode = "PVA_BAD_INPUT") {
    super(code, message)
  }
}

/** The server answered with an error status, kept in `status`. */
export class PvaRefusedError extends PvaError {
  override readonly name = "PvaRefusedError"
  readonly status: Status

  constructor(what: string, status: Status) {
    super("PVA_REFUSED", `${what}: ${status.type} "${status.message}"`)
    this.status = status
  }
}
