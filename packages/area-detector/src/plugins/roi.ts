import { boolean, double, integer, string } from "@ophyd-ts/core"
import { NdPlugin } from "./plugin.ts"

/** Cuts a region out of each frame, bins it, changes its type (NDPluginROI). */
export class RoiPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginROI"
  }

  /** What people call it. */
  readonly label = this.optional.rbv(string, "Name")
  /** First element of the region in each direction. */
  readonly minX = this.signal.rbv(integer, "MinX", { kind: "config" })
  readonly minY = this.signal.rbv(integer, "MinY", { kind: "config" })
  readonly minZ = this.optional.rbv(integer, "MinZ")
  /** Elements of the region, before binning. */
  readonly sizeX = this.signal.rbv(integer, "SizeX", { kind: "config" })
  readonly sizeY = this.signal.rbv(integer, "SizeY", { kind: "config" })
  readonly sizeZ = this.optional.rbv(integer, "SizeZ")
  readonly binX = this.optional.rbv(integer, "BinX", { kind: "config" })
  readonly binY = this.optional.rbv(integer, "BinY", { kind: "config" })
  readonly binZ = this.optional.rbv(integer, "BinZ")
  readonly reverseX = this.optional.rbv(boolean, "ReverseX")
  readonly reverseY = this.optional.rbv(boolean, "ReverseY")
  readonly reverseZ = this.optional.rbv(boolean, "ReverseZ")
  /** Off: the whole frame in that direction. */
  readonly enableX = this.optional.rbv(boolean, "EnableX")
  readonly enableY = this.optional.rbv(boolean, "EnableY")
  readonly enableZ = this.optional.rbv(boolean, "EnableZ")
  readonly autoSizeX = this.optional.rbv(boolean, "AutoSizeX")
  readonly autoSizeY = this.optional.rbv(boolean, "AutoSizeY")
  readonly autoSizeZ = this.optional.rbv(boolean, "AutoSizeZ")
  readonly maxSizeX = this.optional.r(integer, "MaxSizeX_RBV")
  readonly maxSizeY = this.optional.r(integer, "MaxSizeY_RBV")
  readonly maxSizeZ = this.optional.r(integer, "MaxSizeZ_RBV")
  /** One of the element types, or Automatic for that of the source. */
  readonly dataTypeOut = this.optional.rbv(string, "DataTypeOut")
  readonly enableScale = this.optional.rbv(boolean, "EnableScale")
  readonly scale = this.optional.rbv(double, "Scale")
  readonly collapseDims = this.optional.rbv(boolean, "CollapseDims")
}
