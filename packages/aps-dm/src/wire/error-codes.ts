/**
 * Number (`Dm-Status-Code`, `errorCode`) and class name (`Dm-Exception-Type`) of DM's errors. 0 to 17 are known, the
 * names of 19 and 22 are ours. Other numbers exist: keep the number, use the general class.
 */
export const dmErrorCodes = {
  OK: 0,
  DmException: 1,
  InternalError: 2,
  CommunicationError: 3,
  ConfigurationError: 4,
  AuthorizationError: 5,
  AuthenticationError: 6,
  DbError: 7,
  UrlError: 8,
  TimeoutError: 9,
  InvalidArgument: 10,
  InvalidRequest: 11,
  InvalidSession: 12,
  CommandFailed: 13,
  ObjectNotFound: 14,
  ObjectAlreadyExists: 15,
  InvalidObjectState: 16,
  FileProcessingError: 17,
  ServiceLimitExceeded: 19,
  TaskTimeout: 22,
} as const

export type DmErrorName = Exclude<keyof typeof dmErrorCodes, "OK">

const byNumber = new Map<number, DmErrorName>(
  Object.entries(dmErrorCodes)
    .filter(([name]) => name !== "OK")
    .map(([name, number]) => [number, name as DmErrorName]),
)

/** The class for a number; `DmException`, the general one, for an unknown number. */
export const dmErrorName = (number: number): DmErrorName => byNumber.get(number) ?? "DmException"

/** Status headers that come with every answer. Sent so; HTTP compares them without regard to case. */
export const dmHeaders = {
  statusCode: "Dm-Status-Code",
  statusMessage: "Dm-Status-Message",
  exceptionType: "Dm-Exception-Type",
  sessionRole: "Dm-Session-Role",
} as const
