/** A photon shutter: `shutter:Request` completes when the blade has arrived at `shutter:Position_RBV`. */
import type { Clock } from "@ophyd-ts/core"
import { AnalogRecord, ChoiceRecord } from "../records/value.ts"

const between = 2

export class Shutter {
  readonly request: ChoiceRecord
  readonly position: ChoiceRecord
  readonly exposure: AnalogRecord
  readonly #clock: Clock
  #arrive: (() => void) | undefined
  #cancel: () => void = () => {}

  constructor(prefix: string, clock: Clock) {
    this.#clock = clock
    this.request = new ChoiceRecord(`${prefix}shutter:Request`, ["Close", "Open"], clock, {
      value: 1,
      description: "where the blade shall be",
      onWrite: value => this.#move(value),
    })
    this.position = new ChoiceRecord(`${prefix}shutter:Position_RBV`, ["Closed", "Open", "Between"], clock, {
      value: 1,
      description: "where the blade is",
    })
    this.exposure = new AnalogRecord(`${prefix}shutter:Exposure`, clock, {
      value: 0.1,
      description: "time between closed and open",
      units: "s",
      precision: 2,
      limits: [0, 10],
      onWrite: () => {},
    })
  }

  get open(): boolean {
    return this.position.value === 1
  }

  close(): void {
    this.#cancel()
    this.#arrive?.()
  }

  #move(wanted: number): Promise<void> {
    // A blade that is sent back before it arrived arrives nowhere else: the older request ends with the newer one.
    const superseded = this.#arrive
    this.#cancel()
    this.position.update(between)
    return new Promise(resolve => {
      this.#arrive = () => {
        superseded?.()
        resolve()
      }
      this.#cancel = this.#clock.after(this.exposure.value, () => {
        this.position.update(wanted)
        this.#arrive?.()
        this.#arrive = undefined
      })
    })
  }
}
