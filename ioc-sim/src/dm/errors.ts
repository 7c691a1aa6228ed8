import type { DmErrorName } from "@ophyd-ts/aps-dm"

/** Base of what the simulated DM service throws; `code` is stable. */
export class DmSimError extends Error {
  override readonly name: string = "DmSimError"
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A request that the service answers with a DM error: class name, number and message. */
export class DmRefusal extends DmSimError {
  override readonly name: string = "DmRefusal"
  readonly type: DmErrorName
  constructor(type: DmErrorName, message: string, options?: ErrorOptions) {
    super("DM_SIM_REFUSAL", message, options)
    this.type = type
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
