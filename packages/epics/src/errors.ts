import { OphydError } from "@ophyd-ts/core"

/** Every way in which this package itself fails, as a stable code. Errors of the protocol arrive as their `cause`. */
export type EpicsErrorCode =
  /** A PV name or prefix that cannot be understood. */
  | "BAD_ADDRESS"
  /** The server's type or labels differ from the declared ones. */
  | "WRONG_TYPE"
  /** The connection is lost at the moment, so nothing was written. */
  | "DISCONNECTED"
  /** The motor was stopped before it arrived. */
  | "MOTOR_STOPPED"
  /** The motor record refused the target because of its soft limits (LVIO). */
  | "MOTOR_LIMIT_VIOLATION"
  /** The motor ran into a limit switch. */
  | "MOTOR_LIMIT_SWITCH"
  /** The motor used up its retries away from the target (MISS). */
  | "MOTOR_MISSED"
  /** The motor record is in alarm after the move. */
  | "MOTOR_ALARM"
  /** A motor was kicked off without a `prepare`, or completed without a `kickoff`. */
  | "NOT_PREPARED"
  /** The axis was stopped before it arrived. */
  | "POSITIONER_STOPPED"

/** Base of the errors of this package. */
export class EpicsError extends OphydError {
  declare readonly code: EpicsErrorCode

  constructor(code: EpicsErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
