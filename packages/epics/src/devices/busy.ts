import {
  choice,
  type Movable,
  type SetOptions,
  type SignalRW,
  type SignalX,
  type Status,
} from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../device/epics-device.ts"

export interface BusyRecordOptions<L extends string> extends EpicsDeviceOptions {
  /** What the record's two states are called; default Done and Busy. */
  labels?: readonly [idle: L, busy: L] | undefined
}

/**
 * A busy record: setting it to its busy label is done when somebody has written the idle one.
 *
 * Setting it idle is a plain write that never waits: it may itself be what a pending completion waits for.
 */
export class BusyRecord<const L extends string = "Done" | "Busy"> extends EpicsDevice implements Movable<L> {
  /** Named like the device. */
  readonly state: SignalRW<L>
  /** Writes the idle label. */
  readonly finish: SignalX<L>
  readonly #idle: L

  constructor(prefix: string, options: BusyRecordOptions<L> = {}) {
    super(prefix, options)
    const labels = options.labels ?? (["Done", "Busy"] as unknown as readonly [L, L])
    const type = choice(...labels)
    this.#idle = labels[0]
    this.state = this.signal.rw<L>(type, "", {
      kind: "hinted",
      as: "",
      completion: value => value !== this.#idle,
    })
    this.finish = this.signal.x<L>(type, "", labels[0], {
      kind: "omitted",
      completion: false,
      whenBusy: "queue",
    })
  }

  /** Busy: done when the work is. Idle: done when it is written, also while a `set` to busy is pending. */
  set(label: L, options: SetOptions = {}): Status<void> {
    return label === this.#idle ? this.finish.trigger(options) : this.state.set(label, options)
  }
}
