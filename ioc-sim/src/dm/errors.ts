import type { DmErrorName } from "@ophyd-ts/aps-dm"
import { SimError } from "../errors.ts"

/** Base of what the simulated DM service throws. */
export class DmSimError extends SimError {
  override readonly name: string = "DmSimError"
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
