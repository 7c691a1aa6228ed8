/** Peaks as a crystal makes them: a grid of spots that the sample stage moves and whose light the beam brings. */
import type { CountSampler } from "../../physics/counts.ts"
import type { CameraParameters } from "../camera.ts"
import type { Canvas } from "./canvas.ts"
import type { Exposure, Light } from "./image.ts"

/** Peaks along one axis, at most. */
const mostPeaks = 32
/** Pixels that all peaks of an image may take together: wider or more ones are left out, lest an image takes seconds. */
const mostPixels = 4_000_000
/** Standard deviations of a peak that are drawn. */
const reach = 4

/** One axis of the image: where its pixels lie on the sensor. */
interface Axis {
  readonly size: number
  readonly offset: number
  readonly binning: number
  readonly reverse: boolean
}

/** Draws PeakNumX × PeakNumY peaks with counting noise. */
export function drawPeaks(
  canvas: Canvas,
  { seconds, x, y }: Exposure,
  p: CameraParameters,
  light: Light,
  sampler: CountSampler,
): void {
  const gain = p.get("Gain")
  const gains = canvas.colors === 1 ? [gain] : colorGains(p).map(each => each * gain)
  const variation = p.get("PeakVariation") / 100
  const columns = profiles(
    x,
    p.get("PeakStartX") + light.shift[0],
    p.get("PeakStepX"),
    p.get("PeakNumX"),
    p.get("PeakWidthX"),
  )
  const rows = profiles(
    y,
    p.get("PeakStartY") + light.shift[1],
    p.get("PeakStepY"),
    p.get("PeakNumY"),
    p.get("PeakWidthY"),
  )
  let left = mostPixels
  rows.forEach((row, j) => {
    columns.forEach((column, i) => {
      left -= row.shares.length * column.shares.length * gains.length
      if (left < 0) return
      const height = share(light.rotation, i, j) * (1 + variation * (2 * sampler.uniform() - 1))
      gains.forEach((each, color) => {
        drawPeak(canvas, column, row, light.rate * seconds * height, each, color * canvas.step.color, sampler)
      })
    })
  })
}

/** Counts without beam, anywhere. */
export function drawDark(canvas: Canvas, mean: number, sampler: CountSampler): void {
  const { data } = canvas
  const perPixel = mean / (256 * 256)
  if (perPixel > 0.1) {
    for (let i = 0; i < data.length; i++) canvas.add(i, sampler.draw(perPixel))
    return
  }
  for (let left = sampler.draw(perPixel * data.length); left > 0; left--)
    canvas.add(Math.floor(sampler.uniform() * data.length), 1)
}

const colorGains = (p: CameraParameters): number[] => [
  p.get("GainRed"),
  p.get("GainGreen"),
  p.get("GainBlue"),
]

/** As the sample turns, the peaks shine in turns; the first one shines at 0 degrees. */
const share = (degrees: number, i: number, j: number): number =>
  0.5 + 0.5 * Math.cos((degrees * Math.PI) / 90 + 1.3 * i + 2.1 * j)

/** The part of a peak along one axis that is on the image: shares of its light per pixel, from pixel `first` on. */
interface Profile {
  readonly first: number
  readonly shares: readonly number[]
}

function profiles(axis: Axis, start: number, step: number, count: number, width: number): Profile[] {
  const sigma = Math.max(0.1, width) / axis.binning
  return Array.from({ length: Math.min(Math.max(0, count), mostPeaks) }, (_, n) => {
    const onImage = (start + n * step - axis.offset - (axis.binning - 1) / 2) / axis.binning
    const center = axis.reverse ? axis.size - 1 - onImage : onImage
    const first = Math.max(0, Math.ceil(center - reach * sigma))
    const last = Math.min(axis.size - 1, Math.floor(center + reach * sigma))
    const shares: number[] = []
    for (let i = first; i <= last; i++)
      shares.push(Math.exp(-0.5 * ((i - center) / sigma) ** 2) / (Math.sqrt(2 * Math.PI) * sigma))
    return { first, shares }
  })
}

function drawPeak(
  canvas: Canvas,
  column: Profile,
  row: Profile,
  counts: number,
  gain: number,
  offset: number,
  sampler: CountSampler,
): void {
  const { step } = canvas
  for (let j = 0; j < row.shares.length; j++) {
    const inRow = counts * (row.shares[j] ?? 0)
    const start = offset + (row.first + j) * step.y + column.first * step.x
    for (let i = 0; i < column.shares.length; i++) {
      const drawn = sampler.draw(inRow * (column.shares[i] ?? 0))
      if (drawn > 0) canvas.add(start + i * step.x, drawn * gain)
    }
  }
}
