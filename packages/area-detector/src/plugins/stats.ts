import { boolean, double, float64Array, integer } from "@ophyd-ts/core"
import { NdPlugin } from "./plugin.ts"

/**
 * Statistics of a frame (NDPluginStats). `total` is shown by default; minimum, maximum, mean and sigma are read too. What else
 * shall be in events gets a kind: `det.plugins.stats.centroidX.kind = "normal"`.
 */
export class StatsPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginStats"
  }

  readonly total = this.signal.r(double, "Total_RBV", { kind: "hinted" })
  readonly minValue = this.signal.r(double, "MinValue_RBV")
  readonly maxValue = this.signal.r(double, "MaxValue_RBV")
  readonly meanValue = this.signal.r(double, "MeanValue_RBV")
  /** Standard deviation of the elements. */
  readonly sigma = this.optional.r(double, "Sigma_RBV", { kind: "normal" })
  /** Total without the background that the border of the frame shows. */
  readonly net = this.optional.r(double, "Net_RBV")
  /** Where minimum and maximum are, in pixels. */
  readonly minX = this.optional.r(double, "MinX_RBV")
  readonly minY = this.optional.r(double, "MinY_RBV")
  readonly maxX = this.optional.r(double, "MaxX_RBV")
  readonly maxY = this.optional.r(double, "MaxY_RBV")
  readonly computeStatistics = this.signal.rbv(boolean, "ComputeStatistics", { kind: "omitted" })
  readonly backgroundWidth = this.optional.rbv(integer, "BgdWidth")

  readonly computeCentroid = this.optional.rbv(boolean, "ComputeCentroid")
  /** Elements below it do not count for the centroid. */
  readonly centroidThreshold = this.optional.rbv(double, "CentroidThreshold")
  readonly centroidTotal = this.optional.r(double, "CentroidTotal_RBV")
  readonly centroidX = this.optional.r(double, "CentroidX_RBV")
  readonly centroidY = this.optional.r(double, "CentroidY_RBV")
  readonly sigmaX = this.optional.r(double, "SigmaX_RBV")
  readonly sigmaY = this.optional.r(double, "SigmaY_RBV")
  readonly sigmaXY = this.optional.r(double, "SigmaXY_RBV")
  readonly eccentricity = this.optional.r(double, "Eccentricity_RBV")
  readonly orientation = this.optional.r(double, "Orientation_RBV")

  readonly computeProfiles = this.optional.rbv(boolean, "ComputeProfiles")
  readonly cursorX = this.optional.rbv(integer, "CursorX")
  readonly cursorY = this.optional.rbv(integer, "CursorY")
  readonly cursorValue = this.optional.r(double, "CursorVal")
  readonly profileAverageX = this.optional.r(float64Array, "ProfileAverageX_RBV")
  readonly profileAverageY = this.optional.r(float64Array, "ProfileAverageY_RBV")

  readonly computeHistogram = this.optional.rbv(boolean, "ComputeHistogram")
  readonly histogramSize = this.optional.rbv(integer, "HistSize")
  readonly histogramMin = this.optional.rbv(double, "HistMin")
  readonly histogramMax = this.optional.rbv(double, "HistMax")
  readonly histogramBelow = this.optional.r(double, "HistBelow_RBV")
  readonly histogramAbove = this.optional.r(double, "HistAbove_RBV")
  readonly histogramEntropy = this.optional.r(double, "HistEntropy_RBV")
  readonly histogram = this.optional.r(float64Array, "Histogram_RBV")
}
