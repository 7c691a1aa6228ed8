import { double, float64Array, type Group, group, number, string } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { CalcFields, letters } from "./record-fields.ts"
import { UserRecords } from "./user-records.ts"

/** One input of an aCalcout record: a number `A` and an array `AA`, each with its link. */
export class ArrayCalcChannel extends EpicsDevice {
  readonly inputValue
  readonly inputPv
  readonly inputArray
  readonly inputArrayPv

  constructor(prefix: string, letter: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { as: letter, ...options })
    const config = { kind: "config" } as const
    this.inputValue = this.signal.rw(double, `.${letter}`, config)
    this.inputPv = this.signal.rw(string, `.INP${letter}$`, config)
    // Large and seldom wanted in every descriptor.
    this.inputArray = this.signal.rw(float64Array, `.${letter}${letter}`, { kind: "omitted" })
    this.inputArrayPv = this.signal.rw(string, `.IN${letter}${letter}$`, config)
  }

  async reset(): Promise<void> {
    await this.inputPv.set("")
    await this.inputArrayPv.set("")
    await this.inputValue.set(0)
  }
}

/** The synApps aCalcout record: an expression over numbers and arrays. */
export class ArrayCalcRecord extends CalcFields {
  readonly calculatedArray = this.signal.r(float64Array, ".AVAL")
  readonly calculation = this.signal.rw(string, ".CALC$", { kind: "config" })
  readonly outputPv = this.signal.rw(string, ".OUT$", { kind: "config" })
  readonly elementsAllocated = this.signal.r(number, ".NELM", { kind: "config" })
  readonly elementsUsed = this.signal.rw(number, ".NUSE", { kind: "config" })
  readonly channels: Group<Record<string, ArrayCalcChannel>> = group(
    Object.fromEntries(letters(12).map(letter => [letter, new ArrayCalcChannel(this.prefix, letter)])),
  )

  async reset(): Promise<void> {
    await this.scanningRate.set("Passive")
    await this.description.set("")
    await this.precision.set(5)
    await this.calculation.set("0")
    await this.forwardLink.set("")
    await this.outputPv.set("")
    await this.elementsUsed.set(await this.elementsAllocated.get())
    for (const channel of Object.values(this.channels)) {
      if (channel instanceof ArrayCalcChannel) await channel.reset()
    }
  }
}

/** `userArrayCalc1` to `userArrayCalc10` of a synApps IOC. */
export class UserArrayCalcs extends UserRecords<ArrayCalcRecord> {
  constructor(prefix: string, options: EpicsDeviceOptions = {}) {
    super(
      prefix,
      { pv: "userArrayCalc", name: "acalcout" },
      (pv, own) => new ArrayCalcRecord(pv, own),
      options,
    )
  }
}
