/** The plugin `image1:`, which serves the pixels as a flat waveform over Channel Access. */
import { arrayOf, type ElementType } from "../../records/field.ts"
import { pluginFields } from "../fields/plugin.ts"
import type { Frame } from "../frame.ts"
import { array, bare } from "../parameters.ts"
import { Plugin, type PluginParts } from "./plugin.ts"

/** Type and room of the waveform, fixed when the IOC starts. */
export interface Waveform {
  /** FTVL. */
  readonly elements: ElementType
  /** NELM. */
  readonly length: number
}

const table = ({ elements, length }: Waveform) => ({
  ...pluginFields({ port: "Image1", type: "NDPluginStdArrays", enabled: true }),
  ArrayData: bare(array(elements, length)),
})

export class StdArraysPlugin extends Plugin<ReturnType<typeof table>> {
  readonly #waveform: Waveform

  constructor(parts: PluginParts, waveform: Waveform) {
    super(parts, table(waveform))
    this.#waveform = waveform
  }

  protected override handle(frame: Frame): Frame {
    const { elements, length } = this.#waveform
    const { data } = frame
    const Type = arrayOf[elements]
    const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array
    const numbers = isBig ? Float64Array.from(data, Number) : data
    const cast = numbers instanceof Type ? numbers : Type.from(numbers)
    this.parameters.set("ArrayData", cast.length > length ? cast.subarray(0, length) : cast)
    return frame
  }
}
