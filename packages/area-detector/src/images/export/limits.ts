import { formatValue, type TypedArray } from "@ophyd-ts/core"
import { ImageError } from "../errors.ts"

/**
 * Which pixel values are drawn black and white. `"minmax"`: the smallest and the largest of the frame. A pair: these
 * values. Percentiles leave out the given shares at both ends, so that a hot pixel does not darken all others.
 */
export type ContrastLimits =
  | "minmax"
  | readonly [low: number, high: number]
  | { readonly percentiles: readonly [low: number, high: number] }

/** Steps in which percentiles are told apart: far finer than the 256 shades they are for. */
const bins = 65_536

/** The two pixel values that limits mean for some pixels. Not-a-numbers and infinities do not count. */
export function contrast(data: TypedArray, limits: ContrastLimits): readonly [low: number, high: number] {
  if (limits === "minmax") return extremes(data)
  if (Array.isArray(limits)) {
    const [low, high] = limits as readonly [number, number]
    if (Number.isFinite(low) && Number.isFinite(high) && low < high) return [low, high]
    throw new ImageError("IMAGE_INPUT", `limits are two rising numbers, not ${formatValue(limits)}`)
  }
  const { percentiles } = limits as { percentiles: readonly [number, number] }
  const [low, high] = percentiles
  if (!(low >= 0 && low < high && high <= 100)) {
    throw new ImageError("IMAGE_INPUT", `percentiles rise from 0 to 100, not ${formatValue(percentiles)}`)
  }
  return between(data, low / 100, high / 100)
}

/** The smallest and the largest finite value; 0 and 0 where there is none. */
function extremes(data: TypedArray): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (value < low && value !== Number.NEGATIVE_INFINITY) low = value
    if (value > high && value !== Number.POSITIVE_INFINITY) high = value
  }
  // A frame of infinities alone has found no lower or no upper end.
  return low <= high ? [low, high] : [0, 0]
}

function between(data: TypedArray, from: number, to: number): readonly [number, number] {
  const [low, high] = extremes(data)
  if (low === high) return [low, high]
  const counts = new Uint32Array(bins)
  const isWhole = !(data instanceof Float32Array || data instanceof Float64Array)
  // One bin for each value where there are few enough of them.
  const width = isWhole && high - low < bins ? 1 : (high - low) / (bins - 1)
  let total = 0
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (!(value >= low && value <= high)) continue
    counts[Math.round((value - low) / width)]!++
    total += 1
  }
  /** The value that `rank` pixels lie below. */
  const at = (rank: number): number => {
    let seen = 0
    for (let bin = 0; bin < bins; bin++) {
      seen += counts[bin]!
      if (seen > rank) return low + bin * width
    }
    return high
  }
  return [at(from * (total - 1)), at(to * (total - 1))]
}
