/** What the simulated sensor sees: an image for the settings of the camera and the state of the beamline. */
import { CountSampler } from "../../physics/counts.ts"
import type { Noise } from "../../physics/random.ts"
import type { CameraParameters } from "../camera.ts"
import { simModes } from "../fields/camera.ts"
import type { ColorMode, DataType, Dimension, PixelArray } from "../frame.ts"
import { Canvas } from "./canvas.ts"
import { drawBackground, drawRamp, drawSines } from "./patterns.ts"
import { drawDark, drawPeaks } from "./peaks.ts"

/** What is read out of the sensor. */
export interface Exposure {
  readonly seconds: number
  readonly x: Dimension
  readonly y: Dimension
  readonly dataType: DataType
  readonly colorMode: ColorMode
}

/** The light on the sensor. */
export interface Light {
  /** Counts per second in each peak. */
  readonly rate: number
  /** Counts per second in a region of 256 × 256 pixels without beam. */
  readonly dark: number
  /** By how many pixels the sample stage has moved the peaks. */
  readonly shift: readonly [x: number, y: number]
  /** Rotation of the sample in degrees: the peaks share the light accordingly. */
  readonly rotation: number
}

/** Beyond so many values an image is not drawn anew while nothing changes: a few with different noise take turns. */
const manyPixels = 256 * 256
const turns = 8

/** Takes images. The same seed and the same requests give the same images. */
export class ImageSource {
  readonly #sampler: CountSampler
  readonly #light: () => Light
  #key = ""
  #kept: PixelArray[] = []
  #taken = 0

  constructor(noise: Noise, light: () => Light) {
    this.#sampler = new CountSampler(noise)
    this.#light = light
  }

  take(exposure: Exposure, settings: CameraParameters): PixelArray {
    const light = this.#light()
    const { width, height } = sizeOf(exposure)
    this.#taken++
    const isRamp = simModes[settings.get("SimMode")] === "LinearRamp"
    if (isRamp || width * height <= manyPixels) return this.#draw(exposure, settings, light)
    const key = keyOf(exposure, settings, light)
    if (key !== this.#key) {
      this.#key = key
      this.#kept = []
    }
    const turn = this.#taken % turns
    this.#kept[turn] ??= this.#draw(exposure, settings, light)
    return this.#kept[turn]!
  }

  #draw(exposure: Exposure, p: CameraParameters, light: Light): PixelArray {
    const { width, height } = sizeOf(exposure)
    const canvas = new Canvas(width, height, exposure.dataType, exposure.colorMode)
    this.#sampler.shuffle()
    const mode = simModes[p.get("SimMode")]
    if (mode === "LinearRamp") drawRamp(canvas, exposure, p, this.#taken)
    if (mode === "Sine") drawSines(canvas, exposure, p)
    if (mode === "Peaks") {
      drawPeaks(canvas, exposure, p, light, this.#sampler)
      drawDark(canvas, light.dark * exposure.seconds, this.#sampler)
    }
    drawBackground(canvas, p, this.#sampler)
    return canvas.finish()
  }
}

const sizeOf = ({ x, y }: Exposure) => ({ width: x.size, height: y.size })

/** Everything that an image depends on, but its noise. */
function keyOf(exposure: Exposure, p: CameraParameters, light: Light): string {
  const settings = imageSettings.map(name => p.get(name))
  return JSON.stringify([exposure, settings, light])
}

const imageSettings = [
  "SimMode",
  "Gain",
  "GainX",
  "GainY",
  "GainRed",
  "GainGreen",
  "GainBlue",
  "Offset",
  "Noise",
  "PeakStartX",
  "PeakStartY",
  "PeakNumX",
  "PeakNumY",
  "PeakStepX",
  "PeakStepY",
  "PeakWidthX",
  "PeakWidthY",
  "PeakVariation",
  "XSineOperation",
  "YSineOperation",
  "XSine1Amplitude",
  "XSine1Frequency",
  "XSine1Phase",
  "XSine2Amplitude",
  "XSine2Frequency",
  "XSine2Phase",
  "YSine1Amplitude",
  "YSine1Frequency",
  "YSine1Phase",
  "YSine2Amplitude",
  "YSine2Frequency",
  "YSine2Phase",
] as const
