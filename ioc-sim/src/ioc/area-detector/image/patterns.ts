/** Images that owe nothing to the beam, as the simulation driver makes them: ramp, sine waves, offset and noise. */
import type { CountSampler } from "../../physics/counts.ts"
import type { CameraParameters } from "../camera.ts"
import type { Canvas } from "./canvas.ts"
import type { Exposure } from "./image.ts"

/** Rises along columns and rows, and from image to image; a number that does not fit starts from below again. */
export function drawRamp(canvas: Canvas, { x, y }: Exposure, p: CameraParameters, image: number): void {
  const gain = p.get("Gain")
  const [gainX, gainY] = [p.get("GainX"), p.get("GainY")]
  const alongX = positions(x).map(each => gain * gainX * each * y.binning)
  const alongY = positions(y).map(each => gain * gainY * each * x.binning)
  const colors = gainsOf(canvas, p)
  const base = gain * (image - 1) * x.binning * y.binning
  fill(canvas, (i, j, color) => (colors[color] ?? 1) * ((alongX[i] ?? 0) + (alongY[j] ?? 0) + base))
}

/** Two waves along each axis, added or multiplied; in colour red shows X, green Y and blue the second waves. */
export function drawSines(canvas: Canvas, { x, y }: Exposure, p: CameraParameters): void {
  const wave = (axis: "X" | "Y", n: 1 | 2, at: number, full: number): number => {
    const cycles = (p.get(`Gain${axis}`) * at * p.get(`${axis}Sine${n}Frequency`)) / full
    return (
      p.get(`${axis}Sine${n}Amplitude`) *
      Math.sin(2 * Math.PI * (cycles + p.get(`${axis}Sine${n}Phase`) / 360))
    )
  }
  const along = (axis: "X" | "Y", dimension: Exposure["x"], n: 1 | 2): number[] =>
    Array.from({ length: dimension.size }, (_, i) => {
      let sum = 0
      for (let k = 0; k < dimension.binning; k++)
        sum += wave(axis, n, at(dimension, i) + k, dimension.fullSize)
      return sum
    })
  const both = (axis: "X" | "Y", dimension: Exposure["x"]) => {
    const [first, second] = [along(axis, dimension, 1), along(axis, dimension, 2)]
    const multiply = p.get(`${axis}SineOperation`) === 1
    const mixed = first.map((value, i) => (multiply ? value * (second[i] ?? 0) : value + (second[i] ?? 0)))
    return { first, second, mixed }
  }
  const [overX, overY] = [both("X", x), both("Y", y)]
  const gain = p.get("Gain")
  if (canvas.colors === 1) {
    fill(canvas, (i, j) => gain * (y.binning * (overX.mixed[i] ?? 0) + x.binning * (overY.mixed[j] ?? 0)))
    return
  }
  const [red = 1, green = 1, blue = 1] = gainsOf(canvas, p)
  fill(canvas, (i, j, color) => {
    if (color === 0) return gain * red * (overX.first[i] ?? 0)
    if (color === 1) return gain * green * (overY.first[j] ?? 0)
    return (gain * blue * ((overX.second[i] ?? 0) + (overY.second[j] ?? 0))) / 2
  })
}

/** Offset, and noise that is uniform from 0 to Noise. */
export function drawBackground(canvas: Canvas, p: CameraParameters, sampler: CountSampler): void {
  const [offset, noise] = [p.get("Offset"), p.get("Noise")]
  if (offset === 0 && noise === 0) return
  for (let i = 0; i < canvas.data.length; i++) canvas.add(i, offset + noise * sampler.uniform())
}

/** Position on the sensor of the first of the columns that make up column `i`. */
const at = ({ offset, binning, reverse, size }: Exposure["x"], i: number): number =>
  offset + binning * (reverse ? size - 1 - i : i)

/** Sums of the positions of the columns that are binned. */
const positions = (axis: Exposure["x"]): number[] =>
  Array.from({ length: axis.size }, (_, i) => axis.binning * (at(axis, i) + (axis.binning - 1) / 2))

const gainsOf = (canvas: Canvas, p: CameraParameters): number[] =>
  canvas.colors === 1 ? [1] : [p.get("GainRed"), p.get("GainGreen"), p.get("GainBlue")]

function fill(canvas: Canvas, value: (x: number, y: number, color: number) => number): void {
  const { data, step } = canvas
  for (let color = 0; color < canvas.colors; color++) {
    for (let j = 0; j < canvas.height; j++) {
      let index = color * step.color + j * step.y
      for (let i = 0; i < canvas.width; i++) {
        data[index] = value(i, j, color)
        index += step.x
      }
    }
  }
}
