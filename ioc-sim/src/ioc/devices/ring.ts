/** The storage ring: a current that decays and is topped up. */
import type { Clock } from "@ophyd-ts/core"
import { AnalogRecord } from "../records/value.ts"

const [lowest, highest, decay, period] = [100, 102, 0.02, 0.5]

/** Serves `ring:Current`, in mA, a new value every half second. */
export class Ring {
  readonly current: AnalogRecord
  readonly #clock: Clock
  #cancel: () => void = () => {}

  constructor(prefix: string, clock: Clock) {
    this.#clock = clock
    this.current = new AnalogRecord(`${prefix}ring:Current`, clock, {
      value: highest,
      description: "stored current",
      units: "mA",
      precision: 3,
      limits: [0, 110],
    })
    this.#next()
  }

  close(): void {
    this.#cancel()
  }

  #next(): void {
    this.#cancel = this.#clock.after(period, () => {
      const { value } = this.current
      this.current.update(value <= lowest ? highest : Math.round((value - decay) * 1000) / 1000)
      this.#next()
    })
  }
}
