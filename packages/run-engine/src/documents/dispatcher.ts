import type { Subscription } from "@ophyd-ts/core"
import { errorOf } from "../errors.ts"
import { isThenable } from "../util.ts"
import type { DocumentName, DocumentTypes, Subscriber } from "./types.ts"

export interface SubscribeOptions {
  /** Only documents of this kind; default all. */
  name?: DocumentName | "all"
  /**
   * True for recorders: an error fails the plan, and a returned promise is waited for before the next message.
   * False (default) for viewers: an error is reported and the scan goes on.
   */
  strict?: boolean
}

interface Entry {
  fn: Subscriber
  name: DocumentName | "all"
  strict: boolean
}

/** Hands each document to the subscribers, in the order in which they subscribed. */
export class Dispatcher {
  readonly #entries = new Map<number, Entry>()
  readonly #report: (error: Error) => void
  #pending: PromiseLike<unknown>[] = []
  #tokens = 0

  /** `report` hears of the errors of subscribers that are not strict. */
  constructor(report: (error: Error) => void) {
    this.#report = report
  }

  add(fn: Subscriber, options: SubscribeOptions = {}): number {
    const token = ++this.#tokens
    this.#entries.set(token, { fn, name: options.name ?? "all", strict: options.strict ?? false })
    return token
  }

  remove(token: number): boolean {
    return this.#entries.delete(token)
  }

  subscribe(fn: Subscriber, options?: SubscribeOptions): Subscription {
    const token = this.add(fn, options)
    const unsubscribe = () => void this.remove(token)
    return { unsubscribe, [Symbol.dispose]: unsubscribe }
  }

  /** Every subscriber gets the document; then the first error of a strict one is thrown. */
  emit<N extends DocumentName>(name: N, doc: DocumentTypes[N]): void {
    let failed: { error: unknown } | null = null
    for (const entry of this.#entries.values()) {
      if (entry.name !== "all" && entry.name !== name) continue
      try {
        const result = (entry.fn as (name: DocumentName, doc: unknown) => unknown)(name, doc)
        if (!isThenable(result)) continue
        if (entry.strict) {
          this.#pending.push(result)
          // Whoever settles hears of a failure, which may be a message later.
          result.then(undefined, () => {})
        } else result.then(undefined, error => this.#report(errorOf(error)))
      } catch (error) {
        if (entry.strict) failed ??= { error }
        else this.#report(errorOf(error))
      }
    }
    if (failed !== null) throw failed.error
  }

  /** What strict subscribers still do with documents they got; null when nothing. Rejects with the first error. */
  settle(): Promise<unknown> | null {
    if (this.#pending.length === 0) return null
    const pending = this.#pending
    this.#pending = []
    return Promise.all(pending)
  }
}
