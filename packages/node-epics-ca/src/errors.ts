/** Every way in which this package fails, as a stable code that a program can branch on. */
export type CaErrorCode =
  /** The peer broke the protocol; the circuit it came from is closed. */
  | "PROTOCOL"
  /** A payload larger than the configured ceiling was skipped. */
  | "TOO_LARGE"
  /** The caller passed something that can not be sent: a bad name, value, type or option. */
  | "BAD_INPUT"
  /** Nobody answered for the name within the time limit. */
  | "NOT_FOUND"
  /** A time limit passed in another state than searching. */
  | "TIMEOUT"
  /** The channel is, or became, disconnected. */
  | "DISCONNECTED"
  /** A write was under way when the circuit broke: it may or may not have been carried out. */
  | "OUTCOME_UNKNOWN"
  /** The server answered with an ECA status other than success. */
  | "REMOTE"
  /** The server does not permit this client to read or to write the channel. */
  | "NO_ACCESS"
  /** A put with completion is still under way on this channel. */
  | "PUT_PENDING"
  /** A queue with a bound was full: a write was refused before anything of it was sent. */
  | "OVERFLOW"
  /** The caller's AbortSignal fired. */
  | "ABORTED"
  /** The client, channel or subscription was closed. */
  | "CLOSED"
  /** Several names were asked for and some of them failed. */
  | "AGGREGATE"

/** The base of every error this package throws or rejects with. `cause` holds the underlying error when there is one. */
export class CaError extends Error {
  override readonly name: string = "CaError"
  readonly code: CaErrorCode

  constructor(code: CaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** What a peer did wrong. Each names one rule of the protocol. */
export type CaViolation =
  | "misaligned-payload"
  | "payload-too-short"
  | "count-exceeds-payload"
  | "unknown-type"
  | "unterminated-name"
  | "malformed-message"

/** The peer broke the protocol. The circuit it came from can not be used any further. */
export class CaProtocolError extends CaError {
  override readonly name = "CaProtocolError"
  readonly violation: CaViolation

  constructor(violation: CaViolation, message: string) {
    super("PROTOCOL", message)
    this.violation = violation
  }
}

/** Where a channel stands between its name and a live connection. */
export type CaChannelState =
  /** Looking for a server that has the name. */
  | "searching"
  /** A server answered; the TCP circuit to it is being set up. */
  | "connecting"
  /** The circuit is up; the server was asked for the channel. */
  | "creating"
  | "connected"
  /** Connected, but the server has gone silent. */
  | "unresponsive"
  | "closed"

/** Something failed on one channel. */
export class CaChannelError extends CaError {
  override readonly name = "CaChannelError"
  /** The name of the channel. */
  readonly channel: string
  /** State the channel was in. */
  readonly state: CaChannelState
  /** `host:port` of the server, when one was known. */
  readonly server: string | undefined
  /** ECA status that the server answered with, else undefined. */
  readonly status: number | undefined

  constructor(
    code: CaErrorCode,
    message: string,
    where: {
      channel: string
      state: CaChannelState
      server?: string | undefined
      status?: number | undefined
    },
    options?: { cause?: unknown },
  ) {
    super(code, message, options)
    this.channel = where.channel
    this.state = where.state
    this.server = where.server
    this.status = where.status
  }
}

/** Several names were asked for and some failed: `errors` has one entry for each that did. */
export class CaAggregateError extends CaError {
  override readonly name = "CaAggregateError"
  readonly errors: readonly CaError[]

  constructor(errors: readonly CaError[], total: number) {
    const list = errors.map(error => `\n  ${error.message}`).join("")
    super("AGGREGATE", `${errors.length} of ${total} channels failed:${list}`, { cause: errors[0] })
    this.errors = errors
  }
}
