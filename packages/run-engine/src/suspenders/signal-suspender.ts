import { type Clock, type Reading, type Subscribable, type Subscription, systemClock } from "@ophyd-ts/core"
import type { Suspension } from "../engine/suspension.ts"
import type { PlanFactory } from "../messages.ts"
import type { Suspender } from "./suspender.ts"

export interface SuspenderOptions {
  /** Seconds for which the condition must have been good before plans go on; default 0. */
  sleep?: number
  /** Runs when a suspension begins. */
  before?: PlanFactory<unknown>
  /** Runs when it ends, before the replay. */
  after?: PlanFactory<unknown>
  /** For people: what to do about it. */
  message?: string
  clock?: Clock
}

/** When a value trips a suspender, when it releases it again, and how to say it. */
export interface Condition<T> {
  trips(value: T): boolean
  releases(value: T): boolean
  why(value: T): string
}

interface Hold {
  suspension: Suspension
  release: () => void
}

/** Suspends plans while a signal's value is not as it should be. */
export class SignalSuspender<T> implements Suspender {
  readonly #signal: Subscribable<T>
  readonly #condition: Condition<T>
  readonly #options: SuspenderOptions
  readonly #clock: Clock
  #subscription: Subscription | null = null
  #trip: ((suspension: Suspension) => void) | null = null
  #hold: Hold | null = null
  #forgetRelease: (() => void) | null = null

  constructor(signal: Subscribable<T>, condition: Condition<T>, options: SuspenderOptions = {}) {
    this.#signal = signal
    this.#condition = condition
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  get tripped(): Suspension | null {
    return this.#hold?.suspension ?? null
  }

  install(trip: (suspension: Suspension) => void): void {
    this.#trip = trip
    this.#subscription = this.#signal.subscribeReadings(readings => {
      const reading = readings[this.#signal.name] ?? (Object.values(readings)[0] as Reading<T> | undefined)
      if (reading !== undefined) this.#update(reading.value)
    })
  }

  remove(): void {
    this.#subscription?.unsubscribe()
    this.#subscription = null
    this.#trip = null
    this.#release()
  }

  #update(value: T): void {
    if (this.#condition.trips(value)) {
      // Bad again before it was good for long enough: the wait begins anew.
      this.#forgetRelease?.()
      this.#forgetRelease = null
      if (this.#hold === null) this.#begin(value)
    } else if (this.#hold !== null && this.#forgetRelease === null && this.#condition.releases(value)) {
      const { sleep = 0 } = this.#options
      if (sleep <= 0) this.#release()
      else this.#forgetRelease = this.#clock.after(sleep, () => this.#release())
    }
  }

  #begin(value: T): void {
    const { before, after, message } = this.#options
    const why = this.#condition.why(value)
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const reason = message === undefined ? why : `${why}: ${message}`
    const suspension = { released, reason, before, after }
    this.#hold = { suspension, release }
    this.#trip?.(suspension)
  }

  #release(): void {
    this.#forgetRelease?.()
    this.#forgetRelease = null
    const hold = this.#hold
    this.#hold = null
    hold?.release()
  }
}
