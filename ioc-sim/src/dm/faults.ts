import type { DmErrorName, DmService } from "@ophyd-ts/aps-dm"

/** What can be made to go wrong with a request. */
export type DmFaultKind =
  /** The answer comes that many seconds later. */
  | { readonly kind: "delay"; readonly seconds: number }
  /** The connection breaks before anything is done. */
  | { readonly kind: "dropRequest" }
  /** The connection breaks in the middle of the answer, after the work was done. */
  | { readonly kind: "dropAnswer" }
  /** A web page instead of JSON. Default status 500. */
  | { readonly kind: "html"; readonly status?: number }
  /** 401, as when the session has ended. */
  | { readonly kind: "unauthorized" }
  /** A DM error. */
  | { readonly kind: "refuse"; readonly type: DmErrorName; readonly message?: string }
  /** Another document than the true one, e.g. without optional keys. Gets a copy, gives what is sent. */
  | { readonly kind: "change"; readonly change: (answer: unknown) => unknown }

export type DmFault = DmFaultKind & {
  /** Default: every service. */
  readonly service?: DmService
  /** Name of the call in the route table, e.g. `startProcessingJob`. Default: every call but `login`. */
  readonly call?: string
  /** How many requests. Default 1. */
  readonly times?: number
}

/** A fault that was set: how often it struck, and its end. */
export interface DmFaultHandle extends Disposable {
  readonly hits: number
  remove(): void
}

interface Armed {
  readonly fault: DmFault
  left: number
  hits: number
}

/** The faults that wait for a request. */
export class Faults {
  readonly #armed = new Set<Armed>()

  add(fault: DmFault): DmFaultHandle {
    const armed: Armed = { fault, left: fault.times ?? 1, hits: 0 }
    this.#armed.add(armed)
    const remove = () => {
      this.#armed.delete(armed)
    }
    return {
      get hits() {
        return armed.hits
      },
      remove,
      [Symbol.dispose]: remove,
    }
  }

  clear(): void {
    this.#armed.clear()
  }

  /** Those that strike this request, each now counted. */
  take(service: DmService | "any", call: string): DmFault[] {
    const struck: DmFault[] = []
    for (const armed of this.#armed) {
      const { fault } = armed
      const forService = fault.service === undefined || service === "any" || fault.service === service
      const forCall = fault.call === undefined ? call !== "login" : fault.call === call
      if (!forService || !forCall) continue
      armed.hits++
      if (--armed.left <= 0) this.#armed.delete(armed)
      struck.push(fault)
    }
    return struck
  }
}
