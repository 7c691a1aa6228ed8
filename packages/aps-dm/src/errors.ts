import { type DmErrorName, type DmTransfer, dmErrorCodes, dmErrorName } from "./wire/index.ts"

/** What was attempted, where and for how long. */
export interface DmErrorDetails {
  /** DM's number; kept also when nobody knows its name. */
  number?: number
  /** HTTP status of the answer. */
  httpStatus?: number
  /** Address of the request, without its query. */
  url?: string
  /** Seconds from the start of the attempt. */
  elapsed?: number
  cause?: unknown
}

/** The last seven are ours; the others are DM's own classes. */
export type DmErrorCode =
  | DmErrorName
  | "UnexpectedAnswer"
  | "WatchTimeout"
  | "JobEnded"
  | "TransferEnded"
  | "StreamEnded"
  | "SpoolFull"
  | "SpoolFailed"

/**
 * Base of every error of this package. `code` is stable: DM's class name, also for errors that the client raises
 * itself because the service could not. No message and no property ever holds a password, a cookie or a query.
 */
export class DmError extends Error {
  override readonly name: string = "DmError"
  readonly code: DmErrorCode
  readonly number: number | null
  readonly httpStatus: number | null
  readonly url: string | null
  readonly elapsed: number | null

  constructor(code: DmErrorCode, message: string, details: DmErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.number = details.number ?? (code in dmErrorCodes ? dmErrorCodes[code as DmErrorName] : null)
    this.httpStatus = details.httpStatus ?? null
    this.url = details.url ?? null
    this.elapsed = details.elapsed ?? null
  }
}

/** No experiment, file, job, workflow… of that name. */
export class ObjectNotFound extends DmError {
  override readonly name = "ObjectNotFound"
  constructor(message: string, details?: DmErrorDetails) {
    super("ObjectNotFound", message, details)
  }
}

export class ObjectAlreadyExists extends DmError {
  override readonly name = "ObjectAlreadyExists"
  constructor(message: string, details?: DmErrorDetails) {
    super("ObjectAlreadyExists", message, details)
  }
}

export class InvalidArgument extends DmError {
  override readonly name = "InvalidArgument"
  constructor(message: string, details?: DmErrorDetails) {
    super("InvalidArgument", message, details)
  }
}

export class InvalidRequest extends DmError {
  override readonly name = "InvalidRequest"
  constructor(message: string, details?: DmErrorDetails) {
    super("InvalidRequest", message, details)
  }
}

/** The service forgot the session and does not accept a new one either. */
export class InvalidSession extends DmError {
  override readonly name = "InvalidSession"
  constructor(message: string, details?: DmErrorDetails) {
    super("InvalidSession", message, details)
  }
}

/** User name or password refused. */
export class AuthenticationError extends DmError {
  override readonly name = "AuthenticationError"
  constructor(message: string, details?: DmErrorDetails) {
    super("AuthenticationError", message, details)
  }
}

/** The account has no right for this station or experiment. */
export class AuthorizationError extends DmError {
  override readonly name = "AuthorizationError"
  constructor(message: string, details?: DmErrorDetails) {
    super("AuthorizationError", message, details)
  }
}

/** Something the client needs is not configured: a service's address, credentials, a readable file. */
export class ConfigurationError extends DmError {
  override readonly name = "ConfigurationError"
  constructor(message: string, details?: DmErrorDetails) {
    super("ConfigurationError", message, details)
  }
}

/** The request and its answer did not get through. Raised by the client; the service may be down. */
export class CommunicationError extends DmError {
  override readonly name = "CommunicationError"
  /** The request reached the service, or may have: what it asked for may have happened. */
  readonly outcomeUnknown: boolean
  constructor(message: string, details?: DmErrorDetails & { outcomeUnknown?: boolean }) {
    super("CommunicationError", message, details)
    this.outcomeUnknown = details?.outcomeUnknown ?? false
  }
}

/** What was waited for did not come in time. */
export class DmWaitTimeout extends DmError {
  override readonly name = "DmWaitTimeout"
  constructor(message: string, details?: DmErrorDetails) {
    super("TimeoutError", message, details)
  }
}

/** A DAQ or an upload did not end as `done`. */
export class DmTransferError extends DmError {
  override readonly name = "DmTransferError"
  readonly transfer: DmTransfer
  /** Files that were not stored, each with the reason, as far as DM names them. */
  readonly failed: readonly { readonly file: string; readonly message: string }[]
  constructor(
    message: string,
    transfer: DmTransfer,
    details?: DmErrorDetails & { failed?: readonly { file: string; message: string }[] },
  ) {
    super("TransferEnded", message, details)
    this.transfer = transfer
    this.failed = details?.failed ?? []
  }
}

/** The answer is JSON, but not what the call should give. */
export class UnexpectedAnswer extends DmError {
  override readonly name = "UnexpectedAnswer"
  constructor(message: string, details?: DmErrorDetails) {
    super("UnexpectedAnswer", message, details)
  }
}

const classes = {
  ObjectNotFound,
  ObjectAlreadyExists,
  InvalidArgument,
  InvalidRequest,
  InvalidSession,
  AuthenticationError,
  AuthorizationError,
  ConfigurationError,
  CommunicationError,
} satisfies Partial<Record<DmErrorName, new (message: string, details?: DmErrorDetails) => DmError>>

/**
 * The error that a service reports by number, by class name or by both; the name wins when it is known, and an
 * unknown number becomes a `DmError` with code `DmException` that keeps the number.
 */
export function dmErrorFrom(
  reported: { number?: number | undefined; name?: string | undefined },
  message: string,
  details: DmErrorDetails = {},
): DmError {
  const named =
    reported.name !== undefined && Object.hasOwn(dmErrorCodes, reported.name) && reported.name !== "OK"
  const code = named
    ? (reported.name as DmErrorName)
    : dmErrorName(reported.number ?? dmErrorCodes.DmException)
  const all = reported.number === undefined ? details : { ...details, number: reported.number }
  const Known = Object.hasOwn(classes, code) ? classes[code as keyof typeof classes] : null
  return Known === null ? new DmError(code, message, all) : new Known(message, all)
}
