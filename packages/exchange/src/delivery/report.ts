import type { ExchangeError } from "../errors.ts"

/** What a program may want to tell its operator about the way to the other side. */
export type DeliveryReport =
  /** The other side does not answer. Documents wait, it is tried again; said once until `back`. */
  | { readonly kind: "away"; readonly error: ExchangeError }
  | { readonly kind: "back" }
  /** These documents do not arrive by themselves. `spooled` is the file that keeps the whole run, if there is one. */
  | { readonly kind: "lost"; readonly run: string; readonly error: Error; readonly spooled: string | null }

/** Keeps what would be reported where nobody listens, for the engine to hear of with the next document. */
export class Reporter {
  readonly #report: ((report: DeliveryReport) => void) | undefined
  #complaints: Error[] = []
  #away: ExchangeError | null = null

  constructor(report: ((report: DeliveryReport) => void) | undefined) {
    this.#report = report
  }

  /** Why it is being tried again, null while all is well. */
  get away(): ExchangeError | null {
    return this.#away
  }

  retrying(error: ExchangeError): void {
    const first = this.#away === null
    this.#away = error
    if (first) this.#tell({ kind: "away", error }, error)
  }

  arrived(): void {
    if (this.#away === null) return
    this.#away = null
    this.#tell({ kind: "back" }, null)
  }

  lost(run: string, error: Error, spooled: string | null): void {
    this.#tell({ kind: "lost", run, error, spooled }, error)
  }

  /** Throws what nobody has heard of yet: the engine lists the errors of a viewer among the problems of its run. */
  complain(): void {
    const complaint = this.#complaints.shift()
    if (complaint !== undefined) throw complaint
  }

  #tell(report: DeliveryReport, error: Error | null): void {
    if (this.#report !== undefined) this.#report(report)
    else if (error !== null && this.#complaints.length < 10) this.#complaints.push(error)
  }
}
