import { choice, derivedSignal, double } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "@ophyd-ts/epics"

export interface DoseDetectorOptions extends EpicsDeviceOptions {
  /** Counts per milligray; default 1000. */
  calibration?: number
}

/** A point detector that knows the dose its counts stand for. `trigger` exposes once. */
export class DoseDetector extends EpicsDevice {
  readonly acquire = this.signal.rw(choice("Done", "Acquire"), "Acquire", {
    kind: "omitted",
    triggerValue: "Acquire",
  })
  readonly acquireTime = this.signal.rw(double, "AcquireTime", { kind: "config" })
  readonly counts = this.signal.r(double, "Counts", { kind: "hinted" })
  readonly monitor = this.signal.r(double, "Monitor")
  readonly calibration = this.soft.rw(double, { initial: 1000, units: "1/mGy", kind: "config" })
  readonly dose = derivedSignal(
    double,
    {
      from: { counts: this.counts, calibration: this.calibration },
      get: ({ counts, calibration }) => counts / calibration,
      units: "mGy",
      precision: 3,
    },
    { kind: "hinted" },
  )

  constructor(prefix: string, options: DoseDetectorOptions = {}) {
    super(prefix, options)
    if (options.calibration !== undefined) this.assign(this.calibration, options.calibration)
  }
}
