/**
 * Base of every error this package throws. `code` is stable: programs decide by it, people read `message`, which says
 * what was attempted, on what, and why it did not work. `cause` keeps the reason.
 */
export class OphydError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** A value that its signal or device would not accept; nothing was written. */
export class ValueError extends OphydError {
  constructor(message: string, options?: ErrorOptions) {
    super("VALUE_REFUSED", message, options)
  }
}

/** A value outside the limits; nothing was written. */
export class LimitError extends OphydError {
  readonly value: number
  readonly low: number
  readonly high: number

  constructor(who: string, value: number, low: number, high: number, unit?: string) {
    const mm = unit === undefined || unit === "" ? "" : ` ${unit}`
    super("OUTSIDE_LIMITS", `${who}: ${value}${mm} is outside its limits ${low} to ${high}${mm}`)
    this.value = value
    this.low = low
    this.high = high
  }
}

/** Whatever was thrown, as an Error. */
export const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))
