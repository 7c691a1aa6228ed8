import { choice, type DeviceOptions, DeviceVector } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"

const userNumbers = Array.from({ length: 10 }, (_, i) => i + 1)

/** Ten records of one kind that synApps loads for users to fill, and the switch for all of them. */
export class UserRecords<R extends EpicsDevice & { reset(): Promise<void> }> extends EpicsDevice {
  readonly enable
  /** By number, from 1. */
  readonly records: DeviceVector<R>

  constructor(
    prefix: string,
    /** What the records are called, as PVs and in documents: `userCalc3` and `calcs_calc3`. */
    called: { pv: string; name: string },
    make: (prefix: string, options: DeviceOptions) => R,
    options: EpicsDeviceOptions = {},
  ) {
    super(prefix, options)
    this.enable = this.signal.rw(choice("Disable", "Enable"), `${called.pv}Enable`, { kind: "config" })
    this.records = new DeviceVector(
      userNumbers,
      n => make(`${prefix}${called.pv}${n}`, { as: `${called.name}${n}` }),
      { as: "" },
    )
  }

  at(n: number): R {
    return this.records.at(n)
  }

  /** All ten to their defaults. */
  async reset(): Promise<void> {
    for (const record of this.records.values()) await record.reset()
  }
}
