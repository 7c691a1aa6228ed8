import { choice, double, type Group, group, string } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { CalcFields, letters } from "./record-fields.ts"
import { UserRecords } from "./user-records.ts"

/** One of the twelve inputs of an swait record. */
export class SwaitChannel extends EpicsDevice {
  readonly inputValue
  /** Name of the PV that it takes its value from; empty for none. */
  readonly inputPv
  /** Whether a change of the input processes the record. */
  readonly inputTrigger

  constructor(prefix: string, letter: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { as: letter, ...options })
    const config = { kind: "config" } as const
    this.inputValue = this.signal.rw(double, `.${letter}`, config)
    this.inputPv = this.signal.rw(string, `.IN${letter}N`, config)
    this.inputTrigger = this.signal.rw(choice("No", "Yes"), `.IN${letter}P`, config)
  }

  async reset(): Promise<void> {
    await this.inputPv.set("")
    await this.inputValue.set(0)
    await this.inputTrigger.set("Yes")
  }
}

/** The synApps swait record: an expression of the inputs A to L (`calcs.at(1).channels.A`). */
export class SwaitRecord extends CalcFields {
  readonly calculation = this.signal.rw(string, ".CALC", { kind: "config" })
  readonly outputLinkPv = this.signal.rw(string, ".OUTN", { kind: "config" })
  readonly outputLocationName = this.signal.rw(string, ".DOLN", { kind: "config" })
  readonly outputLocationData = this.signal.rw(double, ".DOLD", { kind: "config" })
  readonly outputDataOption = this.signal.rw(choice("Use VAL", "Use DOL"), ".DOPT", { kind: "config" })
  readonly outputExecuteOption = this.signal.rw(
    choice.subset("Every Time", "On Change", "When Zero", "When Non-zero"),
    ".OOPT",
    { kind: "config" },
  )
  readonly outputExecutionDelay = this.signal.rw(double, ".ODLY", { kind: "config" })
  readonly channels: Group<Record<string, SwaitChannel>> = group(
    Object.fromEntries(letters(12).map(letter => [letter, new SwaitChannel(this.prefix, letter)])),
  )

  /** All fields to their defaults; what it calculated stops first. */
  async reset(): Promise<void> {
    await this.scanningRate.set("Passive")
    await this.description.set("")
    await this.calculation.set("0")
    await this.precision.set(5)
    await this.outputLocationData.set(0)
    await this.outputLocationName.set("")
    await this.outputDataOption.set("Use VAL")
    await this.forwardLink.set("0")
    await this.outputExecutionDelay.set(0)
    await this.outputExecuteOption.set("Every Time")
    await this.outputLinkPv.set("")
    for (const channel of Object.values(this.channels))
      if (channel instanceof SwaitChannel) await channel.reset()
  }
}

/** `userCalc1` to `userCalc10` of a synApps IOC. */
export class UserCalcs extends UserRecords<SwaitRecord> {
  constructor(prefix: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { pv: "userCalc", name: "calc" }, (pv, own) => new SwaitRecord(pv, own), options)
  }
}
