/** What can be wrong with a configuration value. */
export type NetErrorCode = "BAD_ADDRESS" | "BAD_SETTING"

/** A configuration value that can not be understood; the message quotes it and names where it came from. */
export class NetConfigError extends Error {
  override readonly name = "NetConfigError"
  readonly code: NetErrorCode

  constructor(code: NetErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
