/** The statistics plugin `Stats1:`. */
import { pluginFields } from "../fields/plugin.ts"
import { statsFields } from "../fields/stats.ts"
import type { Frame } from "../frame.ts"
import { Plugin, type PluginParts } from "./plugin.ts"
import { averages, basics, centroid, cross, histogram, net, type Plane } from "./statistics.ts"

const table = (sensor: readonly [number, number]) => ({
  ...pluginFields({ port: "STATS1", type: "NDPluginStats" }),
  ...statsFields(sensor),
})

/** What Reset sets to 0. */
const results = [
  "MinValue",
  "MaxValue",
  "MeanValue",
  "Total",
  "Net",
  "MinX",
  "MinY",
  "MaxX",
  "MaxY",
  "CentroidTotal",
  "CentroidX",
  "CentroidY",
  "SigmaX",
  "SigmaY",
  "SigmaXY",
  "SkewX",
  "SkewY",
  "KurtosisX",
  "KurtosisY",
  "Eccentricity",
  "Orientation",
] as const

export class StatsPlugin extends Plugin<ReturnType<typeof table>> {
  constructor(parts: PluginParts, sensor: readonly [number, number]) {
    super(parts, table(sensor))
    this.parameters.onWrite({
      SigmaValue: value => this.parameters.set("Sigma", value),
      Reset: () => {
        for (const name of results) this.parameters.reset(name, 0)
        this.parameters.reset("SigmaValue", 0)
        this.parameters.set("Sigma", 0)
      },
    })
  }

  protected override handle(frame: Frame): Frame {
    const plane = planeOf(frame)
    const p = this.parameters
    if (p.get("ComputeStatistics") === 1) this.#basics(plane)
    // Moments and profiles are defined for images without colours only.
    const flat = frame.dimensions.length <= 2
    if (flat && p.get("ComputeCentroid") === 1) this.#centroid(plane)
    if (flat && p.get("ComputeProfiles") === 1) this.#profiles(plane)
    if (p.get("ComputeHistogram") === 1) this.#histogram(plane)
    return frame
  }

  #basics(plane: Plane): void {
    const { min, max, minAt, maxAt, total, mean, sigma } = basics(plane)
    this.parameters.post({
      MinValue: min,
      MaxValue: max,
      MinX: minAt[0],
      MinY: minAt[1],
      MaxX: maxAt[0],
      MaxY: maxAt[1],
      MeanValue: mean,
      Sigma: sigma,
      Total: total,
      Net: net(plane, total, this.parameters.get("BgdWidth")),
    })
  }

  #centroid(plane: Plane): void {
    const found = centroid(plane, this.parameters.get("CentroidThreshold"))
    this.parameters.post({
      CentroidTotal: found.total,
      CentroidX: found.x,
      CentroidY: found.y,
      SigmaX: found.sigmaX,
      SigmaY: found.sigmaY,
      SigmaXY: found.sigmaXY,
      SkewX: found.skewX,
      SkewY: found.skewY,
      KurtosisX: found.kurtosisX,
      KurtosisY: found.kurtosisY,
      Eccentricity: found.eccentricity,
      Orientation: found.orientation,
    })
  }

  #profiles(plane: Plane): void {
    const p = this.parameters
    const average = averages(plane)
    const { thresholdX, thresholdY, x, y } = centroid(plane, p.get("CentroidThreshold"))
    const atCursor = cross(plane, p.get("CursorY"), p.get("CursorX"))
    const atCentroid = cross(plane, Math.round(y), Math.round(x))
    p.post({
      ProfileSizeX: plane.width,
      ProfileSizeY: plane.height,
      ProfileAverageX: average.x,
      ProfileAverageY: average.y,
      ProfileThresholdX: thresholdX,
      ProfileThresholdY: thresholdY,
      ProfileCentroidX: atCentroid.x,
      ProfileCentroidY: atCentroid.y,
      ProfileCursorX: atCursor.x,
      ProfileCursorY: atCursor.y,
      CursorVal: atCursor.value,
    })
  }

  #histogram(plane: Plane): void {
    const p = this.parameters
    const found = histogram(plane, p.get("HistSize"), p.get("HistMin"), p.get("HistMax"))
    p.post({
      Histogram: found.counts,
      HistogramX: found.positions,
      HistBelow: found.below,
      HistAbove: found.above,
      HistEntropy: found.entropy,
    })
  }
}

/** Pixels as numbers; colours are further rows. */
function planeOf({ data, dimensions }: Frame): Plane {
  const numbers =
    data instanceof BigInt64Array || data instanceof BigUint64Array ? Float64Array.from(data, Number) : data
  const width = dimensions[0]?.size ?? 1
  return { data: numbers, width, height: numbers.length / width }
}
