/** The plugin `Pva1:`, which serves images as NTNDArray. What serves it over the network listens here. */
import { pluginFields } from "../fields/plugin.ts"
import type { Frame } from "../frame.ts"
import { r, text } from "../parameters.ts"
import { Plugin, type PluginParts } from "./plugin.ts"

const table = (pvName: string) => ({
  ...pluginFields({ port: "PVA1", type: "NDPluginPva", enabled: true }),
  PvName: r(text(pvName)),
})

export class PvaPlugin extends Plugin<ReturnType<typeof table>> {
  /** Name of the PV that holds the images. */
  readonly pvName: string
  #onFrame: (frame: Frame) => void = () => {}

  constructor(parts: PluginParts) {
    const pvName = `${parts.prefix}Image`
    super(parts, table(pvName))
    this.pvName = pvName
  }

  /** Who serves the images. */
  serve(onFrame: (frame: Frame) => void): void {
    this.#onFrame = onFrame
  }

  protected override handle(frame: Frame): Frame {
    this.#onFrame(frame)
    return frame
  }
}
