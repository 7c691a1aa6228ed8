import { CaError } from "../errors.ts"
import { Eca, ecaText } from "../wire/eca.ts"

/** Thrown by `check` or `onPut` to refuse a put with a status of its own choice instead of PUTFAIL. */
export class PutRefused extends CaError {
  override readonly name = "PutRefused"
  /** ECA status that the client receives. */
  readonly status: number

  constructor(message: string, status: number = Eca.PUTFAIL) {
    super("BAD_INPUT", `${message}: ${ecaText(status)}`)
    this.status = status
  }
}

/** ECA status and text by which a client learns of a failed put. */
export function describeRefusal(error: unknown): { status: number; text: string } {
  const status = error instanceof PutRefused ? error.status : Eca.PUTFAIL
  return { status, text: error instanceof Error ? error.message : String(error) }
}
