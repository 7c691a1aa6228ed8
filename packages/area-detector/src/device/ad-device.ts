import type { Signal } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "@ophyd-ts/epics"
import { isPresent, OptionalSignals } from "./optional.ts"

export interface AdDeviceOptions extends EpicsDeviceOptions {
  /** Seconds that a record which some versions lack may take longer to answer than the others; default 0.5. */
  probeTime?: number | undefined
}

/**
 * A device of records of which some need not exist: `this.optional.rbv(double, "Gain")`. There is one class for all versions of
 * ADCore; what a version lacks is found out at connect.
 */
export abstract class AdDevice extends EpicsDevice {
  readonly probeTime: number

  constructor(prefix: string, options: AdDeviceOptions = {}) {
    super(prefix, options)
    this.probeTime = options.probeTime ?? 0.5
  }

  /** The record that tells that the IOC answers. */
  abstract readonly anchor: Signal<unknown>

  /** Signals whose records the IOC does not have. */
  absent(): Signal<unknown>[] {
    return [...this.signals()].filter(signal => !isPresent(signal))
  }

  /** Makes signals of records that need not exist, left out of documents unless `kind` says otherwise. */
  protected get optional(): OptionalSignals {
    return new OptionalSignals(this)
  }
}
