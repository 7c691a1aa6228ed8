import type { PutContext, ServerClient } from "./pv-options.ts"

/** One put while it is carried out. */
export class PutRequest implements PutContext {
  readonly user: string
  readonly host: string
  readonly address: string
  readonly notify: boolean
  #controller: AbortController | undefined
  #aborted: Error | undefined

  constructor({ user, host, address }: ServerClient, notify: boolean) {
    this.user = user
    this.host = host
    this.address = address
    this.notify = notify
  }

  /** Made on demand: most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
    }
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }
}
