import { choice, double, type Group, group, string } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { CalcFields, letters } from "./record-fields.ts"

/** One of the twelve inputs of a calc or calcout record. */
export class CalcChannel extends EpicsDevice {
  readonly inputValue
  /** Input link of the record, as a database has it. */
  readonly inputLink

  constructor(prefix: string, letter: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { as: letter, ...options })
    this.inputValue = this.signal.rw(double, `.${letter}`, { kind: "config" })
    this.inputLink = this.signal.rw(string, `.INP${letter}$`, { kind: "config" })
  }
}

/** A calc record of EPICS base: an expression of the inputs A to L. */
export class CalcRecord extends CalcFields {
  readonly calculation = this.signal.rw(string, ".CALC$", { kind: "config" })
  readonly units = this.signal.rw(string, ".EGU", { kind: "config" })
  readonly channels: Group<Record<string, CalcChannel>> = group(
    Object.fromEntries(letters(12).map(letter => [letter, new CalcChannel(this.prefix, letter)])),
  )
}

/** A calcout record of EPICS base: it also writes its result, on a condition. */
export class CalcoutRecord extends CalcRecord {
  readonly outputLink = this.signal.rw(string, ".OUT$", { kind: "config" })
  readonly outputExecuteOption = this.signal.rw(
    choice.subset("Every Time", "On Change", "When Zero", "When Non-zero"),
    ".OOPT",
    { kind: "config" },
  )
  readonly outputExecutionDelay = this.signal.rw(double, ".ODLY", { kind: "config" })
  readonly outputDataOption = this.signal.rw(choice("Use CALC", "Use OCAL"), ".DOPT", { kind: "config" })
  readonly outputCalculation = this.signal.rw(string, ".OCAL$", { kind: "config" })
  readonly outputValue = this.signal.r(double, ".OVAL")
}
