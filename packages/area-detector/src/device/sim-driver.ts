import { boolean, choice, double, integer, type SignalRW } from "@ophyd-ts/core"
import { AdDriver } from "./ad-driver.ts"

/** The driver of ADSimDetector. */
export class SimDriver extends AdDriver {
  override readonly triggerMode: SignalRW<string> = this.optional.rbv<string>(
    choice.subset("Internal", "External"),
    "TriggerMode",
    { kind: "config" },
  )
  /** What the frames show. */
  readonly simMode = this.optional.rbv(
    choice.superset("LinearRamp", "Peaks", "Sine", "Offset&Noise"),
    "SimMode",
    {
      kind: "config",
    },
  )
  readonly gainX = this.optional.rbv(double, "GainX")
  readonly gainY = this.optional.rbv(double, "GainY")
  readonly gainRed = this.optional.rbv(double, "GainRed")
  readonly gainGreen = this.optional.rbv(double, "GainGreen")
  readonly gainBlue = this.optional.rbv(double, "GainBlue")
  readonly offset = this.optional.rbv(double, "Offset")
  readonly noise = this.optional.rbv(double, "Noise")
  /** True begins the ramp anew. */
  readonly reset = this.optional.rbv(boolean, "Reset")
  readonly peakStartX = this.optional.rbv(integer, "PeakStartX")
  readonly peakStartY = this.optional.rbv(integer, "PeakStartY")
  readonly peakWidthX = this.optional.rbv(integer, "PeakWidthX")
  readonly peakWidthY = this.optional.rbv(integer, "PeakWidthY")
  readonly peakNumX = this.optional.rbv(integer, "PeakNumX")
  readonly peakNumY = this.optional.rbv(integer, "PeakNumY")
  readonly peakStepX = this.optional.rbv(integer, "PeakStepX")
  readonly peakStepY = this.optional.rbv(integer, "PeakStepY")
  readonly peakVariation = this.optional.rbv(double, "PeakVariation")
}
