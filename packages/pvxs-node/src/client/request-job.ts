import { PvaError } from "../errors.ts"
import type { Reader } from "../wire/reader.ts"
import { Job } from "./job.ts"
import type { Request } from "./request.ts"

/** A call that executes an operation of the channel: get, put, rpc. */
export abstract class RequestJob<T> extends Job<T> {
  #request: Request | null = null

  /** Starts on an operation that nobody else uses. */
  start(request: Request): Promise<T> {
    if (this.signal?.aborted === true) {
      this.core.retire(request)
      this.abort()
    } else {
      this.#request = request
      request.run(this as RequestJob<unknown>)
    }
    return this.promise
  }

  /** The operation is ready: send the first execution. What this throws goes to the caller. */
  abstract execute(request: Request): void

  /** A successful answer. */
  abstract onReply(request: Request, sub: number, reader: Reader): void

  /** The connection is gone. What may be repeated is; what was in flight has an unknown outcome. */
  disconnected(reason: PvaError): void {
    if (!this.inFlight) return
    const message = `${this.what} ${this.core.name}: the connection was lost before the answer, so the outcome is unknown`
    this.fail(new PvaError("PVA_OUTCOME_UNKNOWN", `${message} (${reason.message})`, { cause: reason }))
  }

  protected override over(reusable: boolean): void {
    this.#request?.finished(reusable)
  }
}
