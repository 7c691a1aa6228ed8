/** Cuts a region out of an image. */
import { type DataType, type Dimension, type Frame, type PixelArray, pixels, toBigInt } from "../frame.ts"

/** Which part of one dimension is kept, and how many neighbours become one. */
export interface Cut {
  readonly offset: number
  readonly size: number
  readonly binning: number
  readonly reverse: boolean
}

/** Sums of the pixels that are binned, divided by `scale`, in pixels of another type; also what the dimensions are now. */
export function crop(
  { data, dimensions }: Frame,
  cuts: readonly Cut[],
  dataType: DataType,
  scale: number,
): { data: PixelArray; dataType: DataType; dimensions: Dimension[] } {
  const sizes = cuts.map(({ size, binning }) => Math.floor(size / binning))
  // Images have up to three dimensions; absent ones count as one pixel.
  const along = (n: number): number[][] => indexes(cuts[n], sizes[n] ?? 1, dimensions, n)
  const [alongX, alongY, alongZ] = [along(0), along(1), along(2)]
  const values = new Float64Array(alongX.length * alongY.length * alongZ.length)
  let at = 0
  for (const layers of alongZ)
    for (const rows of alongY)
      for (const columns of alongX) {
        let sum = 0
        for (const layer of layers)
          for (const row of rows) for (const column of columns) sum += Number(data[layer + row + column])
        values[at++] = sum / scale
      }
  return { data: cast(values, dataType), dataType, dimensions: dimensions.map(described(cuts, sizes)) }
}

/** For each pixel along a dimension: where in the image those begin that it is made of. */
function indexes(
  cut: Cut | undefined,
  size: number,
  dimensions: readonly Dimension[],
  n: number,
): number[][] {
  if (cut === undefined) return [[0]]
  const step = dimensions.slice(0, n).reduce((product, dimension) => product * dimension.size, 1)
  const list = Array.from({ length: size }, (_, i) =>
    Array.from({ length: cut.binning }, (_, k) => (cut.offset + i * cut.binning + k) * step),
  )
  return cut.reverse ? list.reverse() : list
}

const described =
  (cuts: readonly Cut[], sizes: readonly number[]) =>
  (before: Dimension, n: number): Dimension => {
    const cut = cuts[n]
    if (cut === undefined) return before
    return {
      size: sizes[n] ?? 1,
      offset: before.offset + cut.offset * before.binning,
      binning: before.binning * cut.binning,
      reverse: before.reverse !== cut.reverse,
      fullSize: before.fullSize,
    }
  }

function cast(values: Float64Array, dataType: DataType): PixelArray {
  const result = pixels(dataType, values.length)
  if (result instanceof BigInt64Array || result instanceof BigUint64Array)
    for (let i = 0; i < values.length; i++) result[i] = toBigInt(values[i]!)
  else result.set(values)
  return result
}
