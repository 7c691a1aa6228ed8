import { choice, double, number, type Status, string } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"

export interface ScalerOptions extends EpicsDeviceOptions {
  /** How many channels are used; default 32. The record has 32, older ones 16. */
  channels?: number | undefined
}

/** 1 to `count`. */
export function channelNumbers(count = 32): number[] {
  if (!(Number.isInteger(count) && count >= 1 && count <= 64))
    throw new RangeError(`a scaler has 1 to 64 channels, not ${count}`)
  return Array.from({ length: count }, (_, i) => i + 1)
}

/**
 * What both forms of a scaler share. `trigger` counts for the preset time, and is done when the record is; staging
 * switches auto-count off and unstaging back to what it was.
 */
export class ScalerFields extends EpicsDevice {
  /** Completes when counting has ended. */
  readonly count = this.signal.rw(choice("Done", "Count"), ".CNT", { kind: "omitted", triggerValue: "Count" })
  readonly countMode = this.signal.rw(choice("OneShot", "AutoCount"), ".CONT", { kind: "config" })
  /** Seconds between the trigger and counting. */
  readonly delay = this.signal.rw(double, ".DLY", { kind: "config" })
  readonly autoCountDelay = this.signal.rw(double, ".DLY1", { kind: "config" })
  /** Seconds counted. */
  readonly time = this.signal.r(double, ".T", { kind: "config" })
  /** Of the clock that channel 1 counts, in Hz. */
  readonly freq = this.signal.rw(double, ".FREQ", { kind: "config" })
  /** Seconds to count for. */
  readonly presetTime = this.signal.rw(double, ".TP", { kind: "config" })
  readonly autoCountTime = this.signal.rw(double, ".TP1", { kind: "config" })
  /** How often the counts are shown while counting, in Hz. */
  readonly updateRate = this.signal.rw(number, ".RATE", { kind: "omitted" })
  readonly autoCountUpdateRate = this.signal.rw(number, ".RAT1", { kind: "omitted" })
  readonly egu = this.signal.r(string, ".EGU", { kind: "config" })
  /** Ends a count. Never waited for. */
  readonly stopCommand = this.signal.x(choice("Done", "Count"), ".CNT", "Done", {
    kind: "omitted",
    completion: false,
    whenBusy: "queue",
  })
  #counting: Status<unknown> | null = null

  constructor(prefix: string, options: ScalerOptions = {}) {
    super(prefix, options)
    this.stageSignals.set(this.countMode, "OneShot")
  }

  override trigger(): Status<unknown> {
    this.#counting = super.trigger()
    return this.#counting
  }

  /** Ends a count under way: its trigger fails, or with `success` ends as done with what was counted. */
  override async stop({ success = false }: { success?: boolean } = {}): Promise<void> {
    if (!success) this.#counting?.cancel(new Error(`${this.name} was stopped`))
    await this.stopCommand.trigger()
  }
}
