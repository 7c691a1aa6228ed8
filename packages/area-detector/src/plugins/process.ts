import { boolean, double, integer, string } from "@ophyd-ts/core"
import { NdPlugin } from "./plugin.ts"

/** Background, flat field, offset and scale, clipping, recursive filter (NDPluginProcess). */
export class ProcessPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginProcess"
  }

  readonly enableBackground = this.optional.rbv(boolean, "EnableBackground")
  /** True keeps the newest frame as background. */
  readonly saveBackground = this.optional.rw(boolean, "SaveBackground")
  readonly validBackground = this.optional.r(boolean, "ValidBackground_RBV")
  readonly enableFlatField = this.optional.rbv(boolean, "EnableFlatField")
  /** True keeps the newest frame as flat field. */
  readonly saveFlatField = this.optional.rw(boolean, "SaveFlatField")
  readonly validFlatField = this.optional.r(boolean, "ValidFlatField_RBV")
  readonly scaleFlatField = this.optional.rbv(double, "ScaleFlatField")
  readonly enableOffsetScale = this.optional.rbv(boolean, "EnableOffsetScale")
  readonly offset = this.optional.rbv(double, "Offset")
  readonly scale = this.optional.rbv(double, "Scale")
  readonly enableLowClip = this.optional.rbv(boolean, "EnableLowClip")
  readonly lowClip = this.optional.rbv(double, "LowClip")
  readonly enableHighClip = this.optional.rbv(boolean, "EnableHighClip")
  readonly highClip = this.optional.rbv(double, "HighClip")
  readonly enableFilter = this.optional.rbv(boolean, "EnableFilter")
  readonly filterType = this.optional.rw(string, "FilterType")
  readonly numFilter = this.optional.rbv(integer, "NumFilter")
  readonly numFiltered = this.optional.r(integer, "NumFiltered_RBV")
  /** True begins the filter anew. */
  readonly resetFilter = this.optional.rbv(boolean, "ResetFilter")
  readonly dataTypeOut = this.optional.rbv(string, "DataTypeOut")
}
