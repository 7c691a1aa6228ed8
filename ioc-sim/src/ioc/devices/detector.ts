/** A point detector and its monitor: `det:Acquire` completes when the counts of this exposure can be read. */
import type { Clock } from "@ophyd-ts/core"
import type { Noise } from "../physics/random.ts"
import type { Sample } from "../physics/sample.ts"
import { AnalogRecord, ChoiceRecord } from "../records/value.ts"

/** What falls on the detector, in mean counts per second. */
export interface Rates {
  readonly detector: number
  readonly monitor: number
}

export class Detector {
  readonly acquire: ChoiceRecord
  readonly acquireTime: AnalogRecord
  readonly counts: AnalogRecord
  readonly monitor: AnalogRecord
  readonly center: AnalogRecord
  readonly width: AnalogRecord
  readonly peakRate: AnalogRecord
  readonly darkRate: AnalogRecord
  readonly #clock: Clock
  readonly #noise: Noise
  readonly #rates: () => Rates
  #begun = 0
  #waiting: (() => void)[] = []
  #cancel: () => void = () => {}

  constructor(prefix: string, clock: Clock, noise: Noise, rates: () => Rates) {
    this.#clock = clock
    this.#noise = noise
    this.#rates = rates
    const p = `${prefix}det:`
    const analog = (name: string, value: number, units: string, precision: number): AnalogRecord =>
      new AnalogRecord(`${p}${name}`, clock, { value, units, precision, onWrite: () => {} })
    this.acquire = new ChoiceRecord(`${p}Acquire`, ["Done", "Acquire"], clock, {
      onWrite: value => (value === 0 ? this.#abort() : this.#begin()),
    })
    this.acquireTime = new AnalogRecord(`${p}AcquireTime`, clock, {
      value: 0.1,
      description: "exposure",
      units: "s",
      precision: 3,
      limits: [0.001, 3600],
      onWrite: () => {},
    })
    this.counts = new AnalogRecord(`${p}Counts`, clock, { description: "detected", units: "counts" })
    this.monitor = new AnalogRecord(`${p}Monitor`, clock, { description: "incident", units: "counts" })
    this.center = analog("PeakCenter", 0.5, "mm", 4)
    this.width = new AnalogRecord(`${p}PeakWidth`, clock, {
      value: 0.8,
      units: "mm",
      precision: 4,
      limits: [0.0001, 1000],
      onWrite: () => {},
    })
    this.peakRate = analog("PeakRate", 100_000, "1/s", 0)
    this.darkRate = analog("DarkRate", 20, "1/s", 0)
  }

  /** The sample as its PVs describe it. */
  get sample(): Sample {
    return {
      center: this.center.value,
      width: this.width.value,
      peakRate: this.peakRate.value,
      darkRate: this.darkRate.value,
    }
  }

  close(): void {
    this.#cancel()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #begin(): Promise<void> {
    if (this.#waiting.length === 0) {
      const exposure = this.acquireTime.value
      this.#begun = this.#clock.now()
      this.#cancel = this.#clock.after(exposure, () => this.#readOut(exposure))
    }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Somebody ends the exposure: what has been counted so far is read out. */
  #abort(): void {
    if (this.#waiting.length > 0) this.#readOut(this.#clock.now() - this.#begun)
  }

  #readOut(seconds: number): void {
    this.#cancel()
    const rates = this.#rates()
    this.monitor.update(Math.round(rates.monitor * seconds))
    this.counts.update(this.#noise.poisson(rates.detector * seconds))
    this.acquire.update(0)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
