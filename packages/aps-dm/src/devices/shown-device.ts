import { Device, SignalR } from "@ophyd-ts/core"

/** A signal that sets a time, in seconds. */
export const seconds = (initial: number, low: number, high: number) => ({
  initial,
  units: "s",
  kind: "config" as const,
  limits: { control: { low, high } },
})

/** A device whose signals show what a program finds out: it knows their present values, and tells of changes only. */
export class ShownDevice extends Device {
  readonly #values = new Map<unknown, unknown>()

  /** To be called at the end of the constructor, when all signals are there. */
  protected followSignals(): void {
    for (const signal of this.signals()) {
      if (signal instanceof SignalR) signal.subscribe(({ value }) => void this.#values.set(signal, value))
    }
  }

  protected value<T>(signal: SignalR<T>): T {
    return this.#values.get(signal) as T
  }

  /** Gives whether the value is new; only then do subscribers hear of it. */
  protected show<T>(signal: SignalR<T>, value: NoInfer<T>): boolean {
    if (this.value(signal) === value) return false
    this.assign(signal, value)
    return true
  }
}
