import { boolean, choice, double, type Group, group, integer, string } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { letters, RecordFields } from "./record-fields.ts"
import { UserRecords } from "./user-records.ts"

/** One of the sixteen variables of a transform record: input link, expression, value and output link. */
export class TransformChannel extends EpicsDevice {
  readonly currentValue
  readonly lastValue
  readonly inputPv
  readonly comment
  readonly expression
  readonly expressionInvalid
  readonly outputPv
  readonly #letter: string

  constructor(prefix: string, letter: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { as: letter, ...options })
    this.#letter = letter
    const config = { kind: "config" } as const
    this.currentValue = this.signal.rw(double, `.${letter}`, { kind: "hinted" })
    this.lastValue = this.signal.r(double, `.L${letter}`, config)
    this.inputPv = this.signal.rw(string, `.INP${letter}$`, config)
    this.comment = this.signal.rw(string, `.CMT${letter}`, config)
    this.expression = this.signal.rw(string, `.CLC${letter}$`, config)
    this.expressionInvalid = this.signal.r(boolean, `.C${letter}V`, config)
    this.outputPv = this.signal.rw(string, `.OUT${letter}$`, config)
  }

  async reset(): Promise<void> {
    await this.comment.set(this.#letter.toLowerCase())
    await this.inputPv.set("")
    await this.expression.set("")
    await this.currentValue.set(0)
    await this.outputPv.set("")
  }
}

/** The synApps transform record: sixteen expressions that see each other's values. */
export class TransformRecord extends RecordFields {
  readonly units = this.signal.rw(string, ".EGU", { kind: "config" })
  readonly precision = this.signal.rw(integer, ".PREC", { kind: "config" })
  readonly calcOption = this.signal.rw(choice("Conditional", "Always"), ".COPT", { kind: "config" })
  readonly channels: Group<Record<string, TransformChannel>> = group(
    Object.fromEntries(letters(16).map(letter => [letter, new TransformChannel(this.prefix, letter)])),
  )

  async reset(): Promise<void> {
    await this.scanningRate.set("Passive")
    await this.description.set("")
    await this.units.set("")
    await this.calcOption.set("Conditional")
    await this.precision.set(3)
    await this.forwardLink.set("")
    for (const channel of Object.values(this.channels)) {
      if (channel instanceof TransformChannel) await channel.reset()
    }
  }
}

/** `userTran1` to `userTran10` of a synApps IOC. */
export class UserTransforms extends UserRecords<TransformRecord> {
  constructor(prefix: string, options: EpicsDeviceOptions = {}) {
    super(prefix, { pv: "userTran", name: "transform" }, (pv, own) => new TransformRecord(pv, own), options)
  }
}
