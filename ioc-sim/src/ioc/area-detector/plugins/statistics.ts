/** Statistics of an image, by the definitions of areaDetector's statistics plugin. */

/** Pixels as numbers, row after row. */
export interface Plane {
  readonly data: ArrayLike<number>
  readonly width: number
  readonly height: number
}

export interface Basics {
  readonly min: number
  readonly max: number
  readonly minAt: readonly [x: number, y: number]
  readonly maxAt: readonly [x: number, y: number]
  readonly total: number
  readonly mean: number
  readonly sigma: number
}

/** Sums over all values; positions are columns and rows. */
export function basics({ data, width }: Plane): Basics {
  let [min, max, minIndex, maxIndex, total, squares] = [Infinity, -Infinity, 0, 0, 0, 0]
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    total += value
    squares += value * value
    if (value < min) {
      min = value
      minIndex = i
    }
    if (value > max) {
      max = value
      maxIndex = i
    }
  }
  const mean = total / data.length
  const at = (index: number) => [index % width, Math.floor(index / width)] as const
  const sigma = Math.sqrt(Math.max(0, squares / data.length - mean * mean))
  return { min, max, minAt: at(minIndex), maxAt: at(maxIndex), total, mean, sigma }
}

/** The total without a background, which the mean of a frame of `border` pixels tells. */
export function net({ data, width, height }: Plane, total: number, border: number): number {
  const b = Math.min(border, Math.floor(width / 2), Math.floor(height / 2))
  if (b <= 0) return total
  let [sum, count] = [0, 0]
  for (let y = 0; y < height; y++) {
    const inside = y >= b && y < height - b
    for (let x = 0; x < width; x++) {
      if (inside && x === b) x = width - b
      sum += data[y * width + x]!
      count++
    }
  }
  return total - (sum / count) * data.length
}

export interface Centroid {
  readonly total: number
  readonly x: number
  readonly y: number
  readonly sigmaX: number
  readonly sigmaY: number
  readonly sigmaXY: number
  readonly skewX: number
  readonly skewY: number
  readonly kurtosisX: number
  readonly kurtosisY: number
  readonly eccentricity: number
  /** Degrees. */
  readonly orientation: number
  /** Mean of each column and row over the values above the threshold. */
  readonly thresholdX: Float64Array
  readonly thresholdY: Float64Array
}

/** Moments of what is at or above a threshold. All zero when nothing is. */
export function centroid({ data, width, height }: Plane, threshold: number): Centroid {
  const [sumX, sumY] = [new Float64Array(width), new Float64Array(height)]
  let crossed = 0
  for (let y = 0; y < height; y++) {
    let inRow = 0
    for (let x = 0, i = y * width; x < width; x++, i++) {
      const value = data[i]!
      if (value < threshold) continue
      sumX[x]! += value
      inRow += value
      crossed += value * x * y
    }
    sumY[y] = inRow
  }
  const [alongX, alongY] = [moments(sumX), moments(sumY)]
  const { total } = alongX
  const covariance = total > 0 ? crossed / total - alongX.mean * alongY.mean : 0
  const [vx, vy] = [alongX.variance, alongY.variance]
  const difference = Math.hypot(vx - vy, 2 * covariance)
  const sum = vx + vy
  const product = Math.sqrt(vx * vy)
  return {
    total,
    x: alongX.mean,
    y: alongY.mean,
    sigmaX: Math.sqrt(vx),
    sigmaY: Math.sqrt(vy),
    sigmaXY: product > 0 ? covariance / product : 0,
    skewX: alongX.skew,
    skewY: alongY.skew,
    kurtosisX: alongX.kurtosis,
    kurtosisY: alongY.kurtosis,
    eccentricity: sum > 0 ? (difference / sum) ** 2 : 0,
    orientation: (0.5 * Math.atan2(2 * covariance, vx - vy) * 180) / Math.PI,
    thresholdX: sumX.map(value => value / height),
    thresholdY: sumY.map(value => value / width),
  }
}

function moments(weights: Float64Array) {
  let [total, first, second, third, fourth] = [0, 0, 0, 0, 0]
  for (let i = 0; i < weights.length; i++) total += weights[i]!
  if (!(total > 0)) return { total: 0, mean: 0, variance: 0, skew: 0, kurtosis: 0 }
  for (let i = 0; i < weights.length; i++) first += weights[i]! * i
  const mean = first / total
  for (let i = 0; i < weights.length; i++) {
    const distance = i - mean
    const square = weights[i]! * distance * distance
    second += square
    third += square * distance
    fourth += square * distance * distance
  }
  const variance = Math.max(0, second / total)
  const flat = variance === 0
  return {
    total,
    mean,
    variance,
    skew: flat ? 0 : third / total / variance ** 1.5,
    kurtosis: flat ? 0 : fourth / total / variance ** 2 - 3,
  }
}

/** Mean of each column and of each row. */
export function averages({ data, width, height }: Plane): { x: Float64Array; y: Float64Array } {
  const [x, y] = [new Float64Array(width), new Float64Array(height)]
  for (let row = 0, i = 0; row < height; row++)
    for (let column = 0; column < width; column++, i++) {
      x[column]! += data[i]! / height
      y[row]! += data[i]! / width
    }
  return { x, y }
}

/** One row and one column. */
export function cross({ data, width, height }: Plane, row: number, column: number) {
  const [j, i] = [Math.min(Math.max(0, row), height - 1), Math.min(Math.max(0, column), width - 1)]
  return {
    x: Float64Array.from({ length: width }, (_, x) => data[j * width + x]!),
    y: Float64Array.from({ length: height }, (_, y) => data[y * width + i]!),
    value: data[j * width + i]!,
  }
}

/** Numbers of pixels in `size` bins from `low` to `high`, those outside, and the entropy of the distribution. */
export function histogram({ data }: Plane, size: number, low: number, high: number) {
  const counts = new Float64Array(size)
  const scale = high > low ? (size - 1) / (high - low) : 0
  let [below, above] = [0, 0]
  for (let i = 0; i < data.length; i++) {
    const bin = Math.floor((data[i]! - low) * scale + 0.5)
    if (bin < 0) below++
    else if (bin >= size) above++
    else counts[bin]!++
  }
  let entropy = 0
  for (const count of counts) if (count > 0) entropy += count * Math.log(count)
  const positions = Float64Array.from({ length: size }, (_, i) => low + (i * (high - low)) / (size - 1))
  return { counts, positions, below, above, entropy: -entropy / data.length }
}
