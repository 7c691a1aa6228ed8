import {
  type Clock,
  Device,
  double,
  type SignalR,
  type SignalRW,
  Status,
  softReadable,
  systemClock,
} from "@ophyd-ts/core"

export interface SimDetectorOptions {
  /** What it measures; default always 1. */
  value?: () => number
  /** Seconds that a measurement takes; default 0. */
  exposure?: number
  clock?: Clock
}

/** A detector without hardware: one key, `<name>`, measured when triggered; `<name>_exposure` as configuration. */
export class SimDetector extends Device {
  readonly reading: SignalR<number>
  readonly exposure: SignalRW<number>
  /** How often it was triggered. */
  triggers = 0
  readonly #measure: () => number
  readonly #assign: (value: number) => void
  readonly #clock: Clock
  #exposure: number

  constructor(name: string, options: SimDetectorOptions = {}) {
    super({ name })
    const { value = () => 1, exposure = 0, clock = systemClock } = options
    const [reading, assign] = softReadable(double, { precision: 3, kind: "hinted", as: "", clock }, this)
    this.reading = reading
    this.exposure = this.soft.rw(double, { initial: exposure, units: "s", kind: "config", clock })
    this.#measure = value
    this.#assign = assign
    this.#clock = clock
    this.#exposure = exposure
    this.exposure.subscribe(({ value: seconds }) => {
      this.#exposure = seconds
    })
  }

  override trigger(): Status<void> {
    this.triggers++
    const what = { name: this.name, action: "trigger", clock: this.#clock }
    if (this.#exposure <= 0) {
      this.#assign(this.#measure())
      return Status.finished(what)
    }
    return new Status(what, action => {
      const forget = this.#clock.after(this.#exposure, () => {
        this.#assign(this.#measure())
        action.finish()
      })
      action.onCancel(forget)
    })
  }
}

export const simDetector = (name: string, options?: SimDetectorOptions): SimDetector =>
  new SimDetector(name, options)

/** A detector that sees a Gaussian peak along a motor: `peakAt(motor, { center: 0, sigma: 1, height: 1 })`. */
export const peakAt =
  (motor: { readonly position: number }, { center = 0, sigma = 1, height = 1 } = {}) =>
  (): number =>
    height * Math.exp(-((motor.position - center) ** 2) / (2 * sigma * sigma))
